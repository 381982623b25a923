"""All scenarios that a recording supports, ranked by the time that faults, forks and copy-ups would take less."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cowtrace.errors import UsageError
from cowtrace.replay.copyups import TIME
from cowtrace.replay.eligible import recorded_mode
from cowtrace.replay.engine import Replayer
from cowtrace.replay.policies import POLICIES
from cowtrace.replay.result import Totals, totals_dict
from cowtrace.replay.scenario import Choice

if TYPE_CHECKING:
    from cowtrace.store.reader import Store

_SCHEMA = "cowtrace.sweep/1"


@dataclass(frozen=True, slots=True)
class Entry:
    """One scenario.

    Attributes:
        name: The request.
        baseline: As recorded.
        what_if: Under the scenario.
        saved_ns: Time in faults, forks and copy-ups less than recorded, with bounds; None without times.
    """

    name: str
    baseline: Totals
    what_if: Totals
    saved_ns: float | None
    saved_low_ns: float | None
    saved_high_ns: float | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        saved = None
        if self.saved_ns is not None and self.saved_low_ns is not None and self.saved_high_ns is not None:
            saved = {"value": round(self.saved_ns), "low": round(self.saved_low_ns), "high": round(self.saved_high_ns)}
        return {"what_if": [self.name], "baseline": totals_dict(self.baseline), "totals": totals_dict(self.what_if), "saved_ns": saved}


@dataclass(frozen=True, slots=True)
class Sweep:
    """A ranking.

    Attributes:
        entries: Best first.
        refused: (request, why it was not tried).
        notes: What holds for all.
    """

    entries: list[Entry] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """``cowtrace.sweep/1``."""
        refused = [{"what_if": name, "reason": reason} for name, reason in self.refused]
        return {"schema": _SCHEMA, "scenarios": [entry.to_dict() for entry in self.entries], "refused": refused, "notes": self.notes}


def sweep(store: Store) -> Sweep:
    """Try every value that the policies offer.

    Args:
        store: The recording's store.

    Raises:
        UsageError: The store holds no faults.
    """
    replayer = Replayer(store)
    mode, _ = recorded_mode(replayer.trace)
    entries: list[Entry] = []
    refused: list[tuple[str, str]] = []
    for knob, policy in POLICIES.items():
        reason = policy.load().lacks(replayer.trace) if policy.sweep else "needs a pattern or path: name it with --what-if"
        if reason is not None:
            refused.append((knob, reason))
            continue
        for value in policy.sweep:
            if knob == "thp" and value == mode:
                continue
            try:
                entries.append(_entry(replayer, Choice(knob, value)))
            except UsageError as error:
                refused.append((f"{knob}={value}", str(error).partition(": ")[2]))
    entries.sort(key=lambda entry: -(entry.saved_ns if entry.saved_ns is not None else float("-inf")))
    notes = ["Scenarios are tried one by one; combined effects do not add up: name several --what-if to combine them."]
    return Sweep(entries, refused, notes)


def _entry(replayer: Replayer, choice: Choice) -> Entry:
    result = replayer.run((choice,), processes=False)
    before, after = result.baseline, result.what_if
    saved = low = high = None
    if before["fault_time_ns"] is not None and after["fault_time_ns"] is not None:
        saved = low = high = 0.0
        for name in ("fault_time_ns", "fork_time_ns", TIME):
            was, now = before.get(name), after.get(name)
            if was is not None and now is not None:
                saved += was.value - now.value
                low += was.value - now.high
                high += was.value - now.low
    return Entry(str(choice), before, after, saved, low, high)
