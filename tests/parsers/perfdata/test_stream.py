"""Streams: pipes, payloads outside of records, odd alignments, compressed pieces, and ends that come too early."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import pytest
import zstandard

from cowtrace.errors import InputError
from cowtrace.parsers.perfdata import open_perfdata, zstd
from cowtrace.parsers.perfdata.recording import PerfRecording
from tests.support.perf_bytes import Event, comm, event_desc, perf_file, perf_pipe, perf_string, record, words, write

EVENT = Event("ip tid time addr")


def _samples(*addrs: int) -> list[bytes]:
    return [EVENT.sample(tid=(1, 1), time=100 + addr, addr=addr) for addr in addrs]


def _addrs(recording: PerfRecording) -> list[int]:
    return [addr for batch in recording.batches() for addr in batch.columns["addr"].tolist()]


def test_a_pipe_carries_its_head_in_records(tmp_path: Path) -> None:
    features = {3: perf_string("host"), 7: struct.pack("<II", 8, 4), 12: event_desc([(EVENT, "faults")])}
    end_mark = record(80, words(32))  # without content; 32 is CPU_DOMAIN_INFO in newer versions
    recording = open_perfdata(write(tmp_path, perf_pipe([EVENT], [end_mark, *_samples(1, 2)], features)))
    assert _addrs(recording) == [1, 2]
    assert (recording.info.format, recording.info.hostname, recording.info.cpu_count) == ("perf.data pipe", "host", 4)
    assert "cpu_domain_info" not in recording.info.features
    assert recording.events[0].name == "faults"


def test_attrs_are_collected_as_they_come(tmp_path: Path) -> None:
    first, second = Event("identifier time addr", ids=(1,)), Event("identifier time addr", ids=(2,), config=5)
    late = record(64, second.attr() + words(2))
    samples = [first.sample(identifier=1, time=1, addr=1), late, second.sample(identifier=2, time=2, addr=2)]
    recording = open_perfdata(write(tmp_path, perf_pipe([first], samples)))
    (batch,) = recording.batches()
    assert [recording.events[event].name for event in batch.event] == ["page-faults", "minor-faults"]


@pytest.mark.parametrize("size", [12, 16])
def test_tracing_data_stands_outside_of_its_record(size: int, tmp_path: Path) -> None:
    """12 bytes in old files: everything behind it stands at a multiple of 4 only."""
    text = b"name: page_fault_user\nID: 190\nformat:\n\tfield:unsigned long address;\toffset:8;\tsize:8;\tsigned:0;\n"
    formats = struct.pack("<I", 0) + struct.pack("<I", 1) + b"exceptions\0" + struct.pack("<IQ", 1, len(text)) + text
    pages = b"header_page\0" + words(0) + b"header_event\0" + words(0)
    tracing = b"\x17\x08\x44tracing0.6\0" + struct.pack("<BBI", 0, 8, 65536) + pages + formats
    tracing += bytes(-len(tracing) % 8)
    head = record(66, struct.pack("<I", len(tracing)) + bytes(size - 12)) + tracing
    event = Event("ip tid time addr raw", type=2, config=190)
    samples = [event.sample(tid=(1, 1), time=number, addr=number, raw=words(0, 0xABC0 + number)) for number in (1, 2)]
    recording = open_perfdata(write(tmp_path, perf_pipe([event], [head, *samples])))
    assert recording.info.page_size == 65536
    assert recording.events[0].name == "exceptions:page_fault_user"
    (batch,) = recording.batches()
    assert batch.field(0, "address").tolist() == [0xABC1, 0xABC2]
    with pytest.raises(KeyError, match="has no field 'addr'; it has: address"):
        batch.field(0, "addr")


def test_trace_payloads_are_stepped_over(tmp_path: Path) -> None:
    def auxtrace(payload: bytes) -> bytes:
        return record(71, words(len(payload), 0, 0) + struct.pack("<IiII", 0, 1, 1, 0)) + payload

    fake = _samples(666)[0] * 3
    records = [*_samples(1), auxtrace(fake), auxtrace(b"x" * 5), *_samples(2), auxtrace(b""), *_samples(3)]
    recording = open_perfdata(write(tmp_path, perf_file([EVENT], records)))
    assert _addrs(recording) == [1, 2, 3]
    assert recording.info.records_by_type["AUXTRACE"] == 3


def test_records_behind_unaligned_ones(tmp_path: Path) -> None:
    """perf inject -b before 2026 wrote build-id records of 100 bytes; only a few multiples later all is aligned again."""
    build_id = record(67, struct.pack("<i", -1) + bytes(range(20)) + bytes(4) + b"/lib/libc.so.6".ljust(64, b"\0"))
    assert len(build_id) == 100
    name = comm(1, 1, b"tool", EVENT.sample_id(time=50, tid=(1, 1)))
    records = [*_samples(1), build_id, name, *_samples(2), build_id, *_samples(3), build_id, *_samples(4, 5)]
    recording = open_perfdata(write(tmp_path, perf_file([EVENT], records)))
    assert _addrs(recording) == [1, 2, 3, 4, 5]
    assert recording.side_band().comm["comm"].to_list() == [b"tool"]
    assert recording.info.features["build_ids"] == [{"tgid": -1, "build_id": bytes(range(20)).hex(), "path": "/lib/libc.so.6"}] * 3


def test_two_pipes_in_one_file_are_refused(tmp_path: Path) -> None:
    first = perf_pipe([EVENT], _samples(1))
    path = write(tmp_path, first + perf_pipe([EVENT], _samples(2)))
    with pytest.raises(InputError) as error:
        open_perfdata(path).side_band()
    assert str(error.value) == (
        f"{path} at byte {len(first)}: a second recording starts inside this file; recordings were written one behind the other; "
        "split the file at this byte and read the parts one by one"
    )


def test_an_end_inside_a_record(tmp_path: Path) -> None:
    whole = perf_pipe([EVENT], _samples(1, 2, 3))
    recording = open_perfdata(write(tmp_path, whole[:-7]))
    assert _addrs(recording) == [1, 2]
    assert recording.info.bytes_unread == 33
    assert [note.text for note in recording.info.notes] == [
        f"the last record, at byte {len(whole) - 40}, is not complete; everything before it was read, 33 bytes behind it were not"
    ]


def test_a_size_below_a_header_ends_the_stream(tmp_path: Path) -> None:
    bad = struct.pack("<IHH", 9, 2, 4)
    data = perf_file([EVENT], [*_samples(1), bad, *_samples(2)])
    recording = open_perfdata(write(tmp_path, data))
    assert _addrs(recording) == [1]
    assert recording.info.bytes_unread == 48
    assert recording.info.notes[0].text == (
        f"the record at byte {len(data) - 48} says a size that is too small for its kind; "
        "everything before it was read, 48 bytes behind it were not"
    )


def _pieces(plain: bytes, cuts: Sequence[int]) -> list[bytes]:
    """One zstd stream, flushed at each cut."""
    stream = zstandard.ZstdCompressor().compressobj()
    result = []
    for start, end in zip([0, *cuts], [*cuts, len(plain)], strict=True):
        result.append(stream.compress(plain[start:end]) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
    return result


def test_compressed_pieces_of_one_stream(tmp_path: Path) -> None:
    """Records straddle the pieces; others stand between them, in their place."""
    plain = b"".join(_samples(*range(1, 10)))
    first, second, third = _pieces(plain, [100, 300])
    records = [
        *_samples(0),
        record(81, first),
        record(68),
        comm(1, 1, b"between", EVENT.sample_id(tid=(1, 1), time=50)),
        record(81, second),
        record(81, third),
        *_samples(10),
    ]
    recording = open_perfdata(write(tmp_path, perf_file([EVENT], records)))
    assert _addrs(recording) == list(range(11))
    assert recording.side_band().comm["comm"].to_list() == [b"between"]
    assert recording.info.records_by_type == {"COMM": 1, "SAMPLE": 11, "FINISHED_ROUND": 1, "COMPRESSED": 3}
    assert recording.info.notes == []


def test_a_piece_that_is_cut_off(tmp_path: Path) -> None:
    plain = b"".join(_samples(*range(1, 10)))
    first, second = _pieces(plain, [100])
    whole = perf_pipe([EVENT], [record(81, first), record(81, second)])
    recording = open_perfdata(write(tmp_path, whole[:-3]))
    assert _addrs(recording) == [1, 2]
    at = len(whole) - 8 - len(second)
    assert recording.info.notes[0].text == (
        f"the last record, at byte {at}, is not complete; everything before it was read, {8 + len(second) - 3} bytes behind it were not"
    )


def test_damaged_compression_keeps_what_came_before(tmp_path: Path) -> None:
    plain = b"".join(_samples(*range(1, 10)))
    first, second = _pieces(plain, [200])
    recording = open_perfdata(write(tmp_path, perf_file([EVENT], [record(81, first), record(81, b"\xff" * 40), record(81, second)])))
    assert _addrs(recording) == [1, 2, 3, 4, 5]
    assert recording.info.notes[0].text.startswith("the compressed data is damaged (")


def test_a_later_piece_of_switched_output(tmp_path: Path) -> None:
    """perf goes on with the same zstd stream in the next file."""
    _, second = _pieces(b"".join(_samples(*range(1, 10))), [200])
    recording = open_perfdata(write(tmp_path, perf_file([EVENT], [record(81, second)])))
    assert _addrs(recording) == []
    assert "; of perf record -z --switch-output only the first piece can be read; " in recording.info.notes[0].text


@pytest.mark.parametrize("block_bytes", [64, 1 << 12, 1 << 16])
def test_expanding_runs_ahead_of_reading(block_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain records among the compressed ones, each put in where a compressed record straddles two pieces."""
    monkeypatch.setattr(zstd, "_READ_BYTES", 1 << 13)
    monkeypatch.setattr(zstd, "_RECORD_MAX", 1 << 7)
    plain = b"".join(_samples(*range(1, 4001)))
    cuts = list(range(1003, len(plain), 10_000))
    between = _samples(*range(5001, 5001 + len(cuts)))
    records = [part for pair in zip([record(81, piece) for piece in _pieces(plain, cuts)], [*between, b""], strict=True) for part in pair]
    recording = open_perfdata(write(tmp_path, perf_file([EVENT], records)), block_bytes=block_bytes)
    assert sorted(_addrs(recording)) == [*range(1, 4001), *range(5001, 5001 + len(cuts))]
    assert recording.info.records_by_type == {"SAMPLE": 4000 + len(cuts), "COMPRESSED": len(cuts) + 1}
    assert recording.info.notes == []


