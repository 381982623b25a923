"""The whole examination, with a perf that accepts or refuses what the test says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cowtrace.errors import HostError
from cowtrace.recording.doctor.diagnosis import examine
from cowtrace.recording.perf_tool import PerfTool
from cowtrace.recording.plan import Missing, Plan
from tests.support.hosts import ALL_TRACEPOINTS, NO_CAPABILITIES, PERF, make_host


def accepts(plan: Plan, perf: PerfTool) -> Plan:
    return plan


def refuses_frames(plan: Plan, perf: PerfTool) -> Plan:
    return replace(
        plan, phys_data=False, missing=(*plan.missing, Missing("--phys-data", "perf refused it: no", "run as root", "no frames"))
    )


def refuses(plan: Plan, perf: PerfTool) -> Plan:
    raise HostError("perf refused to record: Operation not permitted")


def found_perf() -> PerfTool:
    return PERF


def no_perf() -> PerfTool:
    raise HostError("perf not found: install it")


def test_a_host_that_can_do_everything(tmp_path: Path) -> None:
    diagnosis = examine(make_host(tmp_path), accepts, found_perf)
    assert [(state.name, state.is_complete, len(state.recorded)) for state in diagnosis.levels] == [
        ("low", True, 3),
        ("standard", True, 26),
        ("full", True, 32),
    ]
    assert [(check.name, check.state, check.found) for check in diagnosis.checks[:6]] == [
        ("perf", "ok", "6.1.0 (/usr/bin/perf)"),
        ("trial recording", "ok", "perf recorded `true` with 32 events"),
        ("physical addresses", "ok", "perf accepts --phys-data"),
        ("events of low", "ok", "all 3"),
        ("events of standard", "ok", "all 23 more"),
        ("events of full", "ok", "all 6 more"),
    ]


def test_a_user_without_rights(tmp_path: Path) -> None:
    diagnosis = examine(make_host(tmp_path, capabilities=NO_CAPABILITIES), accepts, found_perf)
    assert not any(state.is_complete for state in diagnosis.levels)
    rows = {check.name: check for check in diagnosis.checks}
    assert rows["events of low"].state == "ok"
    assert rows["events of standard"].found == "none of 23: not root and kernel.perf_event_paranoid is 2"
    assert rows["events of standard"].costs == "level standard tells no more than low"
    assert all(check.fix for check in diagnosis.checks if check.state == "lack")
    assert all(check.costs for check in diagnosis.checks if check.state == "lack")


def test_one_event_that_is_missing(tmp_path: Path) -> None:
    known = [name for name in ALL_TRACEPOINTS if name != "tlb:tlb_flush"]
    diagnosis = examine(make_host(tmp_path, tracepoints=known), accepts, found_perf)
    assert [state.is_complete for state in diagnosis.levels] == [True, True, False]
    row = next(check for check in diagnosis.checks if check.name == "events of full")
    assert row.found == "5 of 6; not tlb:tlb_flush: Linux 6.18.0-test has no such event"
    assert (row.costs, row.fix) == ("not recorded: a mapping was taken away: copies, never reuses", "a newer kernel")


def test_what_perf_refuses_counts_though_the_rules_allow_it(tmp_path: Path) -> None:
    diagnosis = examine(make_host(tmp_path), refuses_frames, found_perf)
    row = next(check for check in diagnosis.checks if check.name == "physical addresses")
    assert (row.state, row.found, row.costs, row.fix) == ("lack", "perf refused it: no", "no frames", "run as root")
    assert not diagnosis.level("low").is_complete


@pytest.mark.parametrize(("trial", "find"), [(refuses, found_perf), (accepts, no_perf)])
def test_no_recording_at_all(tmp_path: Path, trial: object, find: object) -> None:
    diagnosis = examine(make_host(tmp_path), trial, find)  # type: ignore[arg-type]
    assert all(state.refusal and not state.is_complete for state in diagnosis.levels)
    assert any(check.costs == "nothing can be recorded" for check in diagnosis.checks)


def test_json(tmp_path: Path) -> None:
    data = examine(make_host(tmp_path, machine="aarch64"), accepts, found_perf).as_json()
    assert data["schema"] == "cowtrace.doctor/1"
    assert list(data) == ["schema", "cowtrace_version", "release", "machine", "checks", "levels"]
    assert data["levels"][0] == {
        "name": "low",
        "complete": True,
        "recorded": ["page-faults", "minor-faults", "major-faults"],
        "missing": [],
        "refusal": None,
    }
    # exceptions, fork and vfork do not exist on arm64: nothing lacks
    assert data["levels"][1]["complete"] is True
    assert set(data["checks"][0]) == {"name", "state", "found", "costs", "fix"}
