"""System calls that shape address spaces without leaving a mapping record: munmap, madvise and mremap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cowtrace.attribution import roles as R
from cowtrace.attribution.asof import Int
from cowtrace.attribution.rows import ADVICE_BITS, Rows

MUNMAP, MADVISE, MREMAP = range(3)
CALLS = ("munmap", "madvise", "mremap")

#: Return values from here on are error codes (include/linux/err.h: MAX_ERRNO).
_ERRORS_FROM = -4095


@dataclass(frozen=True, slots=True)
class CallRows:
    """Calls in time order; int64[n] each. ``new_addr`` and ``advice`` are -1 where the call has none."""

    ts_ns: Int
    tgid: Int
    call: Int
    addr: Int
    size_bytes: Int
    new_addr: Int
    advice: Int


class MemoryCalls:
    """Collects the calls over the batches."""

    def __init__(self) -> None:
        self._parts: list[tuple[Int, ...]] = []

    def add(self, rows: Rows) -> None:
        """Take the calls of a batch."""
        if rows.first is None or rows.second is None:
            return
        at = np.flatnonzero(np.isin(rows.role, (R.MUNMAP, R.MADVISE, R.MREMAP_ENTER, R.MREMAP_EXIT)))
        if len(at):
            self._parts.append((rows.ts_ns[at], rows.tid[at], rows.tgid[at], rows.role[at], rows.first[at], rows.second[at]))

    def rows(self) -> CallRows:
        """All calls; an mremap counts when its exit was recorded and is no error, with the size that it asked for."""
        if not self._parts:
            return CallRows(*(np.empty(0, np.int64) for _ in range(7)))
        ts, tid, tgid, role, first, second = (np.concatenate(column).astype(np.int64) for column in zip(*self._parts, strict=True))
        by_thread = np.lexsort((np.arange(len(ts)), tid))
        enter, leave = by_thread[:-1], by_thread[1:]
        whole = (role[enter] == R.MREMAP_ENTER) & (role[leave] == R.MREMAP_EXIT) & (tid[enter] == tid[leave])
        whole &= (first[leave] >= 0) | (first[leave] < _ERRORS_FROM)
        moved_to = np.full(len(ts), -1, np.int64)
        moved_to[enter[whole]] = first[leave[whole]]
        advises = role == R.MADVISE
        keep = np.flatnonzero((role == R.MUNMAP) | advises | (moved_to != -1))
        keep = keep[np.argsort(ts[keep], kind="stable")]
        call = np.select([role == R.MUNMAP, advises], [MUNMAP, MADVISE], MREMAP)
        size = np.where(advises, second >> ADVICE_BITS, second)
        advice = np.where(advises, second & ((1 << ADVICE_BITS) - 1), -1)
        return CallRows(ts[keep], tgid[keep], call[keep], first[keep], size[keep], moved_to[keep], advice[keep])
