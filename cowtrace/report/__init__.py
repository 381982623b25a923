"""Reports: data first (``cowtrace.report.bill.compose``), rendering second (``render``). Cheap to import: --help names the formats."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cowtrace.report.bill import Report


@dataclass(frozen=True, slots=True)
class Renderer:
    """A format of reports.

    Attributes:
        module: Has ``render(report: Report, *, width: int | None, color: bool) -> str``.
        suffix: Of files in this format.
    """

    module: str
    suffix: str


#: A new format is one file and one line.
RENDERERS: dict[str, Renderer] = {
    "text": Renderer("cowtrace.report.text", ".txt"),
    "md": Renderer("cowtrace.report.markdown", ".md"),
    "html": Renderer("cowtrace.report.html", ".html"),
    "json": Renderer("cowtrace.report.as_json", ".json"),
}


def render(report: Report, form: str = "text", *, width: int | None = None, color: bool = False) -> str:
    """A report in one of the formats of ``RENDERERS``.

    Args:
        report: From ``compose``.
        form: Key of ``RENDERERS``.
        width: Columns of the terminal, for ``text``; None for a pipe or file.
        color: Emit ANSI styles, for ``text``.
    """
    text: str = importlib.import_module(RENDERERS[form].module).render(report, width=width, color=color)
    return text
