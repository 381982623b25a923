"""Names of tasks: who is called what, since when."""

from __future__ import annotations

from pathlib import Path

from cowtrace.parsers.base import SideBand
from tests.support.ringbuffer import EXEC, EXIT, FORK, NEWTASK, RENAME, SWITCH, Page, fault, pages
from tests.support.tracedat import Area, TraceFile, opened, table

Comm = tuple[int, int, bytes, bool]


def side_of(path: Path, *cpus: Page, cmdlines: bytes = b"") -> SideBand:
    area = Area({cpu: page.bytes() for cpu, page in enumerate(cpus)})
    return opened(path / "trace.dat", TraceFile([area], cmdlines=cmdlines).version7()).side_band()


def comms(side: SideBand) -> list[Comm]:
    return table(side, "comm", "ts_ns", "tid", "comm", "is_exec")


def switch(before: tuple[bytes, int], after: tuple[bytes, int]) -> bytes:
    return SWITCH.payload(before[1], prev_comm=before[0], prev_pid=before[1], next_comm=after[0], next_pid=after[1])


def test_fork_rename_exec_exit(tmp_path: Path) -> None:
    page = Page(100)
    page.data(1, FORK.payload(10, parent_comm=b"sh", parent_pid=10, child_comm=b"sh", child_pid=11))
    page.data(1, RENAME.payload(11, pid=11, oldcomm=b"sh", newcomm=b"worker"))
    page.data(1, RENAME.payload(11, pid=11, oldcomm=b"worker", newcomm=b"true"))
    page.data(1, EXEC.payload(11, filename=b"/usr/bin/true", pid=11, old_pid=11))
    page.data(1, EXIT.payload(11, comm=b"true", pid=11))
    side = side_of(tmp_path, page)
    assert comms(side) == [
        (-1, 10, b"sh", False),
        (101, 11, b"sh", False),
        (102, 11, b"worker", False),
        (103, 11, b"true", False),
        (104, 11, b"true", True),
    ]
    assert table(side, "fork", "ts_ns", "tid", "parent_tid") == [(101, 11, 10)]
    assert table(side, "exit", "ts_ns", "tid") == [(105, 11)]


def test_an_exec_alone_is_named_after_its_file(tmp_path: Path) -> None:
    page = Page(100)
    page.data(1, EXEC.payload(11, filename=b"/opt/some where/a-very-long-program-name", pid=11, old_pid=11))
    page.data(1, EXEC.payload(12, filename=b"plain", pid=12, old_pid=12))
    assert comms(side_of(tmp_path, page)) == [(101, 11, b"a-very-long-pro", True), (102, 12, b"plain", True)]


def test_an_exec_through_a_descriptor_has_the_name_of_its_rename(tmp_path: Path) -> None:
    page = Page(100)
    page.data(1, RENAME.payload(11, pid=11, oldcomm=b"runc", newcomm=b"memfd:runc"))
    page.data(1, EXEC.payload(11, filename=b"/dev/fd/7", pid=11, old_pid=11))
    page.data(1, EXEC.payload(11, filename=b"/dev/fd/8", pid=11, old_pid=11))  # its rename was lost
    page.data(1, EXEC.payload(11, filename=b"/bin/sh", pid=11, old_pid=11))
    assert comms(side_of(tmp_path, page)) == [
        (-1, 11, b"runc", False),
        (101, 11, b"memfd:runc", False),
        (102, 11, b"memfd:runc", True),
        (103, 11, b"8", True),
        (104, 11, b"sh", True),
    ]


def test_a_lost_rename_does_not_name_an_exec(tmp_path: Path) -> None:
    page = Page(100)
    page.data(1, RENAME.payload(11, pid=11, oldcomm=b"sh", newcomm=b"worker"))
    page.data(1, EXEC.payload(11, filename=b"/bin/true", pid=11, old_pid=11))
    assert comms(side_of(tmp_path, page))[1:] == [(101, 11, b"worker", False), (102, 11, b"true", True)]


