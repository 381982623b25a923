"""The memory settings that decide what a recording shows: facts, not lacks."""

from __future__ import annotations

from cowtrace.recording.doctor.check import Check
from cowtrace.recording.held import left_turned
from cowtrace.recording.host import Host

THP = "sys/kernel/mm/transparent_hugepage"


def chosen(text: str | None) -> str | None:
    """The bracketed word of a list of choices: ``always [madvise] never`` -> ``madvise``."""
    return text.partition("[")[2].partition("]")[0] or None if text else None


def huge_pages(host: Host) -> Check:
    """Transparent huge pages: enabled and defrag."""
    enabled = chosen(host.text(f"{THP}/enabled"))
    if enabled is None:
        return Check("huge pages", "info", "this kernel has no transparent huge pages")
    defrag = chosen(host.text(f"{THP}/defrag"))
    shmem = chosen(host.text(f"{THP}/shmem_enabled"))
    return Check("huge pages", "info", f"enabled={enabled} defrag={defrag or '?'} shmem={shmem or '?'}")


def huge_page_sizes(host: Host) -> Check:
    """Multi-size huge pages (Linux 6.8): which sizes an anonymous fault may allocate."""
    sizes: dict[str, list[str]] = {}
    for folder in host.path(THP).glob("hugepages-*kB"):
        mode = chosen(host.text(f"{THP}/{folder.name}/enabled"))
        if mode is not None:
            sizes.setdefault(mode, []).append(folder.name.removeprefix("hugepages-"))
    if not sizes:
        return Check("mTHP sizes", "info", "this kernel has none (they came with Linux 6.8)")
    parts = [f"{mode}: {' '.join(sorted(names, key=lambda name: int(name[:-2])))}" for mode, names in sorted(sizes.items())]
    return Check("mTHP sizes", "info", "; ".join(parts))


def ksm(host: Host) -> Check:
    """Kernel same-page merging: makes ksm_copy faults."""
    run = host.integer("sys/kernel/mm/ksm/run")
    if run is None:
        return Check("KSM", "info", "this kernel has none")
    state = {0: "off", 1: "running", 2: "off, everything unmerged"}.get(run, f"run={run}")
    return Check("KSM", "info", f"{state}; pages_sharing={host.integer('sys/kernel/mm/ksm/pages_sharing')}")


def swap(host: Host) -> Check:
    """Swap areas: without one there are no swap_in faults."""
    areas = [line.split()[0] for line in (host.text("proc/swaps") or "").splitlines()[1:] if line.split()]
    return Check("swap", "info", ", ".join(areas) or "none")


def settings_left(host: Host) -> Check | None:
    """Settings that a killed cowtrace had turned and could not put back."""
    left = left_turned(host)
    if not left:
        return None
    found = ", ".join(f"/{one.path} is at {one.value}, it was {one.before}" for one in left)
    return Check(
        "settings", "lack", f"{found}: a cowtrace was killed", "this host is not set as it was", "; ".join(one.undo for one in left)
    )
