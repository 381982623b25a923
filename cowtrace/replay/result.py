"""What a replay says: measures with intervals, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SCHEMA = "cowtrace.replay/1"

#: Measures in the order of tables: name -> what it is.
MEASURES: dict[str, str] = {
    "faults": "page faults",
    "fault_time_ns": "time in page faults",
    "copied_bytes": "bytes copied",
    "zeroed_bytes": "bytes zeroed",
    "fork_time_ns": "time in fork",
    "peak_private_bytes": "peak private memory",
}


@dataclass(frozen=True, slots=True)
class Measure:
    """A number with a 90 % interval."""

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, int]:
        """``{"value", "low", "high"}``, rounded: counts, bytes and nanoseconds are whole."""
        return {"value": round(self.value), "low": round(min(self.low, self.value)), "high": round(max(self.high, self.value))}


#: Measure by name; None: the recording can't tell.
Totals = dict[str, Measure | None]


def totals_dict(totals: Totals) -> dict[str, Any]:
    """Totals for JSON."""
    return {name: measure.to_dict() if measure is not None else None for name, measure in totals.items()}


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """Measures of a process, or of all processes of a name (``tgid`` None)."""

    comm: str
    tgid: int | None
    baseline: Totals
    what_if: Totals

    def to_dict(self) -> dict[str, Any]:
        """For JSON; the measures of the scenario stand in the row itself too."""
        what_if = totals_dict(self.what_if)
        return {"comm": self.comm, "tgid": self.tgid, "baseline": totals_dict(self.baseline), "what_if": what_if, **what_if}


@dataclass(frozen=True, slots=True)
class KindRow:
    """Faults of one kind.

    Attributes:
        cost_source: Where the time of the kind's new faults comes from; None when there are none.
    """

    kind: str
    baseline: Totals
    what_if: Totals
    cost_source: str | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        what_if = totals_dict(self.what_if)
        return {"kind": self.kind, "baseline": totals_dict(self.baseline), "what_if": what_if, **what_if, "cost_source": self.cost_source}


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """A prediction. Shown in a notebook, it is its tables.

    Counts are faults, times ns, sizes bytes, each a ``Measure`` with a 90 % interval.

    Attributes:
        scenario: The requests, the recorded setting and the kernel release.
        baseline: As recorded.
        what_if: Under the scenario.
        by_process: Names by faults, each followed by its processes.
        by_kind: Kinds that occur in either.
        rests_on: Where costs come from and how well the model reproduces the recording, one sentence each.
        not_modelled: What is left out, and why a measure is None.
        assumptions: What is taken for granted.
    """

    scenario: dict[str, Any]
    baseline: Totals
    what_if: Totals
    by_process: list[ProcessRow] = field(default_factory=list)
    by_kind: list[KindRow] = field(default_factory=list)
    rests_on: list[str] = field(default_factory=list)
    not_modelled: list[str] = field(default_factory=list)
    assumptions: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """``cowtrace.replay/1``."""
        return {
            "schema": SCHEMA,
            "scenario": self.scenario,
            "baseline": totals_dict(self.baseline),
            "what_if": totals_dict(self.what_if),
            "by_process": [row.to_dict() for row in self.by_process],
            "by_kind": [row.to_dict() for row in self.by_kind],
            "rests_on": self.rests_on,
            "not_modelled": self.not_modelled,
            "assumptions": self.assumptions,
        }

    def _repr_html_(self) -> str:
        from cowtrace.replay.render.html import render

        return render(self)
