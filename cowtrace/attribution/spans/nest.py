"""Which exit ends which entry, and which call is inside which: by sorting, whole columns at a time.

Per thread, of all edges no deeper than ``d`` an exit of depth ``d`` directly follows its own entry: whatever was called in between lies
deeper, and whatever came before or after lies around it. So one look at neighbours for each depth, from the deepest to the outermost,
finds every pair; a neighbour that does not fit says that its partner was lost or lies outside the recording.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.attribution.spans.edges import ENTRY, EXIT, POINT, Edges

#: What a call may seem to last longer than the kernel says, where events were lost: interrupts between clock and event, rounding.
_SLACK_NS = 1_000_000


@dataclass(slots=True)
class Nesting:
    """Results by edge, in the order of the edges given: int64[n] each; -1 is none.

    Attributes:
        partner: Of an entry its exit, of an exit its entry.
        parent: Of an entry or point: the innermost entry around it.
        is_open: bool: an entry that may still end in a later batch.
    """

    partner: Int
    parent: Int
    is_open: np.ndarray


def nest(edges: Edges, lost_ns: Int) -> Nesting:
    """Match edges sorted by thread, each thread's in time order.

    Args:
        edges: Sorted.
        lost_ns: Times at which events were lost, ascending: a pair around one must agree with the kernel's own account of it.
    """
    count = len(edges)
    partner, parent = np.full(count, -1, np.int64), np.full(count, -1, np.int64)
    is_open = np.zeros(count, np.bool_)
    if not count:
        return Nesting(partner, parent, is_open)
    thread, depth, kind, function = edges.thread, edges.depth, edges.kind, edges.function
    left = np.arange(count)
    for level in range(int(depth.max()), -1, -1):
        left = left[depth[left] <= level]
        _parents(left, thread, depth, kind, level, parent)
        calls = left[kind[left] != POINT]
        before, after = calls[:-1], calls[1:]
        here = (depth[before] == level) & (kind[before] == ENTRY)
        same = thread[before] == thread[after]
        pair = here & same & (depth[after] == level) & (kind[after] == EXIT) & (function[before] == function[after])
        entry, leave = before[pair], after[pair]
        if len(lost_ns) and len(entry):
            true = _agrees(edges, entry, leave, lost_ns)
            entry, leave = entry[true], leave[true]
        partner[entry], partner[leave] = leave, entry
        is_open[before[here & ~same]] = True
        if len(calls) and depth[calls[-1]] == level and kind[calls[-1]] == ENTRY:
            is_open[calls[-1]] = True
    return Nesting(partner, parent, is_open)


def _parents(left: Int, thread: Int, depth: Int, kind: Int, level: int, parent: Int) -> None:
    """Fill in the parents of the entries and points at a level: the edge before them that is less deep, if it is an entry."""
    if not level:
        return
    place = np.arange(len(left))
    shallower = np.maximum.accumulate(np.where((depth[left] < level) & (kind[left] != POINT), place, -1))
    mine = np.flatnonzero((depth[left] == level) & (kind[left] != EXIT))
    above = shallower[mine]
    around = left[np.maximum(above, 0)]
    found = (above >= 0) & (thread[around] == thread[left[mine]]) & (kind[around] == ENTRY)
    parent[left[mine[found]]] = around[found]


def _agrees(edges: Edges, entry: Int, leave: Int, lost_ns: Int) -> np.ndarray:
    """bool for each pair: nothing was lost in between, or it lasted as long as the kernel says."""
    begin, end, taken = edges.ts_ns[entry], edges.ts_ns[leave], edges.taken_ns[leave]
    around = np.searchsorted(lost_ns, begin) != np.searchsorted(lost_ns, end, side="right")
    result: np.ndarray = ~around | (taken < 0) | (end - begin <= taken + _SLACK_NS)
    return result
