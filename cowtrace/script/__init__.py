"""Script: every recorded event of any inputs as one row, in time order. Nothing is aggregated or attributed here."""

from __future__ import annotations

from cowtrace.script.run import FORMATS, open_inputs, script, warnings

__all__ = ["FORMATS", "open_inputs", "script", "warnings"]
