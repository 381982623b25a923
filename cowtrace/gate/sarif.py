"""Verdicts as SARIF 2.1.0, as code scanning reads it."""

from __future__ import annotations

import json
from typing import Any

from cowtrace import __version__
from cowtrace.gate.finding import Finding, Verdicts
from cowtrace.text import printable

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(verdicts: Verdicts) -> str:
    """One rule a finding; broken ones are errors, undecided ones notes (errors, when strict), kept ones pass."""
    failed = {id(finding) for finding in verdicts.failed}
    document = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "cowtrace",
                        "semanticVersion": __version__,
                        "rules": [
                            {"id": printable(finding.rule), "shortDescription": {"text": f"{finding.measure} within {finding.limit}"}}
                            for finding in verdicts.findings
                        ],
                    }
                },
                "results": [_result(number, finding, id(finding) in failed) for number, finding in enumerate(verdicts.findings)],
            }
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def _result(number: int, finding: Finding, is_failed: bool) -> dict[str, Any]:
    kind = {"ok": "pass", "broken": "fail", "undecided": "fail" if is_failed else "open"}[finding.status]
    result: dict[str, Any] = {
        "ruleId": printable(finding.rule),
        "ruleIndex": number,
        "kind": kind,
        "level": "error" if is_failed else "none",
        "message": {"text": printable(finding.message)},
        "properties": finding.data,
    }
    if finding.place is not None:
        place = {"artifactLocation": {"uri": _uri(finding.place.path)}, "region": {"startLine": finding.place.line}}
        result["locations"] = [{"physicalLocation": place}]
    return result


def _uri(path: str) -> str:
    from urllib.parse import quote

    return quote(path, safe="/.-_~")
