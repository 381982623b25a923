"""Renderers of replay results, one file each."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cowtrace.replay.result import ReplayResult
    from cowtrace.replay.sweep import Sweep


@dataclass(frozen=True, slots=True)
class Renderer:
    """A format.

    Attributes:
        module: Has ``render(result: ReplayResult) -> str`` and ``render_sweep(sweep: Sweep) -> str``.
        suffix: Of files in this format.
    """

    module: str
    suffix: str


#: A new format is one file and one line.
RENDERERS: dict[str, Renderer] = {
    "text": Renderer("cowtrace.replay.render.text", ".txt"),
    "md": Renderer("cowtrace.replay.render.markdown", ".md"),
    "json": Renderer("cowtrace.replay.render.as_json", ".json"),
}


def render(result: ReplayResult | Sweep, form: str = "text") -> str:
    """A result, or a sweep's table, in one of the formats of ``RENDERERS``."""
    from cowtrace.replay.sweep import Sweep

    module = importlib.import_module(RENDERERS[form].module)
    text: str = module.render_sweep(result) if isinstance(result, Sweep) else module.render(result)
    return text
