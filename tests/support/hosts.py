"""Hosts made of a few files: what the recorder sees of a machine, without the machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from cowtrace.recording.host import Host
from cowtrace.recording.levels import LEVELS
from cowtrace.recording.perf_tool import PerfTool

#: Every tracepoint that any level asks for.
ALL_TRACEPOINTS = tuple(event.name for event in LEVELS["full"].events if event.is_tracepoint)

#: perf 6.1: every option that the recorder looks for.
PERF = PerfTool(
    path="/usr/bin/perf", version="6.1.0", options=frozenset({"phys-data", "data-page-size", "all-cgroups", "control", "synth"})
)

ROOT_CAPABILITIES = 0x1FFFFFFFFFF
NO_CAPABILITIES = 0


def make_host(
    root: Path,
    files: Mapping[str, str] | None = None,
    *,
    tracepoints: Iterable[str] = ALL_TRACEPOINTS,
    capabilities: int = ROOT_CAPABILITIES,
    paranoid: int | None = 2,
    machine: str = "x86_64",
    release: str = "6.18.0-test",
    cpu_count: int = 2,
) -> Host:
    """A host below ``root``: a perf_event hierarchy, the given tracepoints, and any other files."""
    contents = {
        "proc/self/status": f"Name:\tcowtrace\nCapEff:\t{capabilities:016x}\n",
        "proc/cgroups": "#subsys_name\thierarchy\tnum_cgroups\tenabled\nperf_event\t0\t1\t1\n",
        **({} if paranoid is None else {"proc/sys/kernel/perf_event_paranoid": f"{paranoid}\n"}),
        **{f"sys/kernel/tracing/events/{name.replace(':', '/')}/id": "77\n" for name in tracepoints},
        **(files or {}),
    }
    for name, text in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Host(
        root=root,
        machine=machine,
        release=release,
        page_size=4096,
        cpu_count=cpu_count,
    )
