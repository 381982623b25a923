"""What this process may see: privileges, paranoia, lockdown, tracefs, kernel addresses, locked memory."""

from __future__ import annotations

from cowtrace.recording.doctor.check import Check
from cowtrace.recording.host import CAP_PERFMON, CAP_SYS_ADMIN, Host
from cowtrace.recording.plan import AS_ROOT, ENOUGH_BUFFER_PAGES, MOUNT_TRACEFS, NO_FRAMES, OPEN_PERF, OPEN_TRACEFS, default_buffer_pages
from cowtrace.units import format_bytes


def rights(host: Host) -> Check:
    """CAP_PERFMON or CAP_SYS_ADMIN, and what kernel.perf_event_paranoid leaves to those without."""
    name = "rights"
    if not host.has_perf_events:
        fix = "boot a kernel with CONFIG_PERF_EVENTS=y; in a container or sandbox, record on the host"
        return Check(name, "lack", "this kernel offers no perf events (no kernel.perf_event_paranoid)", "nothing can be recorded", fix)
    held = [name for name, bit in (("CAP_PERFMON", CAP_PERFMON), ("CAP_SYS_ADMIN", CAP_SYS_ADMIN)) if host.has_capability(bit)]
    level = host.paranoid
    if held:
        return Check(name, "ok", f"{' and '.join(held)}; perf_event_paranoid={level} does not bind you")
    if level < 0:
        return Check(name, "ok", f"no capabilities, and none needed with perf_event_paranoid={level}")
    left = {0: "everything but tracepoints", 1: "own processes, no tracepoints", 2: "own processes, user mode, no tracepoints"}.get(
        level, "nothing"
    )
    found = f"no capabilities, and perf_event_paranoid={level} leaves you: {left}"
    costs = "nothing can be recorded" if level > 2 else f"level low only; {NO_FRAMES}" if level == 2 else "level low only"
    return Check(name, "lack", found, costs, f"{AS_ROOT}, or {OPEN_PERF}")


def lockdown(host: Host) -> Check:
    """Kernel lockdown: ``confidentiality`` takes perf's kernel side, tracefs and kprobes away from root too (security/lockdown)."""
    text = host.text("sys/kernel/security/lockdown")
    if text is None:
        return Check("lockdown", "info", "not known (no /sys/kernel/security/lockdown): off, or securityfs is not mounted")
    mode = text.partition("[")[2].partition("]")[0] or text
    if mode == "confidentiality":
        fix = "boot without lockdown=confidentiality on the kernel command line (Secure Boot may enforce it)"
        return Check("lockdown", "lack", mode, "tracefs and kprobes are closed, also for root", fix)
    return Check("lockdown", "ok", mode)


def tracefs(host: Host) -> Check:
    """Tracepoints are described in tracefs; perf can't record one without reading its number there."""
    name, costs = "tracefs", "no tracepoints: level low only"
    if host.tracefs is None:
        if any(line.split()[2:3] == ["tracefs"] for line in (host.text("proc/mounts") or "").splitlines()):
            return Check(name, "lack", "mounted, but closed to this user", costs, f"{AS_ROOT}, or {OPEN_TRACEFS}")
        return Check(name, "lack", "not mounted", costs, MOUNT_TRACEFS)
    shown = "/" + str(host.tracefs.relative_to(host.root))
    if not host.may_read_tracepoint("sched:sched_process_fork"):
        return Check(name, "lack", f"{shown}, but its files are closed to this user", costs, f"{AS_ROOT}, or {OPEN_TRACEFS}")
    return Check(name, "ok", shown)


def kernel_symbols(host: Host) -> Check:
    """Whether /proc/kallsyms shows addresses: without them kernel frames of a recording have no names."""
    restrict = host.text("proc/sys/kernel/kptr_restrict") or "?"
    try:
        with host.path("proc/kallsyms").open("rb") as file:
            shown = any(not line.startswith(b"0000000000000000") for line in (file.readline() for _ in range(64)) if line)
    except OSError:
        shown = False
    if shown:
        return Check("kernel symbols", "ok", f"/proc/kallsyms shows addresses (kptr_restrict {restrict})")
    costs = "kernel functions in call chains have no names"
    return Check(
        "kernel symbols",
        "lack",
        f"addresses hidden (kptr_restrict {restrict})",
        costs,
        f"`sudo sysctl kernel.kptr_restrict=0`, or {AS_ROOT}",
    )


def ring_buffer(host: Host) -> Check:
    """How much memory perf may lock for its buffers; too little loses events in bursts."""
    pages = default_buffer_pages(host)
    found = f"-m {pages}: {format_bytes(pages * host.page_size)} on each of {host.cpu_count} CPUs"
    if pages >= ENOUGH_BUFFER_PAGES:
        return Check("ring buffer", "ok", found)
    wanted_kib = (ENOUGH_BUFFER_PAGES + 1) * host.page_size // 1024
    limit = host.integer("proc/sys/kernel/perf_event_mlock_kb")
    found += f" (perf_event_mlock_kb is {limit})" if limit is not None else ""
    costs = "events are lost when many faults come at once (2 % of a fork loop at -m 128)"
    return Check("ring buffer", "lack", found, costs, f"`sudo sysctl kernel.perf_event_mlock_kb={wanted_kib}`, or {AS_ROOT}")
