"""A back-test for people: one table in text or Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from cowtrace.backtest.compare import Row, coverage
from cowtrace.backtest.result import BackTest
from cowtrace.report.markdown import escape
from cowtrace.text import printable
from cowtrace.units import format_bytes, format_count, format_ns

HEADS = ("process", "measure", "before", "predicted", "90 % interval", "measured", "error", "noise", "in interval")

_MEASURES: dict[str, tuple[str, Callable[[int], str]]] = {
    "faults": ("faults", format_count),
    "fault_time_ns": ("fault time", format_ns),
    "copied_bytes": ("copied", format_bytes),
    "zeroed_bytes": ("zeroed", format_bytes),
    "fork_time_ns": ("fork time", format_ns),
}


def cells(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The table's cells under ``HEADS``; a process is named in its first row."""
    lines: list[tuple[str, ...]] = []
    last: object = ""
    for row in rows:
        name, form = _MEASURES[row.measure]

        def show(value: float | None, form: Callable[[int], str] = form) -> str:
            return "?" if value is None else form(round(value))

        who = "all" if row.comm is None else printable(row.comm)
        interval = "-" if row.low is None else f"{show(row.low)} .. {show(row.high)}"
        inside = f"{row.covered} of {row.runs}" if row.low is not None else "-"
        numbers = (show(row.baseline), show(row.predicted), interval, show(row.measured))
        lines.append((who if row.comm != last else "", name, *numbers, share(row.error, signed=True), share(row.noise), inside))
        last = row.comm
    return lines


def share(value: float | None, *, signed: bool = False) -> str:
    """``0.031 -> '3.1 %'``; None -> ``'-'``."""
    if value is None:
        return "-"
    return f"{100 * value:{'+' if signed else ''}.1f} %"


def summary(test: BackTest) -> list[str]:
    """What the table comes to, one sentence each; then the notes."""
    rows = test.rows
    covered, runs = coverage(rows)
    directions = [row.direction_right for row in rows if row.direction_right is not None]
    lines = []
    if runs:
        lines.append(f"{covered} of {runs} measured values lie in their 90 % interval ({100 * covered / runs:.0f} %).")
    if directions:
        lines.append(
            f"The direction was right for {sum(directions)} of the {len(directions)} measures that moved by more than twice their noise."
        )
    return [*lines, *test.notes]


def heading(test: BackTest) -> str:
    """What was tried on what."""
    runs = f"{len(test.before)} run{'s' if len(test.before) > 1 else ''} before, {len(test.after)} after"
    return printable(f"{' '.join(test.what_if)}: {test.title} ({runs})")


def as_text(test: BackTest) -> str:
    """The table in columns."""
    table = [HEADS, *cells(test.rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEADS))]
    lines = [heading(test), ""]
    for line in table:
        padded = [
            cell.ljust(width) if column < 2 else cell.rjust(width) for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join([*lines, "", *map(printable, summary(test))]) + "\n"


def as_markdown(test: BackTest) -> str:
    """The table in GitHub's Markdown."""
    lines = [f"**{escape(heading(test))}**", "", f"| {' | '.join(HEADS)} |", "|---|---|" + "--:|" * (len(HEADS) - 2)]
    lines += [f"| {' | '.join(escape(cell) for cell in line)} |" for line in cells(test.rows)]
    return "\n".join([*lines, "", *(escape(line) for line in summary(test))]) + "\n"


#: Format -> how a back-test is written in it.
RENDERERS: dict[str, Callable[[BackTest], str]] = {
    "text": as_text,
    "md": as_markdown,
    "json": lambda test: json.dumps(test.as_json(), indent=1) + "\n",
}
