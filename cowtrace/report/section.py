"""What every rendering places: sections of text tables and lists. A rendering never formats a number."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

#: Shown where the recording can't tell.
UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class Head:
    """One column of a table.

    Attributes:
        title: May have a line break.
        align: Numbers are ``right``.
        fold: Gives way when a terminal is narrow: its text is wrapped.
    """

    title: str
    align: Literal["left", "right"] = "left"
    fold: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Cells of one row; ``is_sum`` marks totals and remainders."""

    cells: tuple[str, ...]
    is_sum: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a report: a title, what to know, a table or list, and how to read it.

    Attributes:
        title: A few words.
        intro: One sentence above the table, or "".
        heads: Columns; without any there is no table.
        rows: Each with as many cells as there are columns.
        keys: First columns that say what a row is; a table that must be split repeats them.
        items: A list, instead of a table.
        notes: Sentences below.
        name: By which renderings with figures know it.
        queries: Of the library, that give these numbers.
    """

    title: str
    intro: str = ""
    heads: tuple[Head, ...] = ()
    rows: list[Row] = field(default_factory=list)
    keys: int = 1
    items: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    name: str = ""
    queries: tuple[str, ...] = ()

    def without_empty(self) -> Section:
        """The same without columns that say nothing in any row: blank, zero or unknown; key columns stay."""
        kept = [
            number for number in range(len(self.heads)) if number < self.keys or any(row.cells[number] not in _NOTHING for row in self.rows)
        ]
        rows = [Row(tuple(row.cells[number] for number in kept), row.is_sum) for row in self.rows]
        return replace(self, heads=tuple(self.heads[number] for number in kept), rows=rows)


_NOTHING = frozenset({"", "0", "0 B", UNKNOWN})
