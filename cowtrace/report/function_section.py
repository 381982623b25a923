"""The section of functions: whose code took the faults."""

from __future__ import annotations

from typing import Any

from cowtrace.report.bill import Report
from cowtrace.report.cost import Cost
from cowtrace.report.headline import plural
from cowtrace.report.section import UNKNOWN, Head, Row, Section
from cowtrace.units import format_bytes, format_count, format_ns

#: Reasons for missing names that are printed; query symbol_note has all.
NOTES_SHOWN = 3
#: A C++ name can fill a screen; its end says less than its beginning.
_NAME_CHARS = 120

_HEADS = (
    Head("function", fold=True),
    Head("file", fold=True),
    Head("faults", "right"),
    Head("copies", "right"),
    Head("reuses", "right"),
    Head("copied", "right"),
    Head("zeroed", "right"),
    Head("time", "right"),
)


def function_section(report: Report) -> Section | None:
    """Functions by cost, then the others and all faults; None when the recording names no code at all."""
    if not any(group.keys["dso"] is not None for group in report.functions.rows):
        return None
    rows = [Row((_function(group.keys), _file(group.keys), *_cells(group.cost))) for group in report.functions.rows]
    if report.functions.rest_count:
        rows.append(Row((f"{plural(report.functions.rest_count, 'function')} more", "", *_cells(report.functions.rest)), is_sum=True))
    rows.append(Row(("all", "", *_cells(report.total)), is_sum=True))
    notes = [f"No names: {note}." for note in report.symbol_notes[:NOTES_SHOWN]]
    if len(report.symbol_notes) > NOTES_SHOWN:
        notes.append(
            f"{plural(len(report.symbol_notes) - NOTES_SHOWN, 'reason')} more: cowtrace query STORE symbol_note lists all of them."
        )
    return Section("Who wrote", "", _HEADS, rows, keys=2, notes=notes, name="functions", queries=("code/by_function",)).without_empty()


def _function(keys: dict[str, Any]) -> str:
    if keys["symbol"] is None:
        return "(no name)"
    name = str(keys["symbol"])
    return name if len(name) <= _NAME_CHARS else name[: _NAME_CHARS - 1] + "…"


def _file(keys: dict[str, Any]) -> str:
    return UNKNOWN if keys["dso"] is None else str(keys["dso"]).rpartition("/")[2]


def _cells(cost: Cost) -> tuple[str, ...]:
    counts = map(format_count, (cost.fault_count, cost.copy_count, cost.reuse_count))
    copied = f"≥ {format_bytes(cost.copied_bytes)}" if cost.unsized_count else format_bytes(cost.copied_bytes)
    spent = UNKNOWN if cost.duration_ns is None else format_ns(cost.duration_ns)
    return (*counts, copied, format_bytes(cost.zeroed_bytes), spent)
