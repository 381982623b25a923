"""The feature sections of a perf.data file: who recorded what, where and how. In pipes they come as HEADER_FEATURE records.

Source: tools/perf/util/header.c (feat_ops, write_* functions), header.h (enum HEADER_*).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cowtrace.errors import InputError
from cowtrace.parsers.cursor import Cursor
from cowtrace.parsers.perfdata.attr import Attr, read_attr
from cowtrace.parsers.perfdata.records import MISC_BUILD_ID_SIZE
from cowtrace.text import decode_name

TRACING_DATA, BUILD_ID, EVENT_DESC, DIR_FORMAT = 1, 2, 12, 24
#: Numbers by name; bits that are not listed are reported by number.
FEATURE_NAMES: dict[int, str] = {
    1: "tracing_data",
    2: "build_ids",
    3: "hostname",
    4: "os_release",
    5: "version",
    6: "arch",
    7: "nr_cpus",
    8: "cpu_desc",
    9: "cpu_id",
    10: "total_mem_kb",
    11: "cmdline",
    12: "event_desc",
    13: "cpu_topology",
    14: "numa_topology",
    15: "branch_stack",
    16: "pmu_mappings",
    17: "group_desc",
    18: "auxtrace",
    19: "stat",
    20: "cache",
    21: "sample_time",
    22: "mem_topology",
    23: "clockid_resolution_ns",
    24: "dir_format",
    25: "bpf_prog_info",
    26: "bpf_btf",
    27: "compressed",
    28: "cpu_pmu_caps",
    29: "clock_data",
    30: "hybrid_topology",
    31: "pmu_caps",
    32: "cpu_domain_info",
    33: "e_machine",
    34: "cln_size",
}
#: Entries of any list in a section; more is damage.
_MAX_ENTRIES = 1 << 20
_MAX_DAMAGES = 20


@dataclass(slots=True)
class Features:
    """Decoded features.

    Attributes:
        values: JSON-able value by name.
        events: Entries of EVENT_DESC: attr, ids, name.
        damaged: Names of features that could not be decoded, with the reason.
    """

    values: dict[str, Any] = field(default_factory=dict)
    events: list[tuple[Attr, list[int], str]] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    def add(self, bit: int, cursor: Cursor) -> None:
        """Decode one feature; a damaged or unknown one leaves its name and size."""
        name = FEATURE_NAMES.get(bit, f"feature_{bit}")
        try:
            if bit == EVENT_DESC:
                self.events = _event_desc(cursor)
                self.values[name] = [event for _, _, event in self.events]
            elif bit in _READERS:
                self.values[name] = _READERS[bit](cursor)
            else:
                self.values[name] = {"size_bytes": cursor.left}
        except InputError as error:
            self.damage(f"{name}: {error.problem}")

    def damage(self, text: str) -> None:
        """Note a feature that could not be decoded."""
        if len(self.damaged) < _MAX_DAMAGES:
            self.damaged.append(text)


def _string(cursor: Cursor) -> str:
    return decode_name(cursor.take(cursor.u32()).split(b"\0", 1)[0])


def _count(cursor: Cursor) -> int:
    count = cursor.u32()
    if count > min(_MAX_ENTRIES, cursor.left):
        raise InputError(cursor.path, f"a list of {count} entries in {cursor.left} bytes", offset=cursor.base + cursor.at)
    return count


def _strings(cursor: Cursor) -> list[str]:
    return [_string(cursor) for _ in range(_count(cursor))]


def _event_desc(cursor: Cursor) -> list[tuple[Attr, list[int], str]]:
    count, attr_size = _count(cursor), cursor.u32()
    events = []
    for _ in range(count):
        attr = read_attr(cursor, attr_size)
        id_count = _count(cursor)
        name = _string(cursor)
        events.append((attr, cursor.u64s(id_count), name))
    return events


def _build_ids(cursor: Cursor) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    while cursor.left >= 8 and len(entries) < _MAX_ENTRIES:
        cursor.u32()
        misc, size = cursor.u16(), cursor.u16()
        entries.append(build_id_entry(Cursor(cursor.take(size - 8), cursor.order, cursor.path, cursor.base), misc))
    return entries


def build_id_entry(cursor: Cursor, misc: int) -> dict[str, Any]:
    """Body of one build-id record: pid, id, file name."""
    pid = cursor.s32()
    raw = cursor.take(24)
    size = min(raw[20], 20) if misc & MISC_BUILD_ID_SIZE else 20
    return {"tgid": pid, "build_id": raw[:size].hex(), "path": decode_name(cursor.rest().split(b"\0", 1)[0])}


def _nr_cpus(cursor: Cursor) -> dict[str, int]:
    # In this order in the file (write_nrcpus), although the format's text document has it the other way round.
    return {"available": cursor.u32(), "online": cursor.u32()}


def _cpu_topology(cursor: Cursor) -> dict[str, Any]:
    # The list of core and socket ids behind the two lists depends on the number of CPUs and on the perf version: left out.
    return {"cores": _strings(cursor), "threads": _strings(cursor)}


def _numa_topology(cursor: Cursor) -> list[dict[str, Any]]:
    return [
        {"node": cursor.u32(), "total_kb": cursor.u64(), "free_kb": cursor.u64(), "cpus": _string(cursor)} for _ in range(_count(cursor))
    ]


def _pmu_mappings(cursor: Cursor) -> dict[str, int]:
    pairs = [(cursor.u32(), _string(cursor)) for _ in range(_count(cursor))]
    return {name: number for number, name in pairs}


def _group_desc(cursor: Cursor) -> list[dict[str, Any]]:
    return [{"name": _string(cursor), "leader": cursor.u32(), "members": cursor.u32()} for _ in range(_count(cursor))]


def _cache(cursor: Cursor) -> list[dict[str, Any]]:
    cursor.u32()  # version
    names = ("level", "line_size", "sets", "ways")
    return [
        {**{name: cursor.u32() for name in names}, "type": _string(cursor), "size": _string(cursor), "cpus": _string(cursor)}
        for _ in range(_count(cursor))
    ]


def _compressed(cursor: Cursor) -> dict[str, int]:
    return {name: cursor.u32() for name in ("version", "type", "level", "ratio", "mmap_len")}


def _clock_data(cursor: Cursor) -> dict[str, int]:
    return {"version": cursor.u32(), "clockid": cursor.u32(), "wall_ns": cursor.u64(), "clock_ns": cursor.u64()}


def _caps(cursor: Cursor) -> dict[str, str]:
    return {_string(cursor): _string(cursor) for _ in range(_count(cursor))}


_READERS: dict[int, Callable[[Cursor], Any]] = {
    2: _build_ids,
    **dict.fromkeys((3, 4, 5, 6, 8, 9), _string),
    7: _nr_cpus,
    10: Cursor.u64,
    11: _strings,
    13: _cpu_topology,
    14: _numa_topology,
    15: lambda cursor: True,
    16: _pmu_mappings,
    17: _group_desc,
    19: lambda cursor: True,
    20: _cache,
    21: lambda cursor: {"first_ns": cursor.u64(), "last_ns": cursor.u64()},
    23: Cursor.u64,
    24: Cursor.u64,
    27: _compressed,
    28: _caps,
    29: _clock_data,
}
