"""Gates for CI: budgets on one recording, differences between recordings; findings first, rendering second. Cheap to import."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cowtrace.gate.finding import Verdicts

#: Format of findings -> module with ``render(verdicts) -> str``. A new format is one file and one line.
RENDERERS: dict[str, str] = {
    "text": "cowtrace.gate.text",
    "md": "cowtrace.gate.markdown",
    "json": "cowtrace.gate.as_json",
    "junit": "cowtrace.gate.junit",
    "sarif": "cowtrace.gate.sarif",
    "github": "cowtrace.gate.github",
}

#: Suffix of -o -> format.
SUFFIXES: dict[str, str] = {".txt": "text", ".md": "md", ".json": "json", ".xml": "junit", ".sarif": "sarif"}


def render(verdicts: Verdicts, form: str) -> str:
    """Verdicts in one of the formats of ``RENDERERS``."""
    text: str = importlib.import_module(RENDERERS[form]).render(verdicts)
    return text