def _compressed2(data: bytes, *, overflow: bool) -> bytes:
    """As perf 7.2 writes it, padded; or as perf 6.16 to 7.1 with a size of 16 bits that overflowed and no padding."""
    if not overflow:
        padded = data + bytes(-len(data) % 8)
        return record(83, words(len(data)) + padded)
    return struct.pack("<IHHQ", 83, 0, (16 + len(data) + 7 & ~7) & 0xFFFF, len(data)) + data


def test_compressed2(tmp_path: Path) -> None:
    plain = b"".join(_samples(1, 2, 3))
    (piece,) = _pieces(plain, [])
    recording = open_perfdata(write(tmp_path, perf_file([EVENT], [_compressed2(piece, overflow=False), *_samples(4)])))
    assert _addrs(recording) == [1, 2, 3, 4]


@pytest.mark.parametrize("data_size", [65515, 65519])
def test_compressed2_whose_size_overflowed(data_size: int, tmp_path: Path) -> None:
    """16 + 65515 rounded up to 8 is 65536: the size becomes 0."""
    plain = b"".join(_samples(1, 2, 3))
    (piece,) = _pieces(plain, [])
    # a skippable zstd frame makes the piece as long as wanted
    filler = data_size - len(piece) - 8
    piece = struct.pack("<II", 0x184D2A50, filler) + bytes(filler) + piece
    wrapped = _compressed2(piece, overflow=True)
    assert struct.unpack_from("<H", wrapped, 6)[0] in (0, 8)
    recording = open_perfdata(write(tmp_path, perf_file([EVENT], [wrapped, *_samples(4)])))
    assert _addrs(recording) == [1, 2, 3, 4]


