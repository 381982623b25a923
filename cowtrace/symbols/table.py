"""Symbols of one file as sorted columns, and the lookup of addresses in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Int = npt.NDArray[np.int64]

#: Symbols around an address that may enclose it: functions with labels or further entries inside nest two or three deep.
_MAX_NESTING = 8
#: Nested symbols of a sane file; one in which a symbol spans most others is not searched for what encloses.
_MAX_NESTED = 1 << 19
_PAGE_BYTES = 4096
#: Of a name that is looked at: longer ones are cut, whatever wrote them.
NAME_BYTES = 4096


@dataclass(slots=True)
class SymbolTable:
    """Named ranges of addresses, ascending by start, one per start.

    Attributes:
        start: int64[n].
        end: int64[n], one past the last byte; never below ``start``.
        name_at: int64[n], place of each name in ``names``; it ends at the next NUL.
        names: uint8[m].
    """

    start: Int
    end: Int
    name_at: Int
    names: npt.NDArray[np.uint8]
    _enclosing: Int = field(init=False)

    def __post_init__(self) -> None:
        self._enclosing = _enclosing(self.end)

    def __len__(self) -> int:
        return len(self.start)

    def find(self, address: Int) -> Int:
        """Row of the innermost symbol that has each address: int64[n], -1 without.

        A symbol ends where its size says: what follows it, padding or code without a name, is not in it.
        """
        row = np.searchsorted(self.start, address, side="right") - 1
        if not len(self):
            return row
        for _ in range(_MAX_NESTING):
            past = (row >= 0) & (address >= self.end[row])
            if not past.any():
                break
            row[past] = self._enclosing[row[past]]
        else:
            row[(row >= 0) & (address >= self.end[row])] = -1
        return row

    def name(self, row: int) -> bytes:
        """The name of one row, as it stands in the file."""
        begin = int(self.name_at[row])
        return cut(self.names[begin : begin + NAME_BYTES].tobytes())


def cut(raw: bytes) -> bytes:
    """Bytes up to the first NUL."""
    end = raw.find(b"\0")
    return raw if end < 0 else raw[:end]


def build(start: Int, size: Int, name_at: Int, names: npt.NDArray[np.uint8], rank: Int) -> SymbolTable:
    """A table from symbols in any order.

    Of several symbols at one address the one that ``perf`` would show stays: with a size before without, then ``rank``, then fewer leading
    underscores, then the longer name (tools/perf/util/symbol.c: choose_best_symbol). A symbol without a size reaches to the next one,
    the last to the end of the next page.

    Args:
        start, size, name_at: int64[n]; rows whose name lies outside ``names`` are left out.
        names: Bytes in which every name ends with NUL.
        rank: int64[n], lower is preferred: strong before weak, global before local.
    """
    last = _PAGE_BYTES
    keep = (name_at >= 0) & (name_at < len(names)) & (start >= 0) & (size >= 0) & (start < 1 << 62) & (size < 1 << 62)
    start, size, name_at, rank = (column[keep] for column in (start, size, name_at, rank))
    order = np.lexsort((rank, size == 0, start))
    start, size, name_at, rank = (column[order] for column in (start, size, name_at, rank))
    first = np.flatnonzero(np.r_[True, start[1:] != start[:-1]]) if len(start) else order
    chosen = first.copy()
    counts = np.diff(np.append(first, len(start)))
    for group in np.flatnonzero(counts > 1).tolist():
        begin = int(first[group])
        rivals = range(begin, begin + int(counts[group]))
        equal = [row for row in rivals if rank[row] == rank[begin] and (size[row] == 0) == (size[begin] == 0)]
        if len(equal) > 1:
            chosen[group] = min(equal, key=lambda row: _taste(names, int(name_at[row])))
    start, size, name_at = start[chosen], size[chosen], name_at[chosen]
    end = start + size
    unsized = np.flatnonzero(size == 0)
    if len(start):
        following = np.append(start[1:], (start[-1] + last - 1) // last * last + last)
        end[unsized] = following[unsized]
    return SymbolTable(start, end, name_at, names)


def _taste(names: npt.NDArray[np.uint8], at: int) -> tuple[int, int]:
    name = cut(names[at : at + NAME_BYTES].tobytes())
    return len(name) - len(name.lstrip(b"_")), -len(name)


def _enclosing(end: Int) -> Int:
    """For each row the nearest earlier one that ends later, -1 without."""
    result = np.full(len(end), -1, np.int64)
    # only rows that begin before an earlier one has ended can have one; those are few
    reach = np.maximum.accumulate(end) if len(end) else end
    open_rows = np.flatnonzero(reach > end)
    if len(open_rows) > _MAX_NESTED:
        return result
    values: list[Any] = end.tolist() if len(open_rows) else []
    for row in open_rows.tolist():
        above = row - 1
        while above >= 0 and values[above] <= values[row]:
            above = int(result[above]) if reach[above] > values[above] else -1
        result[row] = above
    return result
