"""perf itself, and what it accepts: tried for real, with a recording of ``true`` that is thrown away."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cowtrace.errors import CowtraceError, HostError
from cowtrace.recording.doctor.check import Check
from cowtrace.recording.host import Host
from cowtrace.recording.levels import LEVELS
from cowtrace.recording.perf_tool import INSTALL_PERF, PerfTool, find_perf
from cowtrace.recording.plan import Missing, Plan, make_plan
from cowtrace.recording.request import Request
from cowtrace.recording.session import record

#: Makes what perf really records of a plan.
Trial = Callable[[Plan, PerfTool], Plan]


@dataclass(frozen=True, slots=True)
class LevelState:
    """What of one level this host records.

    Attributes:
        name: The level.
        recorded: Events that are recorded.
        missing: What is not; entries that no kernel for this machine has are left out.
        refusal: Why nothing at all is recorded; empty when something is.
    """

    name: str
    recorded: tuple[str, ...]
    missing: tuple[Missing, ...]
    refusal: str = ""

    @property
    def is_complete(self) -> bool:
        """True when the level can be recorded in full."""
        return not self.missing and not self.refusal


def try_plan(plan: Plan, perf: PerfTool) -> Plan:
    """Record ``true`` into a temporary folder.

    Raises:
        CowtraceError: perf refused, or there is no ``true``.
    """
    with tempfile.TemporaryDirectory(prefix="cowtrace-doctor-") as folder:
        request = Request(plan=plan, command=["true"], pids=(), path=Path(folder) / "trial")
        return record(request, perf, (), lambda outcome: {}, lambda line: None).plan


def examine_perf(host: Host, trial: Trial = try_plan, find: Callable[[], PerfTool] = find_perf) -> tuple[list[Check], list[LevelState]]:
    """Rows about perf and its events, and the state of each level.

    Args:
        host: The machine.
        trial: Replaces the real recording in tests.
        find: Replaces the search for perf in tests.
    """
    try:
        perf = find()
    except HostError as error:
        row = Check("perf", "lack", "not found or not working", "nothing can be recorded", INSTALL_PERF)
        return [row], [LevelState(name, (), (), str(error)) for name in LEVELS]
    rows = [Check("perf", "ok", f"{perf.version} ({perf.path})")]
    states = [_level_state(name, host, perf, trial) for name in LEVELS]
    largest = states[-1]
    if largest.refusal:
        rows.append(Check("trial recording", "lack", largest.refusal, "nothing can be recorded", "see the rows below"))
        return rows, states
    rows.append(Check("trial recording", "ok", f"perf recorded `true` with {len(largest.recorded)} events"))
    rows.append(_frames(largest))
    rows += [_events(state, lower) for state, lower in zip(states, [None, *states[:-1]], strict=True)]
    return rows, states


def _level_state(name: str, host: Host, perf: PerfTool, trial: Trial) -> LevelState:
    # -a is no part of the question, yet its events exist or not like all others
    try:
        plan = make_plan(LEVELS[name], host, perf)
        accepted = trial(plan, perf)
    except CowtraceError as error:
        return LevelState(name, (), (), str(error))
    missing = tuple(missing for missing in accepted.missing if not missing.inherent)
    return LevelState(name, tuple(event.name for event in accepted.events), missing)


def _frames(state: LevelState) -> Check:
    for missing in state.missing:
        if missing.what == "--phys-data":
            return Check("physical addresses", "lack", missing.reason, missing.costs, missing.fix)
    return Check("physical addresses", "ok", "perf accepts --phys-data")


def _events(state: LevelState, lower: LevelState | None) -> Check:
    """One row per level: its own events, those of the level below left out."""
    below = {event.name for event in LEVELS[lower.name].events} if lower else set()
    own = [event.name for event in LEVELS[state.name].events if event.name not in below]
    recorded = [name for name in own if name in state.recorded]
    lacks = [missing for missing in state.missing if missing.what in own]
    label = f"events of {state.name}"
    if not lacks:
        return Check(label, "ok", f"all {len(recorded)}{' more' if lower else ''}")
    if not recorded:
        costs = f"level {state.name} tells no more than {lower.name}" if lower else "nothing can be recorded"
        return Check(label, "lack", f"none of {len(lacks)}: {lacks[0].reason}", costs, lacks[0].fix)
    names = ", ".join(lack.what for lack in lacks)
    costs = "; ".join(dict.fromkeys(lack.costs for lack in lacks))
    return Check(label, "lack", f"{len(recorded)} of {len(recorded) + len(lacks)}; not {names}: {lacks[0].reason}", costs, lacks[0].fix)
