"""overlayfs, user namespaces, room on the disk."""

from __future__ import annotations

import shutil

from cowtrace.recording.doctor.check import Check
from cowtrace.recording.host import Host
from cowtrace.recording.levels import DEFAULT_LEVEL, LEVELS
from cowtrace.units import GIB, format_bytes

#: Less free space than this is a lack.
ENOUGH_BYTES = 2 * GIB


def overlay(host: Host) -> Check:
    """Whether overlayfs is there, and whether a change of mode copies the data (metacopy)."""
    known = any(line.split()[-1:] == ["overlay"] for line in (host.text("proc/filesystems") or "").splitlines())
    if not known:
        return Check("overlayfs", "info", "not loaded (`sudo modprobe overlay`): no copy-up happens on this host")
    metacopy = {"Y": "on", "N": "off"}.get(host.text("sys/module/overlay/parameters/metacopy") or "", "not known")
    mounts = sum(1 for line in (host.text("proc/self/mountinfo") or "").splitlines() if " - overlay " in line)
    return Check("overlayfs", "info", f"metacopy={metacopy} unless a mount says otherwise; {mounts} overlay mounts in sight")


def user_namespaces(host: Host) -> Check:
    """User namespaces: whether containers without root run here."""
    limit = host.integer("proc/sys/user/max_user_namespaces")
    if limit is None or limit == 0:
        return Check("user namespaces", "info", "none")
    if host.integer("proc/sys/kernel/unprivileged_userns_clone") == 0:
        return Check("user namespaces", "info", "for root only (kernel.unprivileged_userns_clone=0)")
    if host.integer("proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1:
        return Check("user namespaces", "info", "restricted by AppArmor for unprivileged users")
    return Check("user namespaces", "info", f"available (at most {limit})")


def disk_space(host: Host) -> Check:
    """Room for perf.data in the current folder."""
    free = shutil.disk_usage(".").free
    faults = free // LEVELS[DEFAULT_LEVEL].cost.bytes_per_fault
    found = f"{format_bytes(free)} free here: about {faults // 1_000_000:,} million faults at level {DEFAULT_LEVEL}"
    if free >= ENOUGH_BYTES:
        return Check("disk space", "ok", found)
    return Check(
        "disk space", "lack", found, "a long recording fails when the disk is full", "record elsewhere (-o FOLDER), or with --limit-size"
    )
