"""What is asked of ftrace, by level and host."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cowtrace.errors import HostError
from cowtrace.recording.ftrace.instance import instance_name
from cowtrace.recording.ftrace.setup import default_buffer_bytes, leave_to_ftrace, make_setup
from cowtrace.recording.ftrace.survivors import find_survivors
from cowtrace.recording.levels import LEVELS, Event
from cowtrace.recording.plan import make_plan
from tests.support.fake_tracefs import CLOCKS, FakeTracefs
from tests.support.hosts import PERF, make_host

CLOCK = {"sys/kernel/tracing/trace_clock": CLOCKS}


def host_with(root: Path, files: dict[str, str] | None = None) -> FakeTracefs:
    fake = FakeTracefs(root)
    for name, text in (files or {}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return fake


@pytest.mark.parametrize(
    ("level", "system_wide", "count"), [("low", False, 7), ("standard", False, 24), ("full", False, 30), ("full", True, 33)]
)
def test_events_by_level(tmp_path: Path, level: str, system_wide: bool, count: int) -> None:
    setup = make_setup(FakeTracefs(tmp_path).host, level, system_wide=system_wide)
    assert len({event.name for event in setup.events}) == len(setup.events) == count
    assert [lack.what for lack in setup.missing] == ["function_graph"]


def test_alone_ftrace_records_at_level_low_what_standard_does(tmp_path: Path) -> None:
    host = FakeTracefs(tmp_path).host
    names = [{event.name for event in make_setup(host, level, alone=True).events} for level in ("low", "standard")]
    assert names[0] == names[1] == {event.name for event in make_setup(host, "standard").events}


def test_events_beyond_the_level(tmp_path: Path) -> None:
    more = [*LEVELS["low"].events, Event("tlb:tlb_flush", "a mapping was taken away"), Event("task:task_rename", "told already")]
    names = [event.name for event in make_setup(FakeTracefs(tmp_path).host, "low", more=more).events]
    assert (len(names), names[-2:]) == (8, ["task:task_rename", "tlb:tlb_flush"])


def test_perf_leaves_its_tracepoints_to_ftrace(tmp_path: Path) -> None:
    host = FakeTracefs(tmp_path).host
    plan = make_plan(LEVELS["standard"], host, PERF)
    left = leave_to_ftrace(plan, make_setup(host, "standard"))
    assert [event.name for event in left.events] == ["page-faults", "minor-faults", "major-faults"]
    assert [lack.what for lack in left.missing] == ["function_graph"]


def test_with_call_chains_perf_keeps_them_and_ftrace_adds_the_rest(tmp_path: Path) -> None:
    host = FakeTracefs(tmp_path).host
    plan = make_plan(LEVELS["full"], host, PERF)
    setup = make_setup(host, "full", beside=[event.name for event in plan.events])
    assert [event.name for event in setup.events] == ["task:task_rename"]
    assert leave_to_ftrace(plan, setup).events == plan.events


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"sys/kernel/security/lockdown": "none integrity [confidentiality]"}, "kernel lockdown is confidentiality; boot without it, or"),
        ({"sys/kernel/tracing/trace_clock": "[local] global counter"}, "this kernel has no trace clock mono"),
    ],
)
def test_what_stands_in_the_way(tmp_path: Path, files: dict[str, str], problem: str) -> None:
    with pytest.raises(HostError, match=f"^ftrace can't be used: {problem}"):
        make_setup(host_with(tmp_path, files).host, "low")


def test_a_user_without_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = FakeTracefs(tmp_path).host
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(HostError, match=r"tracing/instances is closed to this user; run as root, or record without --with ftrace$"):
        make_setup(host, "low")


def test_no_tracefs_and_no_instances(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="tracefs is not mounted or not readable; `sudo mount -t tracefs nodev /sys/kernel/tracing`"):
        make_setup(make_host(tmp_path / "a", tracepoints=()), "low")
    with pytest.raises(HostError, match="this kernel was built without tracefs instances"):
        make_setup(make_host(tmp_path / "b", CLOCK), "low")


@pytest.mark.parametrize(
    ("available_kb", "cpus", "mib"), [(64 << 20, 2, 32), (64 << 20, 64, 16), (1 << 20, 2, 32), (256 << 10, 2, 8), (1 << 10, 64, 1)]
)
def test_buffers_fit_the_machine(tmp_path: Path, available_kb: int, cpus: int, mib: int) -> None:
    host = make_host(tmp_path, {"proc/meminfo": f"MemAvailable: {available_kb} kB\n"}, cpu_count=cpus)
    assert default_buffer_bytes(host) == mib << 20


def test_survivors(tmp_path: Path) -> None:
    own = instance_name()
    gone = f"cowtrace-{os.getpid()}-1"  # our number, another start: a stranger that took it
    for name in (own, gone, "cowtrace-999999999-5", "cowtrace-notes", "trace-cmd"):
        (tmp_path / "instances" / name).mkdir(parents=True)
    assert find_survivors(tmp_path) == sorted([gone, "cowtrace-999999999-5"])
    assert find_survivors(tmp_path / "missing") == []
