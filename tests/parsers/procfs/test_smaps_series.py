"""Many snapshots in one file: where one ends, and what is known of its time and process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.proc_text import mapping, notes, picked, read_smaps

LOW = mapping("1000-2000 rw-p 00000000 00:00 0 ", Rss=1)
MIDDLE = mapping("2000-5000 rw-p 00000000 00:00 0 ", Rss=2)
HIGH = mapping("7000-8000 rw-p 00000000 00:00 0 ", Rss=3)
ROLLUP = mapping("1000-8000 ---p 00000000 00:00 0                          [rollup]", Rss=6)
T = 1_700_000_000_000_000_000
UNDATED = "snapshots without a time: put it in the file name or in '# time' lines"


def series(path: Path, *parts: bytes, **options: int) -> list[tuple[object, ...]]:
    """snapshot_id, ts_ns, tgid and rss_kb of each row."""
    return picked(read_smaps(path, b"".join(parts), **options)[0], "snapshot_id", "ts_ns", "tgid", "rss_kb")


def test_time_lines(tmp_path: Path) -> None:
    parts = (b"# time 1700000000.25\n", LOW, HIGH, b"# time 1700000001.250000001\n", LOW, HIGH)
    assert series(tmp_path / "smaps.77", *parts) == [
        (0, T + 250_000_000, 77, 1),
        (0, T + 250_000_000, 77, 3),
        (1, T + 1_250_000_001, 77, 1),
        (1, T + 1_250_000_001, 77, 3),
    ]


def test_a_walk_that_starts_over_has_no_time_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "smaps-77-1700000000.txt"
    assert series(path, LOW, HIGH, LOW, LOW, MIDDLE) == [
        (0, T, 77, 1),
        (0, T, 77, 3),
        (1, None, 77, 1),
        (2, None, 77, 1),  # the same mapping again: a walk never comes back
        (2, None, 77, 2),
    ]
    assert notes(read_smaps(path)[1]) == {UNDATED: 2}


def test_overlaps_within_a_walk_are_one_snapshot(tmp_path: Path) -> None:
    """Between two reads the next mapping was merged with the one before: it starts below what was printed, and reaches further."""
    grown = mapping("1000-3000 rw-p 00000000 00:00 0 ", Rss=9)
    assert [row[0] for row in series(tmp_path / "smaps", LOW, grown, HIGH)] == [0, 0, 0]


def test_rollups_are_snapshots_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "smaps"
    assert series(path, b"# time 1700000000\n", LOW, HIGH, ROLLUP, b"# time 1700000001\n", ROLLUP, LOW, ROLLUP) == [
        (0, T, None, 1),
        (0, T, None, 3),
        (1, T, None, 6),  # the other form, the same moment
        (2, T + 1_000_000_000, None, 6),
        (3, T + 1_000_000_000, None, 1),
        (4, None, None, 6),  # a second rollup after one time line: another moment
    ]
    assert [row["form"] for row in read_smaps(path)[0]] == ["smaps", "smaps", "rollup", "rollup", "smaps", "rollup"]


def test_processes_one_after_the_other(tmp_path: Path) -> None:
    banners = b"==> /proc/11/smaps <==\n", b"\n==> /proc/12/smaps <==\n", b"\n==> /proc/self/smaps <==\n"
    parts = (b"# time 1700000000 pid 10\n", LOW, banners[0], LOW, banners[1], HIGH, banners[2], HIGH)
    assert series(tmp_path / "all.txt", *parts) == [
        (0, T, 10, 1),
        (1, T, 11, 1),
        (2, T, 12, 3),  # higher than its predecessor: only the line tells
        (3, T, None, 3),
    ]


@pytest.mark.parametrize(
    "line", [b"1700000000", b"1700000000.000", b"2023-11-14T22:13:20Z", b"# time: 2023-11-14 22:13:20Z", b"# time=1700000000"]
)
def test_forms_of_time_lines(line: bytes, tmp_path: Path) -> None:
    assert series(tmp_path / "smaps", LOW, line + b"\n", HIGH) == [(0, None, None, 1), (1, T, None, 3)]


def test_a_time_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "smaps-7-1700000000"
    assert series(path, LOW, b"# time 2023-11-14T22:13:20\n", HIGH) == [(0, T, 7, 1), (1, None, 7, 3)]
    assert notes(read_smaps(path)[1]) == {"times that can't be read; a date needs its zone": 1, UNDATED: 1}


def test_remarks_change_nothing(tmp_path: Path) -> None:
    within = LOW.replace(b"Rss", b"# a remark\n\nRss")
    assert series(tmp_path / "smaps", b"# redis, before the fork\n", within, b"=====\n", HIGH) == [(0, None, None, 1), (0, None, None, 3)]


def test_options_come_first(tmp_path: Path) -> None:
    parts = (b"# time 1700000000 pid 12\n", LOW, b"# time 1700000001\n", LOW)
    assert series(tmp_path / "smaps.13", *parts, tgid=99, wall_ns=T + 5, first_snapshot_id=40) == [
        (40, T + 5, 99, 1),
        (41, T + 1_000_000_000, 99, 1),
    ]


def test_the_clock_of_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "smaps-1700000000"
    assert series(path, LOW, wall_offset_ns=T - 123) == [(0, 123, None, 1)]
    assert series(path, LOW, wall_offset_ns=-(1 << 63)) == [(0, None, None, 1)]  # beyond int64
    _, info = read_smaps(path)
    assert (info.first_ns, info.last_ns, info.clock, info.wall_offset_ns) == (T, T, "realtime", 0)


def test_a_kernel_thread_has_no_mappings(tmp_path: Path) -> None:
    rows, info = read_smaps(tmp_path / "2.smaps", b"")
    assert (rows, info.records_read, info.records_damaged) == ([], 0, 0)
    assert notes(info) == {"no mapping in it: a kernel thread, or the process had exited": 1}


def test_crlf(tmp_path: Path) -> None:
    text = (b"# time 1700000000\n" + LOW + mapping("7000-8000 r--p 00000000 00:00 5 /lib/x y", Rss=3, flags="rd mr")).replace(
        b"\n", b"\r\n"
    )
    rows, info = read_smaps(tmp_path / "smaps", text)
    assert picked(rows, "ts_ns", "path", "rss_kb", "vm_flags") == [(T, None, 1, None), (T, "/lib/x y", 3, "rd mr")]
    assert info.records_damaged == 0
