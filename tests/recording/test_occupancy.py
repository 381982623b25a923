"""How full huge pages are: counted from bytes made by hand, and rows for blocks that came and went."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cowtrace.recording import occupancy
from cowtrace.recording.collector import Scene
from cowtrace.recording.occupancy import HUGE, Occupancy
from tests.support.hosts import make_host

STAT = "7 (app) S 1 7 7 0 -1 4194304 " + " ".join(["0"] * 12) + " 99 0 0\n"


class Made(Occupancy):
    """A process 7 whose huge pages are listed by the test."""

    addresses: tuple[int, ...] = ()

    def _huge_pages(self, pid: int) -> Iterator[int]:
        yield from self.addresses


@pytest.fixture
def made(tmp_path: Path) -> Made:
    host = make_host(tmp_path / "host", {"proc/7/stat": STAT, "proc/7/task/7/children": "", "proc/7/mem": ""})
    os.truncate(host.path("proc/7/mem"), 3 * HUGE)
    collector = Made(host)
    collector.start(Scene(tmp_path, [7], True))
    return collector


def put(made: Made, *offsets: int) -> None:
    with made._host.path("proc/7/mem").open("r+b") as memory:
        for offset in offsets:
            memory.seek(offset)
            memory.write(b"x")


def rows(made: Made) -> list[list[int]]:
    """tgid, addr, written at first, written at last."""
    return [[row[0], row[1], row[3], row[5]] for row in made.facts()["huge_page_occupancy"]["rows"]]


def test_pages_that_hold_anything_were_written(made: Made) -> None:
    made.addresses = (0, HUGE)
    put(made, 0, 1, 4095, 4096, HUGE - 1, HUGE + 5 * 4096 + 17)
    made._look(1e18)
    assert rows(made) == [[7, 0, 3, 3], [7, HUGE, 1, 1]]


def test_first_and_last_look_and_what_is_gone_stays_in_the_account(made: Made) -> None:
    made.addresses = (0,)
    put(made, 0)
    made._look(1e18)
    put(made, 4096, 8192)
    made._look(1e18)
    made.addresses = (2 * HUGE,)
    made._look(1e18)
    assert rows(made) == [[7, 0, 1, 3], [7, 2 * HUGE, 0, 0]]


def test_a_page_that_was_written_stays_written(made: Made) -> None:
    made.addresses = (0,)
    put(made, 0)
    made._look(1e18)
    made._host.path("proc/7/mem").write_bytes(bytes(HUGE))
    made._look(1e18)
    assert rows(made) == [[7, 0, 1, 1]]


def test_too_many_blocks_are_told(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(occupancy, "MOST_BLOCKS", 1)
    made.addresses = (0, HUGE)
    made._look(1e18)
    assert made.notes == ["occupancy: only the first 1 huge pages were looked at"]
    assert made.tick(1.0) is None


def test_looking_takes_a_fifth_of_the_time_at_most(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([100.5])
    monkeypatch.setattr(made, "_look", lambda now_s: None)
    monkeypatch.setattr("time.monotonic", lambda: next(moments))
    made._due_s = 0.0
    assert made.tick(100.0) == pytest.approx(102.5)


def test_a_process_that_is_gone_costs_nothing(made: Made, tmp_path: Path) -> None:
    made.start(Scene(tmp_path, [8], True))
    made._look(1e18)
    assert rows(made) == []
