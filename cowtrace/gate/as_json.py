"""Verdicts for machines."""

from __future__ import annotations

import json
from dataclasses import asdict

from cowtrace.gate.finding import Verdicts


def render(verdicts: Verdicts) -> str:
    """``{"schema": "cowtrace.check/1", ...}`` or ``cowtrace.diff/1``."""
    document = {
        "schema": f"cowtrace.{verdicts.command}/1",
        "subject": verdicts.subject,
        "failed": bool(verdicts.failed),
        "strict": verdicts.strict,
        "summary": verdicts.summary,
        "findings": [asdict(finding) for finding in verdicts.findings],
        "changes": verdicts.table_data,
        "notes": verdicts.notes,
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"
