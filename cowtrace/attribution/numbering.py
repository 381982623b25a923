"""Numbers for 64-bit values of which few are distinct, batch by batch."""

from __future__ import annotations

import numpy as np

from cowtrace.attribution.asof import Int

_TABLE_BITS = 16
# 2**64 divided by the golden ratio, made odd: spreads values that lie close over the upper bits
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
#: New values are looked for in this many rows first: mostly they hold all there are.
_FIRST_ROWS = 4096


class Numbering:
    """Numbers values in order of their first appearance.

    A value is looked up at one place of a table; where another one sits there already, it is searched for.
    """

    def __init__(self) -> None:
        self._values = np.empty(0, np.int64)
        self._table = np.full(1 << _TABLE_BITS, -1, np.int32)
        self._by_value = np.empty(0, np.int64)

    def number(self, values: Int) -> tuple[Int, Int]:
        """Number values.

        Args:
            values: int64[n], any.

        Returns:
            (numbers, fresh): int64[n]; and the places in ``values`` at which new ones first appear, in order of their numbers.
        """
        numbers, missing = self._find(values)
        fresh = [missing[:0]]
        look = _FIRST_ROWS
        while len(missing):
            rows = missing[:look]
            _, first = np.unique(values[rows], return_index=True)
            fresh.append(rows[np.sort(first)])
            self._add(values[fresh[-1]])
            numbers[missing], still = self._find(values[missing])
            missing = missing[still]
            look *= 4
        return numbers, np.concatenate(fresh)

    def _find(self, values: Int) -> tuple[Int, Int]:
        """Numbers, and the places of values that have none."""
        if not len(self._values):
            return np.empty(len(values), np.int64), np.arange(len(values))
        numbers = self._table.take(_slots(values), mode="clip").astype(np.int64)
        # an empty place is clipped to the first value, which sits at its own place and no other
        rest = np.flatnonzero(self._values.take(numbers, mode="clip") != values)
        if len(rest):
            candidate = self._by_value.take(np.searchsorted(self._values, values[rest], sorter=self._by_value), mode="clip")
            numbers[rest] = candidate
            rest = rest[self._values[candidate] != values[rest]]
        return numbers, rest

    def _add(self, values: Int) -> None:
        numbers = np.arange(len(self._values), len(self._values) + len(values), dtype=np.int32)
        self._values = np.concatenate([self._values, values])
        self._by_value = np.argsort(self._values)
        slots = _slots(values)
        free = self._table[slots] < 0
        # of several new values for one place the first one gets it
        self._table[slots[free][::-1]] = numbers[free][::-1]


def _slots(values: Int) -> Int:
    return ((values.view(np.uint64) * _SPREAD) >> np.uint64(64 - _TABLE_BITS)).view(np.int64)
