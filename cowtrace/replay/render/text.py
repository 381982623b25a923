"""Replay results as plain text."""

from __future__ import annotations

import textwrap

from cowtrace.replay.render.layout import SWEEP_HEADER, kind_rows, measure_rows, process_rows, sweep_rows, title
from cowtrace.replay.result import ReplayResult
from cowtrace.replay.sweep import Sweep
from cowtrace.text import printable

_WIDTH = 120


def render(result: ReplayResult) -> str:
    """Tables of measures, processes and kinds, then what they rest on."""
    parts = [
        f"{title(result)}\n\n{table(['', 'recorded', 'what-if', 'change', '90 % interval'], measure_rows(result.baseline, result.what_if))}"
    ]
    if rows := process_rows(result):
        header = ["process", "n", "faults", "what-if", "change", "90 % interval", "fault time", "what-if"]
        parts.append(table(header, rows))
    if rows := kind_rows(result):
        parts.append(table(["kind", "recorded", "what-if", "cost of new ones from"], rows, left=(0, 3)))
    for heading, sentences in (("Rests on", result.rests_on), ("Assumes", result.assumptions), ("Not modelled", result.not_modelled)):
        if sentences:
            parts.append(f"{heading}\n{_list(sentences)}")
    return "\n\n".join(parts) + "\n"


def render_sweep(sweep: Sweep) -> str:
    """The ranking, then what could not be tried."""
    parts = [f"What if, best first\n\n{table(SWEEP_HEADER, sweep_rows(sweep))}"]
    if sweep.refused:
        parts.append("Not tried\n" + _list([f"{name}: {reason}" for name, reason in sweep.refused]))
    if sweep.notes:
        parts.append("Notes\n" + _list(sweep.notes))
    return "\n\n".join(parts) + "\n"


def table(header: list[str], rows: list[list[str]], left: tuple[int, ...] = (0,)) -> str:
    """Aligned columns; those in ``left`` to the left, numbers to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = []
    for row in [header, ["─" * width for width in widths], *rows]:
        cells = [cell.ljust(width) if i in left else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _list(sentences: list[str]) -> str:
    return "\n".join(textwrap.fill(printable(text), _WIDTH, initial_indent="- ", subsequent_indent="  ") for text in sentences)
