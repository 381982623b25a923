"""What an event is called: recorded names first, then the kernel's fixed ones, then trace event formats, then numbers.

Sources: tools/perf/util/evsel.c (evsel__name, evsel__sw_names, evsel__hw_names, __evsel__hw_cache_name), include/uapi/linux/perf_event.h.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cowtrace.parsers.perfdata.attr import BREAKPOINT, HARDWARE, HW_CACHE, RAW, SOFTWARE, TRACEPOINT, Attr
from cowtrace.parsers.traceevent.format import TraceFormat

_HARDWARE = (
    "cycles",
    "instructions",
    "cache-references",
    "cache-misses",
    "branches",
    "branch-misses",
    "bus-cycles",
    "stalled-cycles-frontend",
    "stalled-cycles-backend",
    "ref-cycles",
)
_SOFTWARE = (
    "cpu-clock",
    "task-clock",
    "page-faults",
    "context-switches",
    "cpu-migrations",
    "minor-faults",
    "major-faults",
    "alignment-faults",
    "emulation-faults",
    "dummy",
    "bpf-output",
    "cgroup-switches",
)
_CACHES = ("L1-dcache", "L1-icache", "LLC", "dTLB", "iTLB", "branch", "node")
_CACHE_OPS = (("loads", "load"), ("stores", "store"), ("prefetches", "prefetch"))
_TYPES = {HARDWARE: "hardware", SOFTWARE: "software", TRACEPOINT: "tracepoint", HW_CACHE: "hw-cache", RAW: "raw"}


def builtin_name(attr: Attr) -> str | None:
    """The name of a hardware, cache, software or breakpoint event, with ``:u`` or ``:k`` when only that mode is counted."""
    name: str | None = None
    if attr.type == HARDWARE:
        name = _HARDWARE[attr.config] if attr.config < len(_HARDWARE) else None
    elif attr.type == SOFTWARE:
        name = _SOFTWARE[attr.config] if attr.config < len(_SOFTWARE) else None
    elif attr.type == HW_CACHE:
        name = _cache_name(attr.config)
    elif attr.type == BREAKPOINT:
        name = f"mem:{attr.config1:#x}"
    elif attr.type == RAW:
        name = f"raw {attr.config:#x}"
    if name is None:
        return None
    mode = {(True, False): ":u", (False, True): ":k"}.get((attr.exclude_kernel, attr.exclude_user), "")
    return name + mode


def _cache_name(config: int) -> str | None:
    cache, operation, result = config & 0xFF, config >> 8 & 0xFF, config >> 16 & 0xFF
    if cache >= len(_CACHES) or operation >= len(_CACHE_OPS) or result > 1:
        return None
    accesses, access = _CACHE_OPS[operation]
    return f"{_CACHES[cache]}-{access}-misses" if result else f"{_CACHES[cache]}-{accesses}"


def event_names(
    attrs: Sequence[tuple[Attr, list[int]]],
    described: Sequence[tuple[Attr, list[int], str]],
    updated: Mapping[int, str],
    formats: Mapping[int, TraceFormat],
) -> list[str]:
    """A name for every attr.

    Args:
        attrs: Events with their ids.
        described: Entries of the feature EVENT_DESC: attr, ids, name. They are matched by id; one without ids by type and
            config, and only when that leaves no choice.
        updated: Names by id from EVENT_UPDATE records.
        formats: Trace events by number.
    """
    by_id = {number: label for _, ids, label in described for number in ids}
    by_config: dict[tuple[int, int], set[str]] = {}
    for attr, _, label in described:
        by_config.setdefault((attr.type, attr.config), set()).add(label)
    names = []
    for place, (attr, ids) in enumerate(attrs):
        candidates = by_config.get((attr.type, attr.config), set())
        name: str | None = next((by_id[number] for number in ids if number in by_id), None)
        if name is None and len(candidates) == 1:
            name = next(iter(candidates))
        if name is None and candidates and place < len(described) and described[place][0] == attr:
            name = described[place][2]
        name = name or next((updated[number] for number in ids if number in updated), None) or builtin_name(attr)
        if name is None and attr.type == TRACEPOINT and attr.config in formats:
            name = f"{formats[attr.config].system}:{formats[attr.config].name}"
        names.append(name or f"{_TYPES.get(attr.type, f'pmu {attr.type}')}:{attr.config}")
    return names
