"""Counters read as a group: a row for each one that moved, as perf script shows them."""

from __future__ import annotations

from pathlib import Path

from cowtrace.parsers.perfdata import open_perfdata
from tests.support.perf_bytes import INHERIT, SAMPLE_ID_ALL, Event, perf_file, words, write

# PERF_FORMAT_ID | GROUP | LOST
GROUP = 4 | 8 | 16


def _group(*counters: tuple[int, int]) -> bytes:
    return words(len(counters), *(word for number, value in counters for word in (value, number, 0)))


def _rows(tmp_path: Path, events: list[Event], samples: list[bytes]) -> list[tuple[int, int, str, int]]:
    recording = open_perfdata(write(tmp_path, perf_file(events, samples)))
    return [
        (time, tid, recording.events[event].name, period)
        for batch in recording.batches()
        for time, tid, event, period in zip(
            batch.columns["ts_ns"].tolist(),
            batch.columns["tid"].tolist(),
            batch.event.tolist(),
            batch.columns["period"].tolist(),
            strict=True,
        )
    ]


def test_one_row_for_each_counter_that_moved(tmp_path: Path) -> None:
    fields = "identifier ip tid time read callchain"
    faults = Event(fields, ids=(1,), read_format=GROUP)
    minor = Event(fields, config=5, ids=(2,), read_format=GROUP)

    def sample(time: int, *counters: tuple[int, int]) -> bytes:
        return faults.sample(identifier=1, tid=(9, 9), time=time, read=_group(*counters), callchain=[time])

    samples = [sample(10, (1, 1), (2, 1)), sample(20, (1, 2), (2, 1)), sample(30, (1, 4), (2, 4), (77, 5))]
    assert _rows(tmp_path, [faults, minor], samples) == [
        (10, 9, "page-faults", 1),
        (10, 9, "minor-faults", 1),
        (20, 9, "page-faults", 1),
        (30, 9, "page-faults", 2),
        (30, 9, "minor-faults", 3),
    ]
    recording = open_perfdata(tmp_path / "perf.data")
    (batch,) = recording.batches()
    assert batch.chains()[1].tolist() == [10, 10, 20, 30, 30]


def test_inherited_counters_count_for_each_task(tmp_path: Path) -> None:
    faults = Event("identifier ip tid time read", ids=(1,), read_format=GROUP, flags=SAMPLE_ID_ALL | INHERIT)

    def sample(time: int, tid: int, value: int) -> bytes:
        return faults.sample(identifier=1, tid=(9, tid), time=time, read=_group((1, value)))

    assert _rows(tmp_path, [faults], [sample(10, 9, 1), sample(20, 10, 1), sample(30, 9, 3)]) == [
        (10, 9, "page-faults", 1),
        (20, 10, "page-faults", 1),
        (30, 9, "page-faults", 2),
    ]


def test_a_single_counter_is_read_the_same_way(tmp_path: Path) -> None:
    faults = Event("ip tid time read", read_format=4)
    samples = [faults.sample(tid=(9, 9), time=time, read=words(value, 101)) for time, value in ((10, 3), (20, 3), (30, 7))]
    assert _rows(tmp_path, [faults], samples) == [(10, 9, "page-faults", 3), (30, 9, "page-faults", 4)]


def test_the_last_value_is_kept_from_batch_to_batch(tmp_path: Path) -> None:
    faults = Event("ip tid time read", read_format=4)
    samples = [faults.sample(tid=(9, 9), time=time, read=words(time, 101)) for time in range(10, 210)]
    path = write(tmp_path, perf_file([faults], samples))
    batches = list(open_perfdata(path, block_bytes=1024).batches())
    assert len(batches) > 1
    assert [period for batch in batches for period in batch.columns["period"].tolist()] == [10] + [1] * 199
