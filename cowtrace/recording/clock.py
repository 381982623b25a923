"""Wall clock and CLOCK_MONOTONIC read at the same moment: what ties perf's times (``-k mono``) to files named by wall time."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on two clocks.

    Attributes:
        unix_ns: CLOCK_REALTIME; nanoseconds since 1970.
        mono_ns: CLOCK_MONOTONIC, the clock of the events; nanoseconds.
        uncertainty_ns: Largest distance of the two readings from one another; nanoseconds.
    """

    unix_ns: int
    mono_ns: int
    uncertainty_ns: int

    def as_json(self) -> dict[str, int]:
        """The moment as it is stored."""
        return {"unix_ns": self.unix_ns, "mono_ns": self.mono_ns, "uncertainty_ns": self.uncertainty_ns}


def now() -> Moment:
    """The present moment: the best of five readings of one clock between two readings of the other."""
    best: Moment | None = None
    for _ in range(5):
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        wall = time.clock_gettime_ns(time.CLOCK_REALTIME)
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        if best is None or after - before < best.uncertainty_ns:
            best = Moment(wall, before + (after - before) // 2, after - before)
    assert best is not None
    return best