def test_switches_show_names_of_both_tasks(tmp_path: Path) -> None:
    first = Page(100)
    for time in range(5):
        first.data(10, switch((b"a", 5), (b"swapper/0", 0)) if time % 2 else switch((b"swapper/0", 0), (b"a", 5)))
    first.data(10, switch((b"b", 5), (b"c", 6)))
    second = Page(133).data(0, switch((b"mid", 5), (b"swapper/1", 0)))
    # the word of the second CPU stands between what the first one says at 130 and 140
    assert comms(side_of(tmp_path, first, second)) == [
        (-1, 0, b"swapper", False),
        (-1, 5, b"a", False),
        (-1, 6, b"c", False),
        (133, 5, b"mid", False),
        (140, 5, b"a", False),
        (160, 5, b"b", False),
    ]


def test_names_end_at_their_first_nul(tmp_path: Path) -> None:
    page = Page(100).data(1, switch((b"new\0eft-over", 5), (b"fifteen-letters", 6)))
    assert comms(side_of(tmp_path, page)) == [(-1, 5, b"new", False), (-1, 6, b"fifteen-letters", False)]


def test_last_known_names_only_where_nothing_else_is_known(tmp_path: Path) -> None:
    page = Page(100).data(1, fault(5, 0)).data(1, fault(0, 0)).data(1, switch((b"seen", 6), (b"swapper/0", 0)))
    cmdlines = b"5 five\n6 later-name\n7 elsewhere\n"
    assert comms(side_of(tmp_path, page, cmdlines=cmdlines)) == [
        (-1, 0, b"swapper", False),
        (-1, 5, b"five", False),
        (-1, 6, b"seen", False),
    ]


def test_a_birth_told_by_two_events_and_two_instances_is_one(tmp_path: Path) -> None:
    newtask = NEWTASK.payload(10, pid=11, comm=b"sh", clone_flags=0x1200000)
    fork = FORK.payload(10, parent_comm=b"sh", parent_pid=10, child_comm=b"sh", child_pid=11)
    exit_ = EXIT.payload(11, comm=b"sh", pid=11)
    page = Page(100).data(1, newtask).data(5, fork).data(5, exit_)
    page.data(100, newtask).data(5, fork).data(5, exit_)  # the tid is used again
    areas = [Area({0: page.bytes()}), Area({0: pages(Page(99).data(9, newtask).data(110, newtask))}, name="aa")]
    side = opened(tmp_path / "trace.dat", TraceFile(areas).version7()).side_band()
    assert table(side, "fork", "ts_ns", "tgid", "tid", "parent_tid") == [(101, 11, 11, 10), (211, 11, 11, 10)]
    assert table(side, "exit", "ts_ns", "tid") == [(111, 11), (221, 11)]
    assert comms(side) == [(-1, 10, b"sh", False), (101, 11, b"sh", False), (211, 11, b"sh", False)]


def test_an_event_stands_before_what_it_causes(tmp_path: Path) -> None:
    page = Page(100).data(1, NEWTASK.payload(10, pid=11, comm=b"sh"))
    side = side_of(tmp_path, page)
    assert side.fork["seq"].to_list() == [1]
    assert side.comm["seq"].to_list() == [2]


def test_names_that_hold_since_the_start_stand_before_everything(tmp_path: Path) -> None:
    # in the file the rename on CPU 0 comes first, in time the switch on CPU 1
    first = Page(200).data(0, RENAME.payload(5, pid=5, oldcomm=b"old", newcomm=b"new"))
    second = Page(100).data(0, switch((b"old", 5), (b"swapper/1", 0)))
    side = side_of(tmp_path, first, second)
    assert side.comm.select("seq", "ts_ns", "tid", "comm").rows() == [(-1, -1, 5, b"old"), (3, 200, 5, b"new")]


def test_tids_that_no_kernel_gives_are_left_out(tmp_path: Path) -> None:
    page = Page(100)
    page.data(1, NEWTASK.payload(10, pid=-5, comm=b"x"))
    page.data(1, NEWTASK.payload(10, pid=1 << 30, comm=b"x"))
    page.data(1, EXIT.payload(10, pid=1 << 30, comm=b"x"))
    side = side_of(tmp_path, page)
    assert (side.fork.height, side.exit.height, side.comm.height) == (0, 0, 0)
