"""Verdicts for whole columns: ``decide`` once per distinct combination of facts, then a table lookup."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.attribution.facts import decode
from cowtrace.attribution.numbering import Numbering
from cowtrace.attribution.rules import decide
from cowtrace.attribution.verdict import Verdict


class VerdictTable:
    """Grows with the distinct verdicts of a recording; row numbers are stable."""

    def __init__(self) -> None:
        self.rows: list[Verdict] = []
        self._codes = Numbering()
        self._row_of_code = np.empty(0, np.int64)
        self._row_of_verdict: dict[Verdict, int] = {}

    def lookup(self, codes: Int) -> Int:
        """Row of the verdict of each encoded combination of facts."""
        numbers, fresh = self._codes.number(codes)
        if len(fresh):
            self._row_of_code = np.append(self._row_of_code, [self._row(code) for code in codes[fresh].tolist()])
        return self._row_of_code.take(numbers, mode="clip") if len(numbers) else numbers

    def charged(self, kinds: Iterable[str]) -> np.ndarray:
        """bool per row: is its kind one of these."""
        wanted = set(kinds)
        return np.array([row.kind in wanted for row in self.rows], np.bool_)

    def column(self, name: str) -> list[object]:
        """One attribute of all rows."""
        return [getattr(row, name) for row in self.rows]

    def _row(self, code: int) -> int:
        verdict = decide(decode(code))
        row = self._row_of_verdict.setdefault(verdict, len(self.rows))
        if row == len(self.rows):
            self.rows.append(verdict)
        return row
