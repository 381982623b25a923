"""Replay results as a piece of HTML, as notebooks show them."""

from __future__ import annotations

from html import escape

from cowtrace.replay.render.layout import kind_rows, measure_rows, process_rows, title
from cowtrace.replay.result import ReplayResult
from cowtrace.text import printable


def render(result: ReplayResult) -> str:
    """The tables of the Markdown, then what they rest on, folded away; every name from the trace escaped."""
    parts = [f"<p><b>{_cell(title(result))}</b></p>"]
    parts.append(_table(["", "recorded", "what-if", "change", "90 % interval"], measure_rows(result.baseline, result.what_if)))
    if rows := process_rows(result):
        parts.append(_table(["process", "n", "faults", "what-if", "change", "90 % interval", "fault time", "what-if"], rows))
    if rows := kind_rows(result):
        parts.append(_table(["kind", "recorded", "what-if", "cost of new ones from"], rows))
    for heading, sentences in (("Rests on", result.rests_on), ("Assumes", result.assumptions), ("Not modelled", result.not_modelled)):
        if sentences:
            items = "".join(f"<li>{_cell(sentence)}</li>" for sentence in sentences)
            parts.append(f"<details><summary>{heading}</summary><ul>{items}</ul></details>")
    return "\n".join(parts)


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = ["<table><thead><tr>", *(f"<th>{escape(name)}</th>" for name in header), "</tr></thead><tbody>"]
    for row in rows:
        lines += ["<tr>", *(f"<td>{_cell(cell)}</td>" for cell in row), "</tr>"]
    return "".join([*lines, "</tbody></table>"])


def _cell(text: str) -> str:
    return escape(printable(text))
