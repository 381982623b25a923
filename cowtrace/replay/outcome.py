"""From a finished ``Work`` to measures with intervals, by process and by kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.replay.costs import Cost, Costs
from cowtrace.replay.forktime import ForkTimes, fork_times
from cowtrace.replay.intervals import Spread, bounds
from cowtrace.replay.memory import allocations, peak
from cowtrace.replay.recorded import Recorded, recorded
from cowtrace.replay.result import Measure, Totals
from cowtrace.replay.trace import GONE, KIND, Bools, Small, Trace
from cowtrace.replay.work import COPIED, HUGE_BYTES, ZEROED, Work

_KINDS = len(KIND)
#: With more faults of unknown kind than this share, bytes are not summed.
_MOST_UNKNOWN = 0.2


@dataclass(slots=True)
class Cells:
    """Sums by process (row) and kind (column).

    Attributes:
        kept: Faults that stay what they were; ``changed``: faults of another kind than recorded; float64[groups, kinds].
        kept_ns: Recorded time of the kept ones.
        extra: Faults that were not recorded: value, low, high.
        base: Recorded faults; ``base_ns``: their time.
    """

    base: Small
    base_ns: Small
    kept: Small
    kept_ns: Small
    changed: Small
    extra: tuple[Small, Small, Small]


class Outcome:
    """All sums of a scenario, ready to be added up over any set of processes.

    Args:
        work: The scenario.
        costs: Costs of kinds.
        profile: Calibrated profile of the host, if any.
        first: From ``first_allocations``.
        residual: Share of the model's decisions that the recording contradicts.
    """

    def __init__(self, work: Work, costs: Costs, profile: dict[str, Any] | None, first: Bools, residual: float) -> None:
        self.work, self.trace, self.residual = work, work.trace, residual
        self.costs = costs.for_folios(_folio_bytes(work))
        self.first = first
        self.cost = _cost_columns(self.costs)
        self.forks: ForkTimes = fork_times(work, profile)
        trace = self.trace
        self.fork_group = _life_groups(trace)[trace.forks.parent] if len(trace.forks.ts_ns) else np.empty(0, np.int64)
        before = recorded(trace, costs, first)
        self.forked, self.added_before = before.forked, before.added
        changed = np.flatnonzero((work.kind != trace.faults.kind) | (work.copied != before.copied) | (work.zeroed != before.zeroed))
        self.square_ns = before.square_ns - before.squares_of(changed)
        self.cells = _cells(work, before, changed)
        self.bytes = {}
        for name, was, now in (("copied_bytes", before.copied, work.copied), ("zeroed_bytes", before.zeroed, work.zeroed)):
            more = before.by_group(changed, (now[changed] - was[changed]).astype(np.float64))
            self.bytes[name] = (before.sums[name], before.sums[name] + more)
        self.added = {which: allocations(work, first, which) for which in (("value", "low", "high") if work.extras else ("value",))}

    def totals(self, rows: Int) -> tuple[Totals, Totals]:
        """Baseline and scenario for the processes in ``rows`` (rows of ``Trace.groups``)."""
        base, after = self._faults(rows)
        for name in ("copied_bytes", "zeroed_bytes"):
            base[name], after[name] = self._bytes(name, rows)
        base["fork_time_ns"], after["fork_time_ns"] = self._fork_time(rows)
        return base, after

    def _faults(self, rows: Int) -> tuple[Totals, Totals]:
        cells, lost = self.cells, self.trace.lost_share
        base = cells.base[rows].sum(axis=0)
        kept, changed = cells.kept[rows].sum(axis=0), cells.changed[rows].sum(axis=0)
        value, low, high = (part[rows].sum(axis=0) for part in cells.extra)
        alternatives = self._alternatives(rows)
        spread = Spread(
            value=float((kept + changed + value).sum()),
            down=float((value - low).sum() + self._slack(rows, 1)),
            up=float((high - value).sum() + self._slack(rows, 2)),
            alternatives=alternatives.sum(axis=1),
            change=float(np.abs(changed).sum() + np.abs(base - kept).sum()) * self.residual,
        )
        count = kept + changed + value
        faults = bounds(spread, noise=self._noise(count, rows), lost=lost)
        base_faults = _recorded_measure(float(base.sum()), lost)
        if not self.costs.timed:
            return {"faults": base_faults, "fault_time_ns": None}, {"faults": faults, "fault_time_ns": None}
        mean, low_ns, high_ns = self.cost
        base_ns = float(cells.base_ns[rows].sum())
        new = changed + value
        needed = (new > 0) | (high > 0)
        if np.isnan(mean[needed]).any():
            time: Measure | None = None
        else:
            mean, low_ns, high_ns = (np.nan_to_num(column) for column in (mean, low_ns, high_ns))
            total = float(cells.kept_ns[rows].sum() + (new * mean).sum())
            spread = Spread(
                value=total,
                down=float(((value - low) * mean).sum() + (new * (mean - low_ns)).sum()) + self._slack(rows, 1) * _mean(mean, count),
                up=float(((high - value) * mean).sum() + (new * (high_ns - mean)).sum()) + self._slack(rows, 2) * _mean(mean, count),
                alternatives=alternatives @ mean,
                change=0.0,
            )
            time = bounds(spread, noise=float(np.hypot(0.1 * total, np.sqrt(self.square_ns[rows].sum()))), lost=lost)
        return (
            {"faults": base_faults, "fault_time_ns": _recorded_measure(base_ns, lost)},
            {"faults": faults, "fault_time_ns": time},
        )

    def _alternatives(self, rows: Int) -> Small:
        """Change of the counts by kind in every other layout; float64[layouts, kinds]."""
        inside = np.zeros(len(self.trace.groups), np.bool_)
        inside[rows] = True
        result = np.zeros((len(self.work.layouts), _KINDS))
        for number, layout in enumerate(self.work.layouts):
            mine = inside[layout.group]
            result[number] = np.bincount(layout.kind[mine], weights=layout.count[mine], minlength=_KINDS)
        return result

    def _slack(self, rows: Int, side: int) -> float:
        return float(sum(part[side][np.isin(part[0], rows)].sum() for part in self.work.slack))

    def _noise(self, count: Small, rows: Int) -> float:
        """Standard deviation between runs: who writes first after a fork is a race, what forked children do varies, the rest hardly."""
        processes, forked = len(rows), float(self.forked[rows].sum())
        races = float(count[[KIND[name] for name in ("cow_copy", "cow_reuse", "thp_split", "thp_reuse")]].sum())
        other = float(count.sum()) - races
        return float(np.sqrt((0.02 * races) ** 2 + (0.005 * other) ** 2 + (0.02 * forked) ** 2 + 2 * processes))

    @property
    def bytes_known(self) -> bool:
        """False where so many faults are of unknown kind that sums of bytes mean nothing."""
        base = self.cells.base
        return float(base[:, KIND["unknown"]].sum()) <= _MOST_UNKNOWN * float(base.sum())

    def _bytes(self, name: str, rows: Int) -> tuple[Measure | None, Measure | None]:
        if not self.bytes_known:
            return None, None
        before, after = (float(column[rows].sum()) for column in self.bytes[name])
        per_kind = COPIED if name == "copied_bytes" else ZEROED
        value, low, high = (float((part[rows].sum(axis=0) * per_kind).sum()) for part in self.cells.extra)
        # another layout moves whole huge pages; bytes zeroed follow faults that stay base pages
        spread = Spread(after + value, value - low, high - value, self._alternatives(rows) @ per_kind * -0.2, 0.0)
        noise = (0.03 if name == "copied_bytes" else 0.004) * (after + value) + 4096
        if name == "zeroed_bytes" and self.cells.changed[rows][:, KIND["thp_zero"]].any():
            # runs differ by a huge page more or less
            noise = float(np.hypot(noise, 0.6 * HUGE_BYTES))
        return _recorded_measure(before, self.trace.lost_share), bounds(spread, noise=noise, lost=self.trace.lost_share)

    def _fork_time(self, rows: Int) -> tuple[Measure | None, Measure | None]:
        mine = np.isin(self.fork_group, rows) if len(rows) < len(self.trace.groups) else np.ones(len(self.fork_group), np.bool_)
        if not mine.any():
            zero = Measure(0, 0, 0)
            return zero, zero
        if not self.forks.measured:
            return None, None
        base = float(self.forks.baseline[mine].sum())
        value, low, high = (float(column[mine].sum()) for column in (self.forks.value, self.forks.low, self.forks.high))
        spread = Spread(value, value - low, high - value, np.zeros(0), 0.0)
        return _recorded_measure(base, 0.0), bounds(spread, noise=0.35 * value, lost=0.0)

    def peaks(self, rows: Int | slice) -> tuple[Measure | None, Measure | None]:
        """Peak private memory as recorded and under the scenario, over faults in ``rows`` (in time order)."""
        if not self.bytes_known:
            return None, None
        before = peak(self.trace, rows, self.added_before)
        values = {which: peak(self.trace, rows, added) for which, added in self.added.items()}
        value = values["value"]
        spread = Spread(value, value - values.get("low", value), values.get("high", value) - value, np.zeros(0), 0.0)
        return _recorded_measure(before, self.trace.lost_share), bounds(spread, noise=0.01 * value, lost=self.trace.lost_share)

    def kind_counts(self) -> tuple[Small, Small, Small, Small]:
        """Faults and nanoseconds by kind, recorded and under the scenario."""
        cells = self.cells
        new = (cells.changed + cells.extra[0]).sum(axis=0)
        after = cells.kept.sum(axis=0) + new
        after_ns = cells.kept_ns.sum(axis=0) + np.where(new > 0, new * self.cost[0], 0)
        return cells.base.sum(axis=0), cells.base_ns.sum(axis=0), after, after_ns


def _mean(mean: Small, count: Small) -> float:
    return float((mean * count).sum() / max(1.0, count.sum()))


def _recorded_measure(value: float, lost: float) -> Measure:
    """A recorded number: exact, but for what the recorder lost."""
    return Measure(value, value, value / max(0.01, 1 - lost))


def _life_groups(trace: Trace) -> Int:
    number = {who: row for row, who in enumerate(trace.groups)}
    of_life = [number[who] for who in zip(trace.life_comm, trace.lives.tgid.tolist(), strict=True)]
    return np.array([*of_life, -1], np.int64)


def _cells(work: Work, before: Recorded, changed_rows: Int) -> Cells:
    faults, groups = work.trace.faults, len(work.trace.groups)
    shape, size = (groups, _KINDS), groups * _KINDS
    rows = changed_rows[work.kind[changed_rows] != faults.kind[changed_rows]]
    weight = faults.weight[rows]
    left = faults.group[rows] * _KINDS + faults.kind[rows]
    kept = before.cells - np.bincount(left, weights=weight, minlength=size)
    kept_ns = np.maximum(before.cells_ns - np.bincount(left, weights=before.ns[rows], minlength=size), 0)
    stays = work.kind[rows] != GONE
    new = (faults.group[rows] * _KINDS + work.kind[rows])[stays]
    changed = np.bincount(new, weights=weight[stays], minlength=size)
    extra = np.zeros((3, size))
    for part in work.extras:
        at = faults.group[part.row] * _KINDS + part.kind
        for number, counts in enumerate((part.value, part.low, part.high)):
            extra[number] += np.bincount(at, weights=counts, minlength=size)
    value, low, high = (column.reshape(shape) for column in extra)
    base, base_ns = before.cells.reshape(shape), before.cells_ns.reshape(shape)
    return Cells(base, base_ns, kept.reshape(shape), kept_ns.reshape(shape), changed.reshape(shape), (value, low, high))


def _folio_bytes(work: Work) -> int:
    """Size of the folios below a huge page that the scenario fills, the middle one of all; 0 without any."""
    filled = work.zeroed[(work.kind == KIND["mthp_zero"]) & (work.trace.faults.kind != KIND["mthp_zero"])]
    return int(np.median(filled)) if len(filled) else 0


def _cost_columns(costs: Costs) -> tuple[Small, Small, Small]:
    """Mean, low and high by kind; NaN where nothing tells."""
    unknown = Cost(np.nan, np.nan, np.nan, "")
    found = [costs.of(name) or unknown for name in KIND]
    return tuple(np.array([getattr(cost, name) for cost in found]) for name in ("mean_ns", "low_ns", "high_ns"))  # type: ignore[return-value]
