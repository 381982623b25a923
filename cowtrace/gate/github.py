"""Verdicts as workflow commands: annotations beside the budget file's lines."""

from __future__ import annotations

from cowtrace.gate.finding import Verdicts
from cowtrace.text import printable


def render(verdicts: Verdicts) -> str:
    """``::error`` for what fails, ``::warning`` for what can't be told, ``::notice`` for the summary."""
    failed = {id(finding) for finding in verdicts.failed}
    lines = []
    for finding in verdicts.findings:
        if finding.status == "ok":
            continue
        level = "error" if id(finding) in failed else "warning"
        place = f"file={_property(finding.place.path)},line={finding.place.line}," if finding.place is not None else ""
        lines.append(f"::{level} {place}title={_property('cowtrace: ' + finding.rule)}::{_data(finding.message)}")
    lines.append(f"::notice title=cowtrace::{_data(' '.join((verdicts.summary, *verdicts.notes)))}")
    return "\n".join(lines) + "\n"


def _data(text: str) -> str:
    """The runner's own escapes: a message can't start another command."""
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
