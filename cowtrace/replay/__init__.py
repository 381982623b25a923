"""Replay: what a recorded workload would have cost under other settings. Cheap to import: --help names knobs and formats."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cowtrace.replay.result import ReplayResult
    from cowtrace.store.reader import Store


def replay(store: Store, what_if: Sequence[str]) -> ReplayResult:
    """Predict what a recorded workload would have cost under other settings.

    Args:
        store: The recording's store.
        what_if: Requests ``KNOB=VALUE[@comm=NAME]``, combined, such as ``["thp=never"]``.

    Raises:
        UsageError: An unknown, unpriceable or contradictory request, or one that this recording can't support.
    """
    result: ReplayResult = importlib.import_module("cowtrace.replay.engine").replay(store, what_if)
    return result
