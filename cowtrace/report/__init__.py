"""Reports: data first (``compose``), rendering second (``render``)."""

from __future__ import annotations

import importlib

from cowtrace.report.bill import Report, compose

#: Format -> module with ``render(report, *, width, color) -> str``. A new format is one file and one line.
RENDERERS: dict[str, str] = {
    "text": "cowtrace.report.text",
    "md": "cowtrace.report.markdown",
    "json": "cowtrace.report.as_json",
}


def render(report: Report, form: str = "text", *, width: int | None = None, color: bool = False) -> str:
    """A report in one of the formats of ``RENDERERS``.

    Args:
        report: From ``compose``.
        form: Key of ``RENDERERS``.
        width: Columns of the terminal, for ``text``; None for a pipe or file.
        color: Emit ANSI styles, for ``text``.
    """
    text: str = importlib.import_module(RENDERERS[form]).render(report, width=width, color=color)
    return text


__all__ = ["RENDERERS", "Report", "compose", "render"]
