"""The kernel settings that decide how memory is copied: stored with every recording."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cowtrace.recording.host import Host

#: Whole folders of small files, read as they are.
FOLDERS = (
    "sys/kernel/mm/transparent_hugepage",
    "sys/kernel/mm/ksm",
    "sys/kernel/mm/hugepages",
    "sys/kernel/mm/swap",
    "sys/module/overlay/parameters",
)
#: Counters, stored before and after by ``counters``.
SKIPPED = frozenset({"stats"})

FILES = (
    "proc/swaps",
    "proc/sys/kernel/perf_event_paranoid",
    "proc/sys/kernel/perf_event_mlock_kb",
    "proc/sys/kernel/kptr_restrict",
    "proc/sys/kernel/numa_balancing",
    "proc/sys/kernel/task_delayacct",
    "proc/sys/kernel/randomize_va_space",
    "proc/sys/vm/overcommit_memory",
    "proc/sys/vm/overcommit_ratio",
    "proc/sys/vm/max_map_count",
    "proc/sys/vm/swappiness",
    "proc/sys/vm/nr_hugepages",
    "proc/sys/vm/nr_overcommit_hugepages",
    "proc/sys/vm/compaction_proactiveness",
    "proc/sys/vm/unprivileged_userfaultfd",
    "sys/kernel/debug/fault_around_bytes",
    "sys/kernel/security/lockdown",
    "sys/devices/system/cpu/online",
    "sys/devices/system/node/online",
)


def host_settings(host: Host) -> dict[str, str]:
    """Path without its leading slash -> contents, for everything that exists and can be read."""
    found: dict[str, str] = {}
    for name in FILES:
        text = host.text(name)
        if text is not None:
            found[name] = text
    for name in FOLDERS:
        for path in _files(host.path(name)):
            below = str(path.relative_to(host.root))
            text = host.text(below)
            if text is not None:
                found[below] = text
    return found


def machine(host: Host) -> dict[str, Any]:
    """What the machine is: names of the kernel, CPU, memory."""
    import os

    name = os.uname()
    return {
        "sysname": name.sysname,
        "nodename": name.nodename,
        "release": host.release,
        "version": name.version,
        "machine": host.machine,
        "page_size_bytes": host.page_size,
        "cpu_count": host.cpu_count,
        "cpu_model": _first_value(host.text("proc/cpuinfo"), "model name"),
        "hypervisor": _has_hypervisor(host.text("proc/cpuinfo")),
        "memory_bytes": _memory_bytes(host.text("proc/meminfo")),
        "numa_nodes": len([path for path in host.path("sys/devices/system/node").glob("node*") if path.name[4:].isdigit()]) or None,
    }


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            if path.name not in SKIPPED:
                found += _files(path)
        elif path.is_file():
            found.append(path)
    return found


def _first_value(text: str | None, key: str) -> str | None:
    for line in (text or "").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return None


def _has_hypervisor(cpuinfo: str | None) -> bool | None:
    """Whether this is a virtual machine that says so (x86: X86_FEATURE_HYPERVISOR); None where CPUs have no such flag."""
    flags = _first_value(cpuinfo, "flags")
    return "hypervisor" in flags.split() if flags is not None else None


def _memory_bytes(meminfo: str | None) -> int | None:
    value = _first_value(meminfo, "MemTotal")
    return int(value.split()[0]) * 1024 if value else None
