"""90 % intervals from what is uncertain: estimates with bounds, other layouts, run-to-run noise, losses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cowtrace.replay.result import Measure
from cowtrace.replay.trace import Small

#: Standard deviations on each side of a normal distribution that hold 90 %.
_Z = 1.645


@dataclass(frozen=True, slots=True)
class Spread:
    """A sum and what may move it.

    Attributes:
        value: Best estimate with the recorded layout.
        down: Bounds of estimates below, which may all err to one side.
        up: Above.
        alternatives: Change in each equally likely other layout; empty when the layout does not matter.
        change: Error of the model itself, a standard deviation.
    """

    value: float
    down: float
    up: float
    alternatives: Small
    change: float


def bounds(spread: Spread, *, noise: float, lost: float) -> Measure:
    """The interval.

    Args:
        spread: What is known.
        noise: Standard deviation between two runs of the same.
        lost: Share of events that the recorder lost.
    """
    value, low_layout, high_layout = spread.value, 0.0, 0.0
    if len(spread.alternatives):
        # the recorded layout is as likely as any other; the median of all is the better prediction of the next run
        changes = np.append(spread.alternatives, 0.0)
        middle = float(np.median(changes))
        value += middle
        # where exactly things would lie is itself a guess: half the spread on top
        doubt = 0.5 * _Z * float(changes.std())
        low_layout = float(np.hypot(middle - np.quantile(changes, 0.05), doubt))
        high_layout = float(np.hypot(np.quantile(changes, 0.95) - middle, doubt))
    random = _Z * float(np.hypot(noise, spread.change))
    low = value - float(np.hypot(low_layout, random)) - spread.down
    high = value + float(np.hypot(high_layout, random)) + spread.up
    value = max(value, 0.0)
    return Measure(value, max(0.0, min(low, value)), max(high, value) / max(0.01, 1 - lost))
