"""Damaged and hostile files: an InputError or a counted loss, never anything else, and never much memory."""

from __future__ import annotations

import random
import struct
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest
import zstandard

from cowtrace.errors import InputError
from cowtrace.parsers.tracedat import compression, open_tracedat
from cowtrace.parsers.tracedat.layout import page_layout
from tests.support.ringbuffer import KERNEL_STACK, NEWTASK, PC, SWITCH, Format, Page, fault, pages
from tests.support.tracedat import DATA, Area, TraceFile, opened, rows


def read_everything(path: Path) -> int:
    """Number of events, after asking for everything that a recording can tell."""
    recording = open_tracedat(path)
    recording.side_band()
    count = 0
    last = None
    for batch in recording.batches():
        times = batch.columns["ts_ns"]
        assert last is None or last <= times[0]
        assert (times[1:] >= times[:-1]).all()
        last = times[-1]
        batch.chains()
        for number in set(batch.event.tolist()):
            for field in recording.events[number].fields:
                batch.field_values(number, field.name)
        count += batch.count
    assert count == recording.info.records_read
    return count


def small_file() -> TraceFile:
    busy = Page(100, lost=3)
    for tid in range(1, 9):
        busy.data(1, fault(tid, 0)).data(1, KERNEL_STACK.payload(tid, size=1) + bytes(16))
        busy.data(1, SWITCH.payload(tid, prev_comm=b"a", prev_pid=tid)).data(1, NEWTASK.payload(tid, pid=tid + 50, comm=b"b"))
    areas = [Area({0: pages(busy, Page(900).data(0, fault(1, 0)))}), Area({1: busy.bytes()}, name="aa")]
    return TraceFile(areas, options=((1, b"0x10\0"), (4, b"[mono]\0"), (2, b"CPU: 0\noverrun: 3\n\0"), (14, bytes(16))), cmdlines=b"1 x\n")


@pytest.mark.parametrize("compression", ["version6", "none", "zstd", "zlib"])
def test_bit_flips(tmp_path: Path, compression: str) -> None:
    file = small_file()
    if compression == "version6":
        file.areas = file.areas[:1]
    content = file.version6() if compression == "version6" else file.version7(compression)
    chance = random.Random(compression)
    path = tmp_path / "trace.dat"
    outcomes: Counter[str] = Counter()
    for _ in range(150):
        damaged = bytearray(content)
        for _ in range(chance.choice((1, 1, 2, 8, 40))):
            place = chance.randrange(len(damaged) * 8)
            damaged[place >> 3] ^= 1 << (place & 7)
        path.write_bytes(damaged)
        try:
            outcomes["read"] += read_everything(path) >= 0
        except InputError:
            outcomes["refused"] += 1
    assert outcomes.total() == 150
    assert outcomes["read"] > 0


@pytest.mark.parametrize("name", ["stacktrace.dat", "instances-v7.dat", "markers.dat"])
def test_cuts_of_recordings(tmp_path: Path, name: str) -> None:
    content = (DATA / name).read_bytes()
    path = tmp_path / "trace.dat"
    for size in range(0, len(content), len(content) // 40):
        path.write_bytes(content[:size])
        try:
            read_everything(path)
        except InputError as error:
            assert str(path) in str(error)


def test_areas_that_overlap_are_read_once(tmp_path: Path) -> None:
    area = Area({0: pages(Page(1).data(0, fault(1, 0))), 1: pages(Page(2).data(0, fault(2, 0)))})
    content = bytearray(TraceFile([area]).version6())
    table_at = content.index(b"flyrecord\0") + 10
    (first, size) = struct.unpack_from("<QQ", content, table_at)
    struct.pack_into("<QQ", content, table_at, first, 5 * size)
    recording = opened(tmp_path / "trace.dat", bytes(content))
    assert [row[2:4] for row in rows(recording)] == [(0, 1), (1, 2)]
    assert [note.count for note in recording.info.notes] == [4]
    struct.pack_into("<4Q", content, table_at, first, size, first, size)
    assert [row[2:4] for row in rows(opened(tmp_path / "trace.dat", bytes(content)))] == [(0, 1)]


def test_lists_of_options_that_form_a_loop(tmp_path: Path) -> None:
    file = TraceFile([Area({0: pages(Page(1).data(0, fault(1, 0)))})])
    content = bytearray(file.version7())
    (first,) = struct.unpack_from("<Q", content, content.index(b"none\0") + 7)
    content[-8:] = struct.pack("<Q", first)
    recording = opened(tmp_path / "trace.dat", bytes(content))
    assert len(rows(recording)) == 1
    assert recording.info.notes[0].text == "the table of ring buffers is not complete: the lists of options form a loop"


def test_a_damaged_chunk_costs_its_pages(tmp_path: Path) -> None:
    area = Area({0: b"".join(Page(n).data(0, fault(1, 0)).bytes() for n in range(6))})
    content = bytearray(TraceFile([area]).version7("zstd", pages_in_chunk=2))
    frames = [at for at in range(len(content)) if content[at : at + 4] == b"\x28\xb5\x2f\xfd"]
    content[frames[-2]] ^= 0xFF
    recording = opened(tmp_path / "trace.dat", bytes(content))
    assert [row[0] for row in rows(recording)] == [0, 1, 4, 5]
    assert recording.info.records_damaged == 2
    assert recording.info.notes[-1].text == "damaged ring buffer pages: what stands in them before the damage was kept"


def test_a_frame_that_claims_more_than_the_file_says() -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(64 << 20))
    for plain_size in (4096, compression.PLAIN_MAX, compression.PLAIN_MAX + 1, 0):
        tracemalloc.start()
        with pytest.raises(InputError):
            compression.expand("zstd", bomb, plain_size, "trace.dat", 0)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 1 << 20
    with pytest.raises(InputError, match="the compressed data is damaged"):
        compression.expand("zlib", b"no zlib data", 4096, "trace.dat", 0)
    with pytest.raises(InputError, match="expected 4096 bytes from a compressed piece, found 11"):
        compression.expand("zstd", zstandard.ZstdCompressor(write_content_size=False).compress(b"hello world"), 4096, "trace.dat", 0)


