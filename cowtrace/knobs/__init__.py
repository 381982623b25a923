"""Every setting that people turn for copy-on-write: what cowtrace can say of it."""

from __future__ import annotations

from cowtrace.knobs.collection import Knob, knobs

__all__ = ["Knob", "knobs"]
