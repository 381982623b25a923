"""A back-test as data: what was predicted, what was measured, under which settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cowtrace import __version__
from cowtrace.backtest.compare import Row, compare, coverage
from cowtrace.backtest.measured import Run, measure

if TYPE_CHECKING:
    from cowtrace.store.reader import Store

SCHEMA = "cowtrace.backtest/1"


@dataclass(frozen=True, slots=True)
class BackTest:
    """Predictions and the runs that judge them.

    Attributes:
        what_if: The knobs, as asked.
        title: What ran: a command line, or the names of two stores.
        predictions: Results of the replay (``cowtrace.replay/1``), one for each run of ``before``.
        before: Runs under the recorded setting.
        after: Runs under the other.
        facts: Entries of their own in the json: command, host, settings.
        notes: What limits the comparison, one sentence each.
    """

    what_if: Sequence[str]
    title: str
    predictions: Sequence[Mapping[str, Any]]
    before: Sequence[Run]
    after: Sequence[Run]
    facts: Mapping[str, Any]
    notes: Sequence[str] = ()

    @property
    def rows(self) -> list[Row]:
        """The comparison; see ``compare``."""
        return compare(self.predictions, self.before, self.after)

    def as_json(self) -> dict[str, Any]:
        """The stable form."""
        rows = self.rows
        covered, runs = coverage(rows)
        directions = [row.direction_right for row in rows if row.direction_right is not None]
        return {
            "schema": SCHEMA,
            "cowtrace_version": __version__,
            "what_if": list(self.what_if),
            "title": self.title,
            **self.facts,
            "rows": [row.as_json() for row in rows],
            "covered": {"runs_in_interval": covered, "runs": runs},
            "direction": {"right": sum(directions), "moved": len(directions)},
            "notes": list(self.notes),
            "before": [run.as_json() for run in self.before],
            "after": [run.as_json() for run in self.after],
            "predictions": list(self.predictions),
        }


def from_stores(before: Store, after: Store, what_if: Sequence[str]) -> BackTest:
    """Two recordings that exist: the first is replayed, the second says what really came of the change.

    Args:
        before: A store recorded before the change.
        after: One recorded after it.
        what_if: The change.

    Raises:
        UsageError: As replay.
    """
    from cowtrace.replay import replay

    return BackTest(
        what_if=what_if,
        title=f"{before.path.name} -> {after.path.name}",
        predictions=[replay(before, what_if).to_dict()],
        before=[measure(before)],
        after=[measure(after)],
        facts={"stores": [str(before.path), str(after.path)]},
        notes=["One run under each setting: how far runs differ without any change is not known."],
    )
