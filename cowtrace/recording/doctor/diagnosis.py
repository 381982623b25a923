"""The whole examination: every check, and whether each level can be recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from cowtrace import __version__
from cowtrace.recording.doctor import CHECKS
from cowtrace.recording.doctor.check import Check
from cowtrace.recording.doctor.perf import LevelState, Trial, examine_perf, try_plan
from cowtrace.recording.host import Host
from cowtrace.recording.perf_tool import PerfTool, find_perf

SCHEMA = "cowtrace.doctor/1"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found on a host.

    Attributes:
        host: The machine.
        checks: Rows in the order of the table.
        levels: The state of each level, from low to full.
    """

    host: Host
    checks: tuple[Check, ...]
    levels: tuple[LevelState, ...]

    def level(self, name: str) -> LevelState:
        """The state of one level."""
        return next(state for state in self.levels if state.name == name)

    def as_json(self) -> dict[str, Any]:
        """The stable form of ``cowtrace doctor --format json``."""
        return {
            "schema": SCHEMA,
            "cowtrace_version": __version__,
            "release": self.host.release,
            "machine": self.host.machine,
            "checks": [asdict(check) for check in self.checks],
            "levels": [
                {
                    "name": state.name,
                    "complete": state.is_complete,
                    "recorded": list(state.recorded),
                    "missing": [{"what": lack.what, "reason": lack.reason, "costs": lack.costs, "fix": lack.fix} for lack in state.missing],
                    "refusal": state.refusal or None,
                }
                for state in self.levels
            ],
        }


def examine(host: Host, trial: Trial = try_plan, find: Callable[[], PerfTool] = find_perf) -> Diagnosis:
    """Ask everything. Takes a few seconds: perf makes three trial recordings."""
    perf_rows, levels = examine_perf(host, trial, find)
    rows = [row for row in (check(host) for check in CHECKS) if row is not None]
    return Diagnosis(host, (*perf_rows, *rows), tuple(levels))
