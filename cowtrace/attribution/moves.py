"""Mappings that mremap moved: perf writes no record of the move, so their new place is learned from the system call.

The moved range answers with the mapping that lay at the old address; pages keep their frames (mm/mremap.c: move_page_tables).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cowtrace.attribution import roles as R
from cowtrace.attribution.asof import AsOf, Int
from cowtrace.attribution.rows import Rows

#: Return values from here on are error codes (include/linux/err.h: MAX_ERRNO).
_ERRORS_FROM = -4095


@dataclass(slots=True)
class Moves:
    """Completed moves; int64[n] each."""

    tgid: Int
    ts_ns: Int
    old_addr: Int
    new_addr: Int
    size_bytes: Int


class MoveCalls:
    """Pairs mremap entries with their exits over the batches."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[int, int]] = {}

    def completed(self, rows: Rows) -> Moves:
        """Moves that ended in this batch. Calls are rare beside faults: one step each."""
        done: list[tuple[int, int, int, int, int]] = []
        if rows.first is not None and rows.second is not None:
            at = np.flatnonzero((rows.role == R.MREMAP_ENTER) | (rows.role == R.MREMAP_EXIT))
            columns = (rows.role[at], rows.tid[at], rows.tgid[at], rows.ts_ns[at], rows.first[at], rows.second[at])
            for role, tid, tgid, ts, first, second in zip(*(column.tolist() for column in columns), strict=True):
                if role == R.MREMAP_ENTER:
                    self._open[tid] = (first, second)
                elif (call := self._open.pop(tid, None)) and not _ERRORS_FROM <= first < 0 and first != call[0]:
                    done.append((tgid, ts, call[0], first, call[1]))
        return Moves(*(np.array(column, np.int64) for column in (zip(*done, strict=True) if done else [[]] * 5)))


class MovedRanges:
    """Where moved mappings lie now, and which mapping record each of them is.

    Args:
        page_bits: Width of page numbers in keys.
    """

    def __init__(self, page_bits: int) -> None:
        self._bits = page_bits
        self._ranges = [np.empty(0, np.int64)] * 4

    @property
    def used(self) -> bool:
        """True once anything moved."""
        return len(self._ranges[0]) > 0

    def add(self, mm: Int, moves: Moves, record: Int) -> None:
        """Take in moves of known mappings."""
        known = (record >= 0) & (mm >= 0)
        low = (mm << self._bits) | (moves.new_addr >> 12)
        high = (mm << self._bits) | ((moves.new_addr + moves.size_bytes + 4095) >> 12)
        new = (low[known], high[known], moves.ts_ns[known], record[known])
        self._ranges = [np.concatenate(pair) for pair in zip(self._ranges, new, strict=True)]
        low, high, ts, _ = self._ranges
        self._points = np.unique(np.concatenate([low, high]))
        first, last = np.searchsorted(self._points, low), np.searchsorted(self._points, high)
        count = last - first
        self._owner = np.repeat(np.arange(len(low)), count)
        segment = np.repeat(first, count) + np.arange(len(self._owner)) - np.repeat(np.cumsum(count) - count, count)
        self._asof = AsOf(segment, ts[self._owner])

    def find(self, mm: Int, addr: Int, ts: Int) -> Int:
        """Mapping record that was moved over each address before a time, -1 without."""
        key = (mm << self._bits) | (addr >> 12)
        segment = np.searchsorted(self._points, key, side="right") - 1
        row = self._asof.find(np.maximum(segment, 0), ts)
        return np.where((row >= 0) & (segment >= 0), self._ranges[3][self._owner[row]], -1)
