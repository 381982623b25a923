"""Two clocks at one moment."""

from __future__ import annotations

import time

from cowtrace.recording.clock import now


def test_now_ties_the_clocks() -> None:
    mono_before, wall_before = time.monotonic_ns(), time.time_ns()
    moment = now()
    mono_after, wall_after = time.monotonic_ns(), time.time_ns()
    assert mono_before <= moment.mono_ns <= mono_after
    assert wall_before <= moment.unix_ns <= wall_after
    assert 0 <= moment.uncertainty_ns <= mono_after - mono_before
    assert moment.as_json() == {"unix_ns": moment.unix_ns, "mono_ns": moment.mono_ns, "uncertainty_ns": moment.uncertainty_ns}
