"""Both versions of the format, every compression, byte order and size of a long say the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowtrace.errors import InputError
from cowtrace.parsers.tracedat import open_tracedat
from tests.support.ringbuffer import FAULT, FORK, Machine, Page, fault, pages
from tests.support.tracedat import Area, Row, TraceFile, clock_list, opened, rows

FAULT_NAME = "exceptions:page_fault_user"


def two_cpus(machine: Machine = Machine()) -> TraceFile:  # noqa: B008 (frozen)
    first = pages(
        Page(100, machine).data(0, fault(7, 0x1000, machine)).data(10, fault(7, 0x2000, machine)),
        Page(200, machine).data(5, fault(7, 0x3000, machine)),
    )
    second = pages(Page(105, machine).data(0, fault(8, 0x4000, machine)), Page(205, machine).data(0, fault(8, 0x5000, machine)))
    return TraceFile([Area({0: first, 1: second})], machine=machine)


EXPECTED: list[Row] = [
    (100, "", 0, 7, FAULT_NAME),
    (105, "", 1, 8, FAULT_NAME),
    (110, "", 0, 7, FAULT_NAME),
    (205, "", 0, 7, FAULT_NAME),
    (205, "", 1, 8, FAULT_NAME),
]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("long_size", [8, 4])
@pytest.mark.parametrize("page_size", [4096, 65536])
def test_machines(tmp_path: Path, order: str, long_size: int, page_size: int) -> None:
    file = two_cpus(Machine(order, long_size, page_size))
    for content in (file.version6(), file.version7(), file.version7("zstd"), file.version7("zlib", 1)):
        recording = opened(tmp_path / "trace.dat", content)
        assert rows(recording) == EXPECTED
        number = next(desc.index for desc in recording.events if desc.name == FAULT_NAME)
        (batch,) = recording.batches()
        assert batch.field(number, "address").tolist() == [0x1000, 0x4000, 0x2000, 0x3000, 0x5000]


def test_the_long_of_user_space_does_not_matter(tmp_path: Path) -> None:
    file = two_cpus()
    file.user_long_size = 4
    assert rows(opened(tmp_path / "trace.dat", file.version6())) == EXPECTED


def test_instances_and_cpus_with_holes(tmp_path: Path) -> None:
    top = Area({1: pages(Page(50).data(0, fault(1, 0)))})
    other = Area({4: pages(Page(40).data(0, fault(2, 0))), 9: pages(Page(60).data(0, fault(3, 0)))}, name="aa")
    recording = opened(tmp_path / "trace.dat", TraceFile([top, other]).version7("zstd"))
    assert rows(recording) == [(40, "aa", 4, 2, FAULT_NAME), (50, "", 1, 1, FAULT_NAME), (60, "aa", 9, 3, FAULT_NAME)]
    assert recording.info.features["instances"] == ["aa"]


def test_instances_of_version_6(tmp_path: Path) -> None:
    top = Area({0: pages(Page(50).data(0, fault(1, 0))), 1: b""})
    other = Area({0: b"", 1: pages(Page(40).data(0, fault(2, 0)))}, name="bb")
    recording = opened(tmp_path / "trace.dat", TraceFile([top, other]).version6())
    assert rows(recording) == [(40, "bb", 1, 2, FAULT_NAME), (50, "", 0, 1, FAULT_NAME)]


def test_one_description_for_each_event_of_each_instance(tmp_path: Path) -> None:
    areas = [Area({}), Area({}, name="aa")]
    recording = opened(tmp_path / "trace.dat", TraceFile(areas, formats=(FAULT, FORK)).version7())
    named = [(desc.index, desc.instance, desc.name) for desc in recording.events]
    assert named == [
        (0, "", FAULT_NAME),
        (1, "", "sched:sched_process_fork"),
        (2, "aa", FAULT_NAME),
        (3, "aa", "sched:sched_process_fork"),
    ]
    assert rows(recording) == []
    assert (recording.info.first_ns, recording.info.last_ns, recording.info.records_read) == (None, None, 0)


def test_more_cpus_than_the_head_says(tmp_path: Path) -> None:
    # CPUCOUNT says 2 where the head said 1: a pair for old readers follows the table
    file = two_cpus()
    content = bytearray(file.version6())
    cpus_at = content.index(b"options  \0") - 4
    assert content[cpus_at] == 2
    content[cpus_at] = 1
    count = b"\x08\x00\x04\x00\x00\x00\x02\x00\x00\x00"
    options_at = cpus_at + 4 + 10
    content[options_at : options_at + 6 + len(clock_list("local"))] = (
        count + b"\x63\x00" + (len(clock_list("local")) - len(count)).to_bytes(4, "little") + bytes(len(clock_list("local")) - len(count))
    )
    recording = opened(tmp_path / "trace.dat", bytes(content))
    assert rows(recording) == EXPECTED
    assert recording.info.features["unknown_options"] == {"99": 1}


def test_an_event_without_a_format_is_counted(tmp_path: Path) -> None:
    file = two_cpus()
    file.formats = (FORK,)
    recording = opened(tmp_path / "trace.dat", file.version6())
    assert rows(recording) == []
    assert recording.info.records_unknown == 5
    assert [note.text for note in recording.info.notes] == ["events of a type that the file does not describe were left out"]


def test_a_file_that_was_packed_as_a_whole(tmp_path: Path) -> None:
    import zstandard

    recording = opened(tmp_path / "trace.dat.zst", zstandard.ZstdCompressor().compress(two_cpus().version6()))
    assert rows(recording) == EXPECTED


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"", "expected the magic"),
        (b"\x17\x08\x44tracing8\0", "expected trace.dat version 6 or 7, found '8'"),
        (b"\x17\x08\x44tracing6\0\0\x08\x00\x00\x00\x00", "expected ring buffer pages of 512 to 1048576 bytes, a power of two, found 0"),
        (b"\x17\x08\x44tracing6\0\0\x08\x00\x10\x00\x00", "expected 12 more bytes, the file has 0"),
        (b"\x17\x08\x44tracing7\0\0\x08\x00\x10\x00\x00lz4\x001\0" + bytes(8), "expected one of the compressions none, zstd, zlib"),
    ],
)
def test_no_head(tmp_path: Path, start: bytes, message: str) -> None:
    (tmp_path / "trace.dat").write_bytes(start)
    with pytest.raises(InputError, match=message):
        open_tracedat(tmp_path / "trace.dat")


def test_trace_text_is_for_another_reader(tmp_path: Path) -> None:
    content = two_cpus().version6().replace(b"flyrecord\0", b"latency  \0")
    with pytest.raises(InputError, match="holds trace text, not ring buffer pages; write it out with `trace-cmd report"):
        opened(tmp_path / "trace.dat", content)
    text_only = TraceFile([], options=[(22, bytes(8) + b"\0local\0")]).version7()
    with pytest.raises(InputError, match="holds trace text, not ring buffer pages"):
        opened(tmp_path / "trace.dat", text_only)
