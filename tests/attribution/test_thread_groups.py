"""Thread groups that no event names, from what new tasks do first."""

from __future__ import annotations

import pytest

from cowtrace.attribution.thread_groups import regrouped
from tests.support.recording import FakeRecording, tracepoint

EVENTS = [
    tracepoint(0, "exceptions:page_fault_user", "address", "ip", "error_code"),
    tracepoint(1, "exceptions:page_fault_kernel", "address", "ip", "error_code"),
    tracepoint(2, "sched:sched_process_exit", "group_dead"),
]


def recording(*codes: tuple[int, int], group_dead: int = 0) -> FakeRecording:
    """Thread 10 of process 10 makes task 11, which takes faults with these (event, error code)."""
    lines = [{"event": 0, "ts_ns": 5, "tid": 10, "tgid": 10, "f": {"address": 0x1000, "ip": 1, "error_code": 6}}]
    lines += [
        {"event": event, "ts_ns": 20 + place, "tid": 11, "tgid": -1, "f": {"address": 0x2000, "ip": 1, "error_code": code}}
        for place, (event, code) in enumerate(codes)
    ]
    lines.append({"event": 2, "ts_ns": 50, "tid": 11, "tgid": -1, "f": {"group_dead": group_dead}})
    lines.append({"event": 0, "ts_ns": 60, "tid": 10, "tgid": 10, "f": {"address": 0x1000, "ip": 1, "error_code": 6}})
    fork = {"seq": 1, "ts_ns": 10, "tgid": -1, "parent_tgid": 10, "tid": 11, "parent_tid": 10}
    exit_ = {"seq": 2, "ts_ns": 50, "tgid": -1, "parent_tgid": -1, "tid": 11, "parent_tid": -1}
    comm = {"seq": 1, "ts_ns": 10, "tgid": -1, "tid": 11, "comm": b"x", "is_exec": False}
    return FakeRecording(EVENTS, lines, {"fork": [fork], "exit": [exit_], "comm": [comm]})


@pytest.mark.parametrize(
    ("codes", "group_dead", "group"),
    [
        # the kernel stores the child's tid into a shared page
        ([(1, 0x3), (0, 0x14), (0, 0x7)], 0, 11),
        # a fork without that: new code pages, and writes to shared ones
        ([(0, 0x14), (0, 0x7)], 0, 11),
        ([(0, 0x7), (0, 0x14)], 0, 11),
        # a stack of its own; later writes to pages that its process shares with another one
        ([(0, 0x6), (0, 0x6), (0, 0x7)], 0, 10),
        ([(0, 0x7), (0, 0x7)], 0, 10),
        # it died as a whole group while its parent went on
        ([(0, 0x4)], 1, 11),
        ([], 0, -1),
    ],
)
def test_group(codes: list[tuple[int, int]], group_dead: int, group: int) -> None:
    source = recording(*codes, group_dead=group_dead)
    told, side = regrouped(source, source.side_band())
    assert side.fork["tgid"].to_list() == ([group] if group >= 0 else [])
    assert side.exit["tgid"].to_list() == side.comm["tgid"].to_list() == [group]
    tgids = {
        (int(tid), int(tgid)) for batch in told.batches() for tid, tgid in zip(batch.columns["tid"], batch.columns["tgid"], strict=True)
    }
    assert tgids == {(10, 10), (11, group)}


def test_an_untraced_child_is_a_process() -> None:
    """Nothing of it is recorded: the tracer was limited to its parent. The parent's pages are shared all the same."""
    source = recording()
    source.lines = [line for line in source.lines if line["tid"] == 10]
    _, side = regrouped(source, source.side_band())
    assert side.fork["tgid"].to_list() == [11]


def test_known_groups_stay() -> None:
    """Nothing to find: the same recording comes back."""
    source = recording()
    source.side = {}
    side = source.side_band()
    assert regrouped(source, side) == (source, side)
