"""Replay results as JSON, schema ``cowtrace.replay/1``."""

from __future__ import annotations

import json

from cowtrace.replay.result import ReplayResult
from cowtrace.replay.sweep import Sweep


def render(result: ReplayResult) -> str:
    """The whole result."""
    return json.dumps(result.to_dict(), indent=1) + "\n"


def render_sweep(sweep: Sweep) -> str:
    """All scenarios of a sweep, best first."""
    return json.dumps(sweep.to_dict(), indent=1) + "\n"
