"""Private memory over time: what faults allocated, given back when a process ends."""

from __future__ import annotations

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.replay.trace import BLOCK_PAGES, Bools, Small, Trace
from cowtrace.replay.work import Work


def allocations(work: Work, first_touch: Bools, which: str = "value") -> Small:
    """Bytes that each fault adds to the private memory of its process.

    Args:
        work: The scenario.
        first_touch: From ``first_allocations``.
        which: ``value``, ``low`` or ``high`` of the faults that were not recorded.
    """
    new = work.copied + work.zeroed
    huge = new >= BLOCK_PAGES << 12
    result = np.where(first_touch | huge, new, 0).astype(np.float64)
    for extra in work.extras:
        count = getattr(extra, which)
        np.add.at(result, extra.row, count * _bytes_of(extra.kind))
    return result


def _bytes_of(kind: int) -> int:
    from cowtrace.replay.work import COPIED, ZEROED

    return int(COPIED[kind] + ZEROED[kind])


def first_allocations(trace: Trace) -> Bools:
    """True for the first fault of a page of an address space that brought memory; a page given back and touched again adds nothing."""
    faults = trace.faults
    rows = np.flatnonzero((faults.copied > 0) | (faults.zeroed > 0) | (faults.copied < 0) | (faults.zeroed < 0))
    key = ((trace.space[rows] + 1) << trace.page_bits) | np.maximum(faults.page[rows], 0)
    order = np.argsort(key, kind="stable")
    result = np.zeros(len(faults), np.bool_)
    if len(rows):
        result[rows[order[np.r_[True, key[order][1:] != key[order][:-1]]]]] = True
    return result


def peak(trace: Trace, rows: Int | slice, added: Small) -> float:
    """Largest sum of living processes' memory.

    Args:
        trace: The trace.
        rows: Faults to count, in time order.
        added: Bytes each of all faults adds.
    """
    space, ts, bytes_added = trace.space[rows], trace.faults.ts_ns[rows], added[rows]
    if not len(ts):
        return 0.0
    grown = np.cumsum(bytes_added)
    count = len(trace.lives.tgid)
    held = np.bincount(space[space >= 0], weights=bytes_added[space >= 0], minlength=count)
    ended = np.flatnonzero((held > 0) & (trace.lives.end_ns <= ts[-1]))
    ended = ended[np.argsort(trace.lives.end_ns[ended], kind="stable")]
    at = np.searchsorted(ts, trace.lives.end_ns[ended], side="right")
    before = np.where(at > 0, grown[np.maximum(at - 1, 0)], 0.0)
    freed = np.cumsum(held[ended])
    at_ends = before - np.r_[0.0, freed[:-1]] if len(ended) else np.zeros(0)
    return float(max(at_ends.max(initial=0.0), grown[-1] - (freed[-1] if len(ended) else 0.0)))
