"""Order: by time over all CPUs and instances, at equal times as in the file, whatever the size of a block."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.ringbuffer import FAULT, Page, fault
from tests.support.tracedat import Area, TraceFile, opened

BLOCKS = [1 << 12, 1 << 13, 1 << 15, 1 << 24]


def order(path: Path, file: TraceFile, block_bytes: int, compression: str = "none") -> list[tuple[int, str, int, int]]:
    """Time, instance, CPU and address of every event."""
    recording = opened(path / "trace.dat", file.version7(compression), block_bytes=block_bytes)
    found = []
    last = None
    for batch in recording.batches():
        times = batch.columns["ts_ns"].tolist()
        assert times == sorted(times)
        assert last is None or times[0] >= last
        last = times[-1]
        rows = []
        for desc in recording.events:
            if desc.name == "exceptions:page_fault_user":
                at = batch.rows(desc.index).tolist()
                rows += [
                    (row, desc.instance, address) for row, address in zip(at, batch.field(desc.index, "address").tolist(), strict=True)
                ]
        cpus = batch.columns["cpu"].tolist()
        found += [(times[row], instance, cpus[row], address) for row, instance, address in sorted(rows)]
    return found


@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_cpus_that_overlap_in_every_way(tmp_path: Path, block_bytes: int) -> None:
    steady = b"".join(Page(100 * n).data(0, fault(1, n)).data(50, fault(1, n)).bytes() for n in range(1, 40))
    idle = Page(150).data(0, fault(2, 7)).extend(1 << 30).data(0, fault(2, 8)).bytes()
    late = b"".join(Page(2_000 + n).data(0, fault(3, n)).bytes() for n in range(20))
    file = TraceFile([Area({0: steady, 1: idle, 2: late}), Area({0: steady}, name="aa")])
    expected = [(100 * n + half, "", 0, n) for n in range(1, 40) for half in (0, 50)]
    expected += [(150, "", 1, 7), (150 + (1 << 30), "", 1, 8)] + [(2_000 + n, "", 2, n) for n in range(20)]
    expected += [(100 * n + half, "aa", 0, n) for n in range(1, 40) for half in (0, 50)]
    expected.sort(key=lambda row: row[0])  # stable: equal times as in the file
    assert order(tmp_path, file, block_bytes) == expected
    assert order(tmp_path, file, block_bytes, "zstd") == expected


@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_a_clock_that_stands_still(tmp_path: Path, block_bytes: int) -> None:
    cpus = {cpu: b"".join(Page(77).data(0, fault(1, 10 * cpu + n)).bytes() for n in range(9)) for cpu in range(3)}
    assert order(tmp_path, TraceFile([Area(cpus)]), block_bytes) == [(77, "", cpu, 10 * cpu + n) for cpu in range(3) for n in range(9)]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=4), max_size=12), min_size=1, max_size=4),
    st.sampled_from(BLOCKS),
    st.sampled_from(["none", "zstd"]),
)
def test_any_recording_is_a_stable_sort_by_time(cpus: list[list[list[int]]], block_bytes: int, compression: str) -> None:
    expected: list[tuple[int, str, int, int]] = []
    contents = {}
    for cpu, steps in enumerate(cpus):
        now, number, data = 0, 0, b""
        for content in steps:
            page = Page(now)
            for delta in content:
                now += delta
                page.data(delta, FAULT.payload(1, address=number))
                expected.append((now, "", cpu, number))
                number += 1
            data += page.bytes()
        contents[cpu] = data
    with TemporaryDirectory() as folder:
        found = order(Path(folder), TraceFile([Area(contents)]), block_bytes, compression)
    assert found == sorted(expected, key=lambda row: row[0])
