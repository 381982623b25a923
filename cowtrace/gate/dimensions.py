"""What changed most between two sides, by process, kind and mapping."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from cowtrace.gate.amount import format_amount
from cowtrace.gate.measures import MEASURES
from cowtrace.gate.subject import Subject

#: Dimension -> column of ``gate_cost``.
DIMENSIONS: dict[str, str] = {"process": "comm", "kind": "kind", "mapping": "object"}
#: Measures of each row of the table, with their sums.
_SHOWN: dict[str, str] = {
    "faults": "sum(fault_count)",
    "copies": "sum(fault_count) FILTER (family = 'copy')",
    "copied_bytes": "sum(copied_bytes)",
    "fault_time_ns": "sum(duration_ns)",
}


def total_rows(base: Sequence[Subject], new: Sequence[Subject]) -> list[dict[str, Any]]:
    """Every measure of the whole recordings: mean of each side."""
    rows = []
    for name, measure in MEASURES.items():
        sides = [fmean(subject.amounts(measure, {})[0].value for subject in side) for side in (base, new)]
        if any(sides):
            rows.append({"dimension": "all", "key": "", "measure": name, "base": sides[0], "new": sides[1]})
    return rows


def changed_rows(base: Sequence[Subject], new: Sequence[Subject], dimension: str, top: int) -> list[dict[str, Any]]:
    """The keys of a dimension whose faults or copied bytes changed most; keys without any change are left out."""
    sides = [_means(side, dimension) for side in (base, new)]
    empty = dict.fromkeys(_SHOWN, 0.0)
    rows = []
    for key in sides[0].keys() | sides[1].keys():
        values = [side.get(key, empty) for side in sides]
        weight = max(abs(values[1]["faults"] - values[0]["faults"]), abs(values[1]["copied_bytes"] - values[0]["copied_bytes"]) / 4096)
        rows.append((weight, key, values))
    rows.sort(key=lambda row: (-row[0], row[1]))
    return [
        {"dimension": dimension, "key": key, "measure": measure, "base": values[0][measure], "new": values[1][measure]}
        for weight, key, values in rows[:top]
        for measure in _SHOWN
        if weight and values[0][measure] != values[1][measure]
    ]


def as_table(rows: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Rows as text, header first."""
    table: list[tuple[str, ...]] = [("where", "what", "base", "new", "change", "")]
    for row in rows:
        unit = MEASURES[row["measure"]].unit
        delta = row["new"] - row["base"]
        share = f"{100 * delta / row['base']:+.3g} %" if row["base"] else "new" if row["new"] else ""
        where = f"{row['dimension']} {row['key']}".strip()
        sign = "-" if delta < 0 else "+" if delta > 0 else ""
        table.append(
            (
                where,
                row["measure"],
                format_amount(row["base"], unit),
                format_amount(row["new"], unit),
                f"{sign}{format_amount(abs(delta), unit)}",
                share,
            )
        )
    return table


def _means(side: Sequence[Subject], dimension: str) -> dict[str, dict[str, float]]:
    column = DIMENSIONS[dimension]
    sums = ", ".join(f"coalesce({sql}, 0)::DOUBLE" for sql in _SHOWN.values())
    found: dict[str, dict[str, float]] = {}
    for subject in side:
        for key, *values in subject.connection.execute(f"SELECT {column}, {sums} FROM gate_cost GROUP BY {column}").fetchall():
            entry = found.setdefault("?" if key is None else key, dict.fromkeys(_SHOWN, 0.0))
            for name, value in zip(_SHOWN, values, strict=True):
                entry[name] += value / len(side)
    return found
