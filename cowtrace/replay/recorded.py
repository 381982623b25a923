"""Sums of the recording itself: the same for all scenarios."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.attribution.history import FORKED
from cowtrace.replay.costs import Costs
from cowtrace.replay.trace import BLOCK_PAGES, KIND, Bools, Small, Trace
from cowtrace.replay.work import recorded_bytes


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded.

    Attributes:
        trace: The recording.
        ns: Time of each fault; the mean of its kind where it was not timed.
        cells: Faults by process and kind, flat; ``cells_ns`` their time.
        copied: Bytes copied by each fault; ``zeroed`` likewise; ``sums`` both by process.
        added: Bytes each fault added to private memory.
        square_ns: Sum of squared times by process: the variance of the sum.
        forked: Faults of forked children by process.
    """

    trace: Trace
    ns: Small
    cells: Small
    cells_ns: Small
    copied: Int
    zeroed: Int
    sums: dict[str, Small]
    added: Small
    square_ns: Small
    forked: Small

    def by_group(self, rows: Int, amount: Small) -> Small:
        """Sums of an amount of some faults by process."""
        faults = self.trace.faults
        return np.bincount(faults.group[rows], weights=amount * faults.weight[rows], minlength=len(self.trace.groups))

    def squares_of(self, rows: Int) -> Small:
        """The part of ``square_ns`` that some faults have."""
        return np.bincount(self.trace.faults.group[rows], weights=self.ns[rows] ** 2, minlength=len(self.trace.groups))


def recorded(trace: Trace, costs: Costs, first: Bools) -> Recorded:
    """Sum up a recording, once.

    Args:
        trace: The recording.
        costs: Costs of kinds, for faults that were not timed.
        first: From ``first_allocations``.
    """
    found = trace.cache.get("recorded")
    if found is None:
        found = trace.cache["recorded"] = _sum_up(trace, costs, first)
    assert isinstance(found, Recorded)
    return found


def _sum_up(trace: Trace, costs: Costs, first: Bools) -> Recorded:
    faults, groups = trace.faults, len(trace.groups)
    size = groups * len(KIND)
    cell = faults.group * len(KIND) + faults.kind
    untimed = np.array([cost.mean_ns if (cost := costs.of(name)) else 0.0 for name in KIND])
    ns = np.where(faults.duration_ns >= 0, faults.duration_ns, untimed[faults.kind]) * faults.weight
    copied, zeroed = recorded_bytes(trace)
    child = np.append(trace.lives.how == FORKED, False)[faults.mm]

    def by_group(weights: Small) -> Small:
        return np.bincount(faults.group, weights=weights, minlength=groups)

    return Recorded(
        trace=trace,
        ns=ns,
        cells=np.bincount(cell, weights=faults.weight, minlength=size),
        cells_ns=np.bincount(cell, weights=ns, minlength=size),
        copied=copied,
        zeroed=zeroed,
        sums={"copied_bytes": by_group(copied * faults.weight), "zeroed_bytes": by_group(zeroed * faults.weight)},
        added=np.where(first | (zeroed >= BLOCK_PAGES << 12), copied + zeroed, 0).astype(np.float64),
        square_ns=by_group(ns**2),
        forked=by_group(np.where(child, faults.weight, 0)),
    )
