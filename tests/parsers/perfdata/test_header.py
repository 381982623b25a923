"""The head of a file: what is refused, with which words, and what is read although it is odd."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from cowtrace.errors import InputError
from cowtrace.parsers.perfdata import open_perfdata
from tests.support.perf_bytes import Event, event_desc, perf_file, perf_pipe, perf_string, record, words, write

EVENT = Event("ip tid time addr")
FILE = perf_file([EVENT], [EVENT.sample(ip=1, tid=(2, 3), time=4, addr=5)])


def _with(offset: int, value: int) -> bytes:
    """The file with one u64 of its header replaced."""
    return FILE[:offset] + words(value) + FILE[offset + 8 :]


REFUSED = {
    "empty": (b"", "the file is empty"),
    "text": (b"cpu-clock 12\n", " at byte 0: expected the magic PERFILE2, found b'cpu-cloc'"),
    "version-1": (
        b"PERFFILE" + bytes(96),
        "perf.data version 1 (PERFFILE, before 2013) is not supported; convert it with the perf that wrote it",
    ),
    "only-a-magic": (FILE[:8], "the file ends after 8 bytes, inside the header"),
    "cut-in-header": (FILE[:90], "the file ends after 90 bytes, inside the header"),
    "header-size": (_with(8, 17), " at byte 8: expected a header of 104 (file) or 16 (pipe) bytes, found 17"),
    "attr-size": (_with(16, 24), " at byte 16: expected attrs of 80 bytes or more, found 24"),
    "cut-in-attrs": (FILE[:200], " at byte 112: the file ends inside the attrs section (144 bytes)"),
    "attrs-4-gb": (_with(32, 4 << 30), " at byte 112: the file ends inside the attrs section (4294967296 bytes)"),
    "attrs-too-small": (_with(32, 8), " at byte 32: the attrs section has 8 bytes, one event needs 144"),
    "attrs-behind-end": (_with(24, 1 << 60), " at byte 24: the attrs section is said to start at byte 1152921504606846976 of"),
    "data-in-header": (_with(40, 0), " at byte 40: the data section is said to start at byte 0, inside the header"),
    "data-behind-end": (_with(40, 5000), " at byte 40: the data section is said to start at byte 5000 of a file of 296"),
    "data-over-attrs": (_with(40, 112), " at byte 24: the attrs and data sections overlap"),
    "pipe-without-events": (perf_pipe([], [record(68)]), "a pipe recording without any event; its head is missing or cut"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, tmp_path: Path) -> None:
    data, message = REFUSED[case]
    path = write(tmp_path, data)
    with pytest.raises(InputError) as error:
        open_perfdata(path)
    assert message in str(error.value)
    assert str(error.value).startswith(str(path))


def test_no_regular_file(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", Path("/dev/null"), tmp_path / "nul\0byte"):
        with pytest.raises(InputError):
            open_perfdata(path)


def _addrs(path: Path) -> list[int]:
    return [addr for batch in open_perfdata(path).batches() for addr in batch.columns["addr"].tolist()]


def test_the_first_files_have_a_short_header(tmp_path: Path) -> None:
    data = perf_file([EVENT], [EVENT.sample(time=4, addr=5)], header_size=72)
    assert _addrs(write(tmp_path, data)) == [5]


def test_a_killed_recorder_leaves_size_0_and_promises_features(tmp_path: Path) -> None:
    killed = bytearray(FILE)
    killed[48:56] = words(0)  # data.size
    killed[72:80] = words((1 << 64) - 1)  # every feature bit, no feature table: records look like offsets
    path = write(tmp_path, bytes(killed))
    assert _addrs(path) == [5]
    assert [note.text for note in open_perfdata(path).info.notes] == [
        "the recorder was killed before it finished the file: host and command are unknown, events may lack their names"
    ]


def test_a_recording_without_records_is_not_a_killed_one(tmp_path: Path) -> None:
    recording = open_perfdata(write(tmp_path, perf_file([EVENT], [], {3: perf_string("host"), 5: perf_string("6.1.0")})))
    assert (recording.info.hostname, recording.info.recorder) == ("host", "perf 6.1.0")
    assert list(recording.batches()) == []
    assert recording.info.notes == []


def test_unknown_features_are_counted_in_the_table(tmp_path: Path) -> None:
    features = {3: perf_string("host"), 40: b"??", 77: b"", 255: b"!", 9: perf_string("cpu")}
    recording = open_perfdata(write(tmp_path, perf_file([EVENT], [record(68)], features)))
    assert recording.info.hostname == "host"
    assert recording.info.features["cpu_id"] == "cpu"
    assert recording.info.features["feature_40"] == {"size_bytes": 2}
    assert recording.info.features["feature_255"] == {"size_bytes": 1}


def test_a_cut_feature_table_costs_facts_only(tmp_path: Path) -> None:
    data = perf_file([EVENT], [EVENT.sample(time=4, addr=5)], {3: perf_string("host"), 5: perf_string("6.1.0")})
    table = len(FILE)
    path = write(tmp_path, data[: table + 20])
    assert _addrs(path) == [5]
    assert [note.text for note in open_perfdata(path).info.notes] == [
        "the file is cut inside its feature table: host, command or names may be unknown",
        "a feature of the header is damaged: feature 3: 68 bytes at byte 328, not in the file",
    ]


def test_trailing_bytes_are_normal(tmp_path: Path) -> None:
    data = perf_file([EVENT], [EVENT.sample(time=4, addr=5)], {3: perf_string("host")})
    path = write(tmp_path, data + b"garbage behind the last feature")
    assert _addrs(path) == [5]
    assert open_perfdata(path).info.notes == []


def test_a_lying_data_size_reads_to_the_end(tmp_path: Path) -> None:
    path = write(tmp_path, _with(48, 1 << 62))
    assert _addrs(path) == [5]
    assert open_perfdata(path).info.notes[0].text.startswith("the file is cut: 4611686018427387864 bytes of records")


def test_big_endian_bit_fields(tmp_path: Path) -> None:
    event = Event("ip tid time addr", order=">", flags=1 << 18 | 1 << 25, clockid=7)
    sample = event.sample(ip=1, tid=(-1, 3), time=4, addr=5)
    recording = open_perfdata(write(tmp_path, perf_file([event], [sample], order=">")))
    (batch,) = recording.batches()
    assert [batch.columns[name].tolist() for name in ("tgid", "tid", "addr", "cpumode")] == [[-1], [3], [5], [2]]
    assert recording.info.clock == "boot"


def test_feature_bits_of_a_32_bit_big_endian_recorder(tmp_path: Path) -> None:
    """Its bitmap is an array of 32-bit words: the two halves of each u64 are swapped."""
    event = Event("ip tid time addr", order=">")
    string = struct.pack(">I", 8) + b"bighost\0"
    data = bytearray(perf_file([event], [], {3: string}, order=">"))
    data[72:80] = data[76:80] + data[72:76]
    recording = open_perfdata(write(tmp_path, bytes(data)))
    assert recording.info.hostname == "bighost"


def test_clock(tmp_path: Path) -> None:
    for clockid, name in ((0, "realtime"), (1, "mono"), (4, "mono_raw"), (7, "boot"), (11, "tai"), (3, "clock 3")):
        event = Event("ip tid time", flags=1 << 25, clockid=clockid)
        clock_data = struct.pack("<IIQQ", 1, clockid, 1_700_000_000_000_000_000, 5_000)
        recording = open_perfdata(write(tmp_path, perf_file([event], [], {29: clock_data})))
        assert (recording.info.clock, recording.info.wall_offset_ns) == (name, 1_699_999_999_999_995_000)
    assert open_perfdata(write(tmp_path, FILE)).info.clock == "perf"


def test_names_are_matched_by_id(tmp_path: Path) -> None:
    """EVENT_DESC in another order than the attrs; EVENT_UPDATE for the one that it lacks; the kernel's name for the rest."""
    first, second = Event(ids=(1, 2)), Event(ids=(3,), config=5)
    third, fourth = Event(ids=(4,), type=2, config=99), Event(ids=(5,), config=6, flags=1 << 18 | 1 << 5)
    update = record(78, words(2, 4) + b"mine:own\0\0\0\0\0\0\0\0")
    path = write(tmp_path, perf_file([first, second, third, fourth], [update], {12: event_desc([(second, "minor"), (first, "faults:u")])}))
    assert [event.name for event in open_perfdata(path).events] == ["faults:u", "minor", "tracepoint:99", "major-faults:u"]
    path = write(tmp_path, perf_file([first, second, third, fourth], [update]))
    assert [event.name for event in open_perfdata(path).events] == ["page-faults", "minor-faults", "mine:own", "major-faults:u"]
