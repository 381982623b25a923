"""Verdicts for pull requests and step summaries."""

from __future__ import annotations

from cowtrace.gate.finding import Verdicts
from cowtrace.report.markdown import escape

_MARKS = {"ok": "✅", "broken": "❌", "undecided": "❔"}


def render(verdicts: Verdicts) -> str:
    """A heading, the verdicts, what changed."""
    lines = [f"### {escape(verdicts.summary)}", ""]
    lines += [line for note in verdicts.notes for line in (f"> {escape(note)}", "")]
    if verdicts.findings:
        lines += ["| | rule | value | limit | |", "|---|---|---:|---:|---|"]
        for item in verdicts.findings:
            message = "" if item.status == "ok" else item.message
            cells = (item.rule, item.value, item.limit, message)
            lines.append(f"| {_MARKS[item.status]} {item.status} | " + " | ".join(map(escape, cells)) + " |")
        lines.append("")
    if verdicts.table:
        head, *body = verdicts.table
        lines += ["<details><summary>What changed</summary>", "", "| " + " | ".join(map(escape, head)) + " |"]
        lines.append("|---|---|" + "---:|" * (len(head) - 2))
        lines += ["| " + " | ".join(map(escape, row)) + " |" for row in body]
        lines += ["", "</details>", ""]
    return "\n".join(lines).rstrip("\n") + "\n"
