"""Thread groups: which process a thread belongs to, and when that is not known."""

from __future__ import annotations

from pathlib import Path

from cowtrace.parsers.tracedat import open_tracedat
from tests.support.ringbuffer import EXEC, FORK, NEWTASK, USER_STACK, Page, fault
from tests.support.tracedat import DATA, Area, TraceFile, column, opened, table

THREAD = 0x3D0F00  # CLONE_THREAD and what pthread_create adds


def groups(path: Path, page: Page, *options: tuple[int, bytes]) -> list[tuple[int, int]]:
    """tid and tgid of every page fault, in order of time."""
    recording = opened(path / "trace.dat", TraceFile([Area({0: page.bytes()})], options=options).version7())
    (batch,) = recording.batches()
    number = next(desc.index for desc in recording.events if desc.name == "exceptions:page_fault_user")
    at = batch.rows(number)
    return list(zip(batch.columns["tid"][at].tolist(), batch.columns["tgid"][at].tolist(), strict=True))


def newtask(parent: int, child: int, flags: int = 0) -> bytes:
    return NEWTASK.payload(parent, pid=child, comm=b"x", clone_flags=flags)


def test_processes_and_threads(tmp_path: Path) -> None:
    page = Page(0).data(1, newtask(9, 10)).data(1, newtask(10, 11, THREAD)).data(1, newtask(11, 12, THREAD)).data(1, newtask(12, 20))
    for tid in (9, 10, 11, 12, 20, 0):
        page.data(1, fault(tid, 0))
    assert groups(tmp_path, page) == [(9, -1), (10, 10), (11, 10), (12, 10), (20, 20), (0, 0)]


def test_a_fork_event_alone_does_not_tell_threads_from_processes(tmp_path: Path) -> None:
    page = Page(0).data(1, FORK.payload(10, parent_pid=10, child_pid=11)).data(1, fault(11, 0)).data(1, fault(10, 0))
    assert groups(tmp_path, page) == [(11, -1), (10, -1)]


def test_whoever_execs_leads_its_group_from_its_birth(tmp_path: Path) -> None:
    page = Page(0).data(1, fault(10, 0)).data(1, FORK.payload(10, parent_pid=10, child_pid=11)).data(1, fault(11, 0))
    page.data(1, EXEC.payload(11, pid=11, old_pid=11)).data(1, newtask(11, 12, THREAD)).data(1, fault(12, 0))
    assert groups(tmp_path, page) == [(10, -1), (11, 11), (12, 11)]


def test_a_thread_that_execs_was_one_of_the_group_that_it_then_leads(tmp_path: Path) -> None:
    page = (
        Page(0).data(1, newtask(10, 12, THREAD)).data(1, fault(12, 0)).data(1, EXEC.payload(10, pid=10, old_pid=12)).data(1, fault(10, 0))
    )
    assert groups(tmp_path, page) == [(12, 10), (10, 10)]


def test_user_stacks_name_the_group(tmp_path: Path) -> None:
    page = Page(0).data(1, newtask(10, 12, THREAD)).data(1, fault(12, 0)).data(1, fault(10, 0)).data(1, USER_STACK.payload(12, tgid=8))
    assert groups(tmp_path, page) == [(12, 8), (10, 8)]


def test_a_tid_that_is_used_again(tmp_path: Path) -> None:
    page = (
        Page(0)
        .data(1, fault(11, 0))
        .data(1, newtask(10, 11))
        .data(1, fault(11, 0))
        .data(1, newtask(30, 31))
        .data(1, newtask(31, 11, THREAD))
    )
    page.data(1, fault(11, 0)).data(1, FORK.payload(10, parent_pid=40, child_pid=11)).data(1, fault(11, 0))
    assert groups(tmp_path, page) == [(11, -1), (11, 11), (11, 31), (11, -1)]


def test_saved_tgids_hold_for_the_last_owner(tmp_path: Path) -> None:
    page = Page(0).data(1, fault(5, 0)).data(1, fault(6, 0)).data(1, newtask(9, 6)).data(1, fault(6, 0)).data(1, fault(7, 0))
    saved = b"5 3\n6 4\n7 7\n\0"
    for option in (32, 8):  # the second is what the first version of the recorder used
        assert groups(tmp_path, page, (option, saved)) == [(5, 3), (6, -1), (6, 6), (7, 7)]


def test_impossible_births_do_no_harm(tmp_path: Path) -> None:
    page = (
        Page(0).data(1, newtask(5, 5, THREAD)).data(0, newtask(6, 7, THREAD)).data(0, newtask(7, 8, THREAD)).data(0, newtask(8, 6, THREAD))
    )
    page.data(1, fault(5, 0)).data(1, fault(7, 0))
    assert groups(tmp_path, page) == [(5, -1), (7, -1)]


def test_recorded_threads() -> None:
    recording = open_tracedat(DATA / "all-kinds.dat")
    side = recording.side_band()
    assert table(side, "fork", "tgid", "parent_tgid", "tid", "parent_tid")[:4] == [
        (24577, 24576, 24577, 24576),
        (24578, 24576, 24578, 24576),
        (24577, 24577, 24579, 24577),
        (24577, 24577, 24580, 24577),
    ]
    pairs = set(zip(column(recording, "tid"), column(recording, "tgid"), strict=True))
    # sched_switch and wakeups outside of the recorded processes
    assert {tid for tid, tgid in pairs if tgid < 0} == {15, 14779, 24499, 24574, 24575}
    assert (24588, 24584) in pairs
