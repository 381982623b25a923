"""The bill in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cowtrace.report.bill import compose
from cowtrace.report.headline import caveats, headline, percent, plural
from tests.support.bill import small_bill
from tests.support.stores import make_store

FORK = "fork_id ts_ns\n0 2230000000"
ONE = "mm_id tgid comm\n0 12 redis-server"


def test_one_process_and_its_fork(tmp_path: Path) -> None:
    # 8000 copies of 4 KiB at 2 µs in fork 0, 2213 first touches at 1 µs
    faults = """
    ts_ns mm_id kind      weight copied_bytes zeroed_bytes duration_ns fork_id fork_side
    1     0     cow_copy  8000   4096         0            2000        0       parent
    2     0     anon_zero 2213   0            4096         1000        -       -
    """
    report = compose(make_store(tmp_path / "s", fault=faults, process=ONE, fork=FORK))
    assert headline(report) == (
        "redis-server (pid 12) and its 1 fork: 10,213 faults, 8,000 copies = 31.2 MiB, 8.64 MiB zeroed, 18.2 ms in faults, "
        "88 % of it caused by fork 0 at 1.23 s."
    )
    assert caveats(report) == ["The recording is a sample: counts, bytes and times are estimates."]


def test_what_is_unknown_bounds_the_copies(tmp_path: Path) -> None:
    assert headline(compose(small_bill(tmp_path / "s"))) == (
        "redis (pid 12) and its 1 fork: 12 faults, 5 copies (at most 8) = 20 KiB, 8 KiB zeroed, "
        "10 µs in the faults that were timed (83 %), 65 % of it caused by fork 0 at 400 ms."
    )


@pytest.mark.parametrize(
    ("faults", "process", "fork", "said"),
    [
        ("ts_ns kind\n1 anon_zero", "", "", "app (pid 12): 1 fault, no copies."),
        ("ts_ns kind copied_bytes\n1 cow_copy -\n2 cow_copy 4096", "", "", "app (pid 12): 2 faults, 2 copies = at least 4 KiB."),
        ("ts_ns kind mm_id\n1 anon_zero 0", ONE, "", "redis-server (pid 12): 1 fault, no copies."),
        (
            "ts_ns kind\n1 unknown\n2 unknown",
            "",
            "",
            "app (pid 12): 2 faults, at most 2 copies (the recording does not tell).",
        ),
        ("ts_ns kind\n1 cow_copy\n2 cow_copy", "", "", "app (pid 12): 2 faults, 2 copies of unknown size."),
        (
            "ts_ns kind fork_id mm_id\n1 cow_reuse 0 0\n2 failed - 0",
            ONE,
            FORK,
            "redis-server (pid 12) and its 1 fork: 2 faults, no copies, 50 % of the faults caused by fork 0 at 1.23 s.",
        ),
        (
            "ts_ns kind mm_id\n1 anon_zero 0",
            ONE,
            FORK,
            "redis-server (pid 12) and its 1 fork: 1 fault, no copies, none of it known to be caused by a fork.",
        ),
        (
            "ts_ns kind fork_id duration_ns tgid mm_id\n1 cow_reuse 0 50 12 0\n2 cow_reuse 1 40 13 1\n3 failed - 10 14 -",
            ONE + "\n1 13 sh",
            FORK + "\n1 3230000000",
            "3 processes and 2 forks, first of all redis-server (pid 12, 50 % of the time): 3 faults, no copies, 100 ns in faults, "
            "90 % of it caused by forks (50 % by fork 0 at 1.23 s).",
        ),
        ("ts_ns kind", "", "", "No page fault was recorded."),
    ],
)
def test_other_bills(tmp_path: Path, faults: str, process: str, fork: str, said: str) -> None:
    tables: dict[str, Any] = {name: text for name, text in {"fault": faults, "process": process, "fork": fork}.items() if text}
    assert headline(compose(make_store(tmp_path / "s", **tables))) == said


def test_caveats(tmp_path: Path) -> None:
    # lost and lost_samples are the same events, so 123 of source 0, not 246; source 1 counted in samples only
    loss = """
    source_id reason       lost_events
    0         lost         120
    0         lost         3
    0         lost_samples 123
    1         lost_samples 7
    """
    assert caveats(compose(small_bill(tmp_path / "s", loss=loss))) == [
        "130 events lost while recording: every number here is too low.",
        "25 % of the faults could not be classified; see what this recording cannot tell.",
    ]
    store = make_store(tmp_path / "t", sources=[{"records_damaged": 2, "bytes_unread": 108}], loss="source_id reason\n0 lost")
    assert caveats(compose(store)) == [
        "Events were lost while recording, nobody counted how many: every number here is too low.",
        "2 records damaged in the input and left out.",
        "An input is damaged or cut short: what could be read is here; its notes at the end say what could not.",
    ]


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 5, "0 %"),
        (0, 0, "0 %"),
        (5, 5, "100 %"),
        (1, 100_000, "<0.1 %"),
        (1, 200, "0.5 %"),
        (994, 10_000, "9.9 %"),
        (996, 10_000, "10 %"),
        (62, 100, "62 %"),
        (99_999, 100_000, "99.9 %"),
    ],
)
def test_percent(part: int, whole: int, text: str) -> None:
    assert percent(part, whole) == text


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [(1, "copy", "1 copy"), (2, "copy", "2 copies"), (2, "process", "2 processes"), (1234, "fork", "1,234 forks")],
)
def test_plural(count: int, noun: str, text: str) -> None:
    assert plural(count, noun) == text


COPYUPS = "ts_ns duration_ns trigger path copied_bytes\n1 2000000 chown /a 4096\n2 1000000 chown /b {size}"


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ("4096", "2 overlay copy-ups = 8 KiB of file data, 3 ms blocked."),
        ("-", "2 overlay copy-ups = at least 4 KiB of file data, 3 ms blocked."),
    ],
)
def test_copy_ups_are_part_of_the_bill(tmp_path: Path, size: str, said: str) -> None:
    store = make_store(tmp_path / "s", copyup=COPYUPS.format(size=size))
    assert headline(compose(store)) == f"No page fault was recorded. {said}"
    store = make_store(tmp_path / "t", copyup=COPYUPS.format(size=size), fault="ts_ns kind\n1 anon_zero")
    assert headline(compose(store)) == f"app (pid 12): 1 fault, no copies. {said}"


def test_copy_ups_of_unknown_size(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", copyup="ts_ns trigger copied_bytes\n1 unknown -")
    assert headline(compose(store)) == "No page fault was recorded. 1 overlay copy-up."