def test_compressed2_of_several_records(tmp_path: Path) -> None:
    """A total above 65519 bytes: full first record, then continuations with true sizes and meaningless data_size."""
    plain = b"".join(_samples(1, 2, 3))
    (piece,) = _pieces(plain, [])
    filler = 90_000
    data = struct.pack("<II", 0x184D2A50, filler) + bytes(filler) + piece
    first, rest = data[:65519], data[65519:]
    total = 16 + len(first) + 16 + len(rest)
    wrapped = struct.pack("<IHHQ", 83, 0, (total + 7 & ~7) & 0xFFFF, total - 16) + first
    wrapped += struct.pack("<IHHQ", 83, 0, 16 + len(rest), 0xDEADBEEF) + rest
    recording = open_perfdata(write(tmp_path, perf_file([EVENT], [wrapped, *_samples(4)])))
    assert _addrs(recording) == [1, 2, 3, 4]


def test_a_bomb_does_not_fill_the_disk(tmp_path: Path) -> None:
    packed = zstandard.ZstdCompressor().compress(bytes(1 << 30))
    recording = open_perfdata(write(tmp_path, perf_file([EVENT], [*_samples(1), record(81, packed)])))
    assert _addrs(recording) == [1]
    assert "compressed bytes expand to more than 1024 times as many" in recording.info.notes[0].text


def test_a_stat_recording_has_no_samples(tmp_path: Path) -> None:
    recording = open_perfdata(write(tmp_path, perf_file([EVENT], [record(76, words(1, 2, 3, 4, 5))], {19: b""})))
    assert _addrs(recording) == []
    assert [note.text for note in recording.info.notes] == ["made by perf stat record: it has counts, but no samples"]
