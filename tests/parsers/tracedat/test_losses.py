"""Losses: what pages say, and what only the recorder's counters say."""

from __future__ import annotations

from pathlib import Path

from cowtrace.parsers.tracedat import open_tracedat
from tests.support.ringbuffer import Page, fault, pages
from tests.support.tracedat import DATA, Area, TraceFile, opened, table

CPUSTAT = 2


def stats(cpu: int, **counters: int) -> tuple[int, bytes]:
    """A CPUSTAT option."""
    lines = [f"CPU: {cpu}", *(f"{name.replace('_', ' ')}: {value}" for name, value in counters.items())]
    return CPUSTAT, ("\n".join(lines) + "\noldest event ts:  2491.181161\nnow ts:  2492.0\n\0").encode()


def losses(path: Path, file: TraceFile) -> list[tuple[int, int | None, str, int | None]]:
    side = opened(path / "trace.dat", file.version7()).side_band()
    return table(side, "lost", "ts_ns", "cpu", "reason", "lost_events")


def lossy() -> Area:
    first = pages(Page(100).data(3, fault(1, 0)), Page(200, lost=226).data(5, fault(1, 0)))
    second = pages(Page(150, lost=-1).data(0, fault(2, 0)))
    return Area({0: first, 1: second})


def test_marks_of_pages(tmp_path: Path) -> None:
    assert losses(tmp_path, TraceFile([lossy()])) == [(150, 1, "lost", None), (205, 0, "lost", 226)]


def test_counters_that_the_marks_explain_say_nothing_new(tmp_path: Path) -> None:
    options = [stats(0, entries=0, overrun=226, dropped_events=0), stats(1, overrun=113)]
    assert losses(tmp_path, TraceFile([lossy()], options=options)) == [(150, 1, "lost", None), (205, 0, "lost", 226)]


def test_counters_alone(tmp_path: Path) -> None:
    options = [stats(0, overrun=300, commit_overrun=1, dropped_events=40), (CPUSTAT, b"\nBuffer: aa\n\n\0"), stats(1, dropped_events=7)]
    recording = opened(tmp_path / "trace.dat", TraceFile([lossy()], options=options).version7())
    assert sorted(table(recording.side_band(), "lost", "ts_ns", "cpu", "reason", "lost_events"), key=str) == [
        (-1, 0, "dropped", 41),
        (-1, 0, "lost", 300 - 226),
        (-1, 1, "dropped", 7),
        (150, 1, "lost", None),
        (205, 0, "lost", 226),
    ]
    assert recording.info.features["cpu_stats"]["aa"] == [{"CPU": 1, "dropped events": 7}]


def test_recorded_losses() -> None:
    side = open_tracedat(DATA / "lost.dat").side_band()
    assert table(side, "lost", "ts_ns", "cpu", "reason", "lost_events") == [
        (2601415262775, 0, "lost", 226),
        (2601675740537, 0, "lost", 226),
        (2601795492472, 0, "lost", 226),
        (2601919402984, 1, "lost", 113),
    ]