def test_chunks_that_expand_without_end(tmp_path: Path) -> None:
    plain = compression.PLAIN_MAX
    chunk = zstandard.ZstdCompressor().compress(bytes(plain))
    chunk = struct.pack("<II", len(chunk), plain) + chunk
    content = TraceFile([Area({0: bytes(4096)})]).version7("zstd")
    at = content.rindex(b"\x28\xb5\x2f\xfd") - 12
    count = 40
    content = content[:at] + struct.pack("<I", count) + chunk * count
    with pytest.raises(InputError, match="bytes of pages"):
        opened(tmp_path / "trace.dat", content)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\tfield: local_t commit;\toffset:8;\tsize:2;\tsigned:1;\n", "expected 4 or 8 bytes of commit"),
        ("\tfield: local_t commit;\toffset:4;\tsize:8;\tsigned:1;\n", "expected 4 or 8 bytes of commit"),
        (
            PC.header_page.decode().replace("char data;\toffset:16", "char data;\toffset:12"),
            "expected the events of a page behind its commit",
        ),
        (
            PC.header_page.decode().replace("char data;\toffset:16", "char data;\toffset:17"),
            "expected the events of a page behind its commit",
        ),
    ],
)
def test_pages_that_no_kernel_makes(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        page_layout(text, 8, "trace.dat", 99)


def test_payloads_that_are_too_short(tmp_path: Path) -> None:
    page = Page(5).data(0, fault(7, 0)[:4]).data(1, fault(7, 0)[:8]).data(1, fault(7, 0x1234)[:20])
    recording = opened(tmp_path / "trace.dat", TraceFile([Area({0: page.bytes()})]).version7())
    (batch,) = recording.batches()
    number = int(batch.event[0])
    assert batch.columns["tid"].tolist() == [-1, 7, 7]
    assert batch.field(number, "address").tolist() == [0, 0, 0x1234]
    assert batch.field(number, "ip").tolist() == [0, 0, 0]


def test_more_events_than_numbers(tmp_path: Path) -> None:
    areas = [Area({}, name=f"i{n}") for n in range(700)]
    formats = [Format("made_up", f"event{n}", n) for n in range(100)]
    with pytest.raises(InputError, match="100 events in 700 instances are more than can be numbered"):
        opened(tmp_path / "trace.dat", TraceFile(areas, formats=formats).version7())


def test_memory_stays_bounded_however_long_the_trace(tmp_path: Path) -> None:
    page = Page(1)
    for _ in range(100):
        page.data(1, fault(1, 0))
    body = page.bytes()[8:]
    peaks = []
    for count in (300, 1_500):
        data = b"".join(struct.pack("<Q", 1_000 * n) + body for n in range(count))
        (tmp_path / "trace.dat").write_bytes(TraceFile([Area({0: data, 1: data})]).version6())
        del data
        recording = open_tracedat(tmp_path / "trace.dat", block_bytes=256 << 10)
        tracemalloc.start()
        recording.side_band()
        assert sum(batch.count for batch in recording.batches()) == 2 * 100 * count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] + (1 << 20)
