"""Replay results as Markdown."""

from __future__ import annotations

from cowtrace.replay.render.layout import SWEEP_HEADER, kind_rows, measure_rows, process_rows, sweep_rows, title
from cowtrace.replay.result import ReplayResult
from cowtrace.replay.sweep import Sweep
from cowtrace.text import printable


def render(result: ReplayResult) -> str:
    """Tables of measures, processes and kinds, then what they rest on."""
    parts = [
        f"# {_cell(title(result))}",
        _table(["", "recorded", "what-if", "change", "90 % interval"], measure_rows(result.baseline, result.what_if)),
    ]
    if rows := process_rows(result):
        parts.append(_table(["process", "n", "faults", "what-if", "change", "90 % interval", "fault time", "what-if"], rows))
    if rows := kind_rows(result):
        parts.append(_table(["kind", "recorded", "what-if", "cost of new ones from"], rows))
    for heading, sentences in (("Rests on", result.rests_on), ("Assumes", result.assumptions), ("Not modelled", result.not_modelled)):
        if sentences:
            parts.append(f"## {heading}\n\n" + "\n".join(f"- {_cell(printable(text))}" for text in sentences))
    return "\n\n".join(parts) + "\n"


def render_sweep(sweep: Sweep) -> str:
    """The ranking, then what could not be tried."""
    parts = ["# What if, best first", _table(SWEEP_HEADER, sweep_rows(sweep))]
    if sweep.refused:
        parts.append("## Not tried\n\n" + "\n".join(f"- {_cell(printable(f'{name}: {reason}'))}" for name, reason in sweep.refused))
    if sweep.notes:
        parts.append("## Notes\n\n" + "\n".join(f"- {_cell(printable(text))}" for text in sweep.notes))
    return "\n\n".join(parts) + "\n"


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
