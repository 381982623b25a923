"""Whether two recordings are of the same run: the same machine, and tasks that were born and executed at the same times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.parsers.base import SideBand, SourceInfo

#: Two recorders tell one fork or exec within microseconds, unless one was held up.
_APART_NS = 50_000_000
#: The same event in a recording and in a text made of it: the text rounds.
_ROUNDED_NS = 1_000
#: Offset of the time of day: more than a clock is ever set while a machine runs; less than lies between two boots with like uptimes.
_WALL_APART_NS = 3_600_000_000_000


@dataclass(frozen=True, slots=True)
class Tasks:
    """Births and execs by task: the first of each, in ascending order of ``key`` (tid << 1 | is exec)."""

    key: Int
    ts_ns: Int


def tasks_of(side: SideBand) -> Tasks:
    """Births and execs that happened during a recording."""
    fork = side.fork.filter(side.fork["ts_ns"] >= 0)
    execs = side.comm.filter((side.comm["ts_ns"] >= 0) & side.comm["is_exec"].fill_null(False))
    key = np.concatenate([fork["tid"].to_numpy().astype(np.int64) << 1, execs["tid"].to_numpy().astype(np.int64) << 1 | 1])
    ts_ns = np.concatenate([fork["ts_ns"].to_numpy(), execs["ts_ns"].to_numpy()])
    order = np.lexsort((ts_ns, key))
    key, ts_ns = key[order], ts_ns[order]
    first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else np.empty(0, np.int64)
    return Tasks(key[first], ts_ns[first])


def one_machine(one: SourceInfo, other: SourceInfo) -> bool:
    """Nothing says that the machines, or their boots, are different ones."""
    for name in ("hostname", "kernel_release", "arch"):
        mine, theirs = getattr(one, name), getattr(other, name)
        if mine is not None and theirs is not None and mine != theirs:
            return False
    return True


def one_boot(one: SourceInfo, other: SourceInfo) -> bool:
    """Nothing says that equal times on one clock were at different times of day."""
    if one.wall_offset_ns is None or other.wall_offset_ns is None:
        return True
    return abs(one.wall_offset_ns - other.wall_offset_ns) < _WALL_APART_NS


def same_times(one: Tasks, other: Tasks, begin_ns: int, end_ns: int) -> bool | None:
    """Whether births and execs between two times agree; None when there is nothing to compare. Both on one clock."""
    inside = [_between(tasks, begin_ns, end_ns) for tasks in (one, other)]
    fewest = min(len(tasks.key) for tasks in inside)
    if not fewest:
        return None
    apart = _apart(*inside)
    return bool(len(apart) * 2 >= fewest and np.median(np.abs(apart)) <= _APART_NS)


def same_moments(one: Tasks, other: Tasks) -> bool:
    """Whether both tell the same events at times that differ by rounding only, whatever they say of their clocks."""
    fewest, apart = min(len(one.key), len(other.key)), _apart(one, other)
    return bool(fewest and len(apart) == fewest and np.abs(apart).max() <= _ROUNDED_NS)


def same_story(one: Tasks, other: Tasks) -> bool:
    """Whether births and execs agree but for a constant: the clocks may be different ones."""
    fewest = min(len(one.key), len(other.key))
    apart = _apart(one, other)
    if len(apart) < 2 or len(apart) * 2 < fewest:
        return False
    return bool(np.median(np.abs(apart - np.median(apart))) <= _APART_NS)


def shared_names(one: SideBand, other: SideBand) -> bool:
    """Some task has the same number and name in both."""
    names = [set(zip(side.comm["tid"].to_list(), side.comm["comm"].to_list(), strict=True)) for side in (one, other)]
    return any(tid > 0 for tid, _ in names[0] & names[1])


def _between(tasks: Tasks, begin_ns: int, end_ns: int) -> Tasks:
    inside = (tasks.ts_ns >= begin_ns) & (tasks.ts_ns <= end_ns)
    return Tasks(tasks.key[inside], tasks.ts_ns[inside])


def _apart(one: Tasks, other: Tasks) -> Int:
    """Differences of the times of what both tell."""
    _, mine, theirs = np.intersect1d(one.key, other.key, assume_unique=True, return_indices=True)
    difference: Int = one.ts_ns[mine] - other.ts_ns[theirs]
    return difference
