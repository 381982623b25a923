"""What one recorded run cost, in the measures of a prediction: the table that predictions are compared with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cowtrace.store.reader import Store

#: Measures of a run that a recording states without any model, in the order of a replay's result.
MEASURES = ("faults", "fault_time_ns", "copied_bytes", "zeroed_bytes", "fork_time_ns")

#: Threads count to their process: a fault belongs to the name of its address space, and only without one to its thread's name.
_FAULTS = """
SELECT coalesce(process.comm, fault.comm)::VARCHAR AS comm, fault.kind::VARCHAR AS kind, sum(weight)::BIGINT AS faults,
       sum(duration_ns * weight)::BIGINT AS time_ns, sum(copied_bytes * weight)::BIGINT AS copied,
       sum(zeroed_bytes * weight)::BIGINT AS zeroed
FROM fault LEFT JOIN process USING (mm_id) GROUP BY ALL ORDER BY ALL
"""
_FORKS = """
SELECT process.comm::VARCHAR AS comm, sum(duration_ns)::BIGINT AS time_ns
FROM fork LEFT JOIN process ON process.mm_id = fork.parent_mm_id GROUP BY ALL ORDER BY ALL
"""


@dataclass(slots=True)
class Totals:
    """One process name's part of a run, or all of it.

    Attributes:
        faults: Page faults.
        fault_time_ns: Entry to exit, the recorder's own cost inside; None when no fault was timed.
        copied_bytes: None when no copy's size is known.
        zeroed_bytes: None when no size is known.
        fork_time_ns: Time in fork; None when there were forks and none was timed.
        kinds: Faults by kind.
    """

    faults: int = 0
    fault_time_ns: int | None = None
    copied_bytes: int | None = None
    zeroed_bytes: int | None = None
    fork_time_ns: int | None = 0
    kinds: dict[str, int] = field(default_factory=dict)

    def value(self, measure: str) -> int | None:
        """One measure by its name in ``MEASURES``."""
        value: int | None = getattr(self, measure)
        return value

    def add(self, other: Totals) -> None:
        """Add what another part cost; unknown and known sum to known."""
        for measure in MEASURES:
            mine, theirs = self.value(measure), other.value(measure)
            setattr(self, measure, theirs if mine is None else mine if theirs is None else mine + theirs)
        for kind, count in other.kinds.items():
            self.kinds[kind] = self.kinds.get(kind, 0) + count

    def as_json(self) -> dict[str, Any]:
        """The measures and the kinds."""
        return {**{measure: self.value(measure) for measure in MEASURES}, "kinds": dict(sorted(self.kinds.items()))}


@dataclass(frozen=True, slots=True)
class Run:
    """One recorded run.

    Attributes:
        total: The whole run.
        by_comm: By process name.
    """

    total: Totals
    by_comm: dict[str, Totals]

    def as_json(self) -> dict[str, Any]:
        """``{"total": ..., "by_comm": {...}}``."""
        return {"total": self.total.as_json(), "by_comm": {comm: totals.as_json() for comm, totals in sorted(self.by_comm.items())}}


def measure(store: Store) -> Run:
    """What a store says its run cost.

    Args:
        store: A store of one run.
    """
    by_comm: dict[str, Totals] = {}
    with store.connect() as db:
        for comm, kind, faults, time_ns, copied, zeroed in db.execute(_FAULTS).fetchall():
            part = Totals(faults, time_ns, copied, zeroed, kinds={kind: faults})
            by_comm.setdefault(comm or "?", Totals()).add(part)
        for comm, time_ns in db.execute(_FORKS).fetchall():
            by_comm.setdefault(comm or "?", Totals()).fork_time_ns = time_ns
    total = Totals()
    for totals in by_comm.values():
        total.add(totals)
    return Run(total, by_comm)
