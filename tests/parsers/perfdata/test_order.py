"""Time order over blocks: a stable sort of the whole file, whatever the size of a block."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cowtrace.parsers.perfdata import open_perfdata
from cowtrace.parsers.perfdata.order import sort_keys
from tests.support.perf_bytes import Event, perf_file, record, write

EVENT = Event("ip tid time")
UNTIMED = Event("ip tid")


def _read(path: Path, block_bytes: int) -> list[tuple[int, int]]:
    """Time and ip (the sample's number in the file) of all events, in the order delivered."""
    rows = []
    for batch in open_perfdata(path, block_bytes=block_bytes).batches():
        rows += list(zip(batch.columns["ts_ns"].tolist(), batch.columns["ip"].tolist(), strict=True))
    return rows


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(times=st.lists(st.integers(1, 60), min_size=1, max_size=120), block_bytes=st.sampled_from([1, 700, 2000, 32 << 20]))
def test_same_as_a_stable_sort(times: list[int], block_bytes: int, tmp_path: Path) -> None:
    samples = [EVENT.sample(ip=number, tid=(1, 1), time=time) for number, time in enumerate(times)]
    path = write(tmp_path, perf_file([EVENT], samples))
    expected = sorted(((time, number) for number, time in enumerate(times)), key=lambda row: row[0])
    assert _read(path, block_bytes) == expected


def test_the_example_of_the_module(tmp_path: Path) -> None:
    """Two buffers emptied one after the other: 3 5 4 9, then 6 8 7. 9 waits for the second block."""
    samples = [EVENT.sample(ip=time, tid=(1, 1), time=time) for time in (3, 5, 4, 9, 6, 8, 7)]
    path = write(tmp_path, perf_file([EVENT], samples))
    # 8 * 128 / 8: four samples of 32 bytes a block
    batches = [batch.columns["ts_ns"].tolist() for batch in open_perfdata(path, block_bytes=8 * 128).batches()]
    assert [time for batch in batches for time in batch] == [3, 4, 5, 6, 7, 8, 9]


def test_blocks_are_let_go_as_soon_as_nothing_can_come_before(tmp_path: Path) -> None:
    samples = [EVENT.sample(ip=time, tid=(1, 1), time=time) for time in range(1, 401)]
    path = write(tmp_path, perf_file([EVENT], samples))
    sizes = [batch.count for batch in open_perfdata(path, block_bytes=8 * 128).batches()]
    assert max(sizes) <= 33
    assert sum(sizes) == 400


def test_without_times_the_file_order_stays(tmp_path: Path) -> None:
    samples = [UNTIMED.sample(ip=number, tid=(1, 1)) for number in range(100)]
    path = write(tmp_path, perf_file([UNTIMED], samples))
    for block_bytes in (1, 32 << 20):
        recording = open_perfdata(path, block_bytes=block_bytes)
        batches = list(recording.batches())
        assert [ip for batch in batches for ip in batch.columns["ip"].tolist()] == list(range(100))
        assert all("ts_ns" not in batch.columns for batch in batches)
        assert (recording.info.first_ns, recording.info.last_ns) == (None, None)


def test_a_sample_without_time_stays_behind_the_one_before_it(tmp_path: Path) -> None:
    times = [50, 0, 30, (1 << 64) - 1, 40]
    samples = [EVENT.sample(ip=number, tid=(1, 1), time=time) for number, time in enumerate(times)]
    assert _read(write(tmp_path, perf_file([EVENT], samples)), 32 << 20) == [(30, 2), (-1, 3), (40, 4), (50, 0), (-1, 1)]


def test_sort_keys() -> None:
    assert sort_keys(np.array([-1, 5, -1, -1, 3, -1]), 2).tolist() == [2, 5, 5, 5, 3, 3]


def test_records_of_a_directory_merge_by_time(tmp_path: Path) -> None:
    folder = tmp_path / "rec"
    folder.mkdir()
    write(folder, perf_file([EVENT], [EVENT.sample(ip=0, tid=(1, 1), time=5)], {24: (1).to_bytes(8, "little")}), "data")
    # data.10 is behind data.2: numeric order decides where times are equal
    for piece, times in ((10, (1, 5, 9)), (2, (2, 5, 8))):
        samples = [EVENT.sample(ip=piece, tid=(1, 1), time=time) for time in times]
        write(folder, b"".join(samples), f"data.{piece}")
    write(folder, b"", "data.3")
    expected = [(1, 10), (2, 2), (5, 0), (5, 2), (5, 10), (8, 2), (9, 10)]
    for path in (folder, folder / "data"):
        assert _read(path, 32 << 20) == expected
        assert _read(path, 1) == expected


def test_a_directory_without_its_pieces_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, perf_file([EVENT], [record(68)], {24: (1).to_bytes(8, "little")}))
    assert [note.text for note in open_perfdata(path).info.notes] == [
        "part of a directory recording; its files data.0, data.1, ... with the events are not here"
    ]
