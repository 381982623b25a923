"""Verdicts for terminals and logs."""

from __future__ import annotations

from cowtrace.gate.finding import Verdicts
from cowtrace.report.layout import table_lines
from cowtrace.report.section import Head, Row
from cowtrace.text import printable

_MARKS = {"ok": "ok", "broken": "BROKEN", "undecided": "undecided"}


def render(verdicts: Verdicts) -> str:
    """What broke first, then the rest, then what changed."""
    lines = [printable(verdicts.summary)]
    lines += [f"! {printable(note)}" for note in verdicts.notes]
    if verdicts.findings:
        order = {"broken": 0, "undecided": 1, "ok": 2}
        heads = (Head("verdict"), Head("rule", fold=True), Head("value", "right"), Head("limit", "right"))
        findings = sorted(verdicts.findings, key=lambda finding: order[finding.status])
        rows = [Row((_MARKS[item.status], printable(item.rule), item.value, item.limit)) for item in findings]
        lines += ["", *(line.text for line in table_lines(heads, rows, 1, 120)), ""]
        lines += [f"{_MARKS[item.status]}: {printable(item.message)}" for item in findings if item.status != "ok"]
    if verdicts.table:
        head, *body = verdicts.table
        titles = tuple(Head(title, "left" if number < 2 else "right", fold=number == 0) for number, title in enumerate(head))
        rows = [Row(tuple(map(printable, row))) for row in body]
        lines += ["", *(line.text for line in table_lines(titles, rows, 1, 120))]
    return "\n".join(lines) + "\n"
