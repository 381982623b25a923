"""Predictions beside measurements, measure by measure and process by process: pure functions of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from cowtrace.backtest.measured import MEASURES, Run, Totals

#: A change smaller than this share is no change: three runs may agree better than the next three, and a good prediction is off by as much.
SMALLEST_CHANGE = 0.03
#: What runs of one setting differ by is seen in few of them: a measure moved when it moved by this multiple of it.
NOISE_FACTOR = 2
#: The noise that one run under each setting is assumed to have when the direction is judged.
ASSUMED_NOISE = 0.1


@dataclass(frozen=True, slots=True)
class Row:
    """One measure of one process name, or of the whole run.

    Attributes:
        comm: Process name; None for the whole run.
        measure: One of ``MEASURES``; nanoseconds, bytes or a count.
        baseline: Measured under the recorded setting: the median run.
        predicted: For the other setting; None when the replay declines.
        low: Lower end of the 90 % interval.
        high: Upper end.
        measured: Under the other setting: the median run; None when those runs can't tell.
        noise: Largest spread of runs under one setting, as a share of their median; None with fewer than two runs of each.
        covered: Runs under the other setting whose value lies in the interval.
        runs: Runs under the other setting that have a value.
    """

    comm: str | None
    measure: str
    baseline: float | None
    predicted: float | None
    low: float | None
    high: float | None
    measured: float | None
    noise: float | None
    covered: int
    runs: int

    @property
    def error(self) -> float | None:
        """Predicted minus measured, as a share of measured; None without both, or when nothing was measured."""
        if self.predicted is None or not self.measured:
            return 0.0 if self.predicted == 0 and self.measured == 0 else None
        return (self.predicted - self.measured) / self.measured

    @property
    def direction_right(self) -> bool | None:
        """Whether the prediction went the way the measure went; None when the measure did not move beyond its noise."""
        if self.predicted is None or self.measured is None or self.baseline is None:
            return None
        moved = self.measured - self.baseline
        if abs(moved) <= max(ASSUMED_NOISE if self.noise is None else NOISE_FACTOR * self.noise, SMALLEST_CHANGE) * max(
            self.measured, self.baseline
        ):
            return None
        return (self.predicted - self.baseline) * moved > 0

    def as_json(self) -> dict[str, Any]:
        """All fields and what follows from them."""
        return {**asdict(self), "error": self.error, "direction_right": self.direction_right}


def compare(predictions: Sequence[Mapping[str, Any]], before: Sequence[Run], after: Sequence[Run]) -> list[Row]:
    """Rows of the whole run first, then by process name, the name with the most faults first; measures that are 0 everywhere left out.

    Args:
        predictions: Results of ``cowtrace replay`` (``cowtrace.replay/1``), one for each run of ``before``.
        before: Runs under the recorded setting.
        after: Runs under the other setting.
    """
    comms = {comm for run in [*before, *after] for comm in run.by_comm}
    sizes = {comm: max(run.by_comm[comm].faults for run in [*before, *after] if comm in run.by_comm) for comm in comms}
    rows: list[Row] = []
    for name in (None, *sorted(comms, key=lambda comm: (-sizes[comm], comm))):
        totals_before, totals_after = ([_part(run, name) for run in runs] for runs in (before, after))
        parts = [_predicted(prediction, name) for prediction in predictions]
        for measure in MEASURES:
            row = _row(
                name, measure, [part.get(measure) for part in parts], _values(totals_before, measure), _values(totals_after, measure)
            )
            if any((row.baseline, row.predicted, row.measured)):
                rows.append(row)
    return rows


def coverage(rows: Sequence[Row]) -> tuple[int, int]:
    """Runs whose value lay in the interval, and all runs that had one: the share should be near 90 %."""
    judged = [row for row in rows if row.low is not None]
    return sum(row.covered for row in judged), sum(row.runs for row in judged)


def _part(run: Run, comm: str | None) -> Totals:
    # a name that one run lacks cost nothing in it
    return run.total if comm is None else run.by_comm.get(comm, Totals(0, 0, 0, 0, 0))


def _predicted(prediction: Mapping[str, Any], comm: str | None) -> Mapping[str, Any]:
    """The measures of the what-if for a name; empty when the replay has no row for it."""
    if comm is None:
        part: Mapping[str, Any] = prediction["what_if"]
        return part
    rows = [row for row in prediction["by_process"] if row["comm"] == comm and row.get("tgid") is None]
    return rows[0].get("what_if", rows[0]) if rows else {}


def _values(parts: Sequence[Totals], measure: str) -> list[int]:
    return [value for value in (part.value(measure) for part in parts) if value is not None]


def _row(comm: str | None, measure: str, estimates: Sequence[Mapping[str, Any] | None], before: list[int], after: list[int]) -> Row:
    known = [estimate for estimate in estimates if estimate is not None]
    value, low, high = (median(estimate[key] for estimate in known) if known else None for key in ("value", "low", "high"))
    spreads = [_spread(values) for values in (before, after) if len(values) > 1]
    return Row(
        comm=comm,
        measure=measure,
        baseline=median(before) if before else None,
        predicted=value,
        low=low,
        high=high,
        measured=median(after) if after else None,
        noise=max(spreads) if spreads else None,
        covered=sum(low <= number <= high for number in after) if low is not None and high is not None else 0,
        runs=len(after),
    )


def _spread(values: Sequence[int]) -> float:
    middle = median(values)
    return (max(values) - min(values)) / middle if middle else 0.0
