"""Side-band records built by hand: their tables, their times, and what is kept of records that nobody knows."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from cowtrace.parsers.base import SideBand
from cowtrace.parsers.perfdata import open_perfdata
from tests.support.perf_bytes import Event, comm, perf_file, record, string8, task, words, write

EVENT = Event("identifier ip tid time cpu", ids=(101, 102))
OTHER = Event("identifier ip tid time cpu", config=5, ids=(103,))


def _end(time: int, number: int = 101, cpu: int = 1) -> bytes:
    return EVENT.sample_id(tid=(7, 8), time=time, cpu=cpu, identifier=number)


def _read(tmp_path: Path, *records: bytes) -> SideBand:
    return open_perfdata(write(tmp_path, perf_file([EVENT, OTHER], records))).side_band()


def _rows(frame: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = frame.drop("seq").to_dicts()
    return rows


def test_comm_fork_exit(tmp_path: Path) -> None:
    side_band = _read(
        tmp_path,
        comm(7, 7, b"perf-exec", _end(0)),
        comm(7, 7, b"15charcomm_name", _end(20), is_exec=True),
        comm(7, 8, b"", _end(21)),
        comm(7, 9, b"bad\xff\n)", _end(22)),
        task(7, (9, 9), (7, 7), 30, _end(30)),
        task(4, (9, 9), (7, 7), 40, _end(40)),
    )
    assert _rows(side_band.comm) == [
        {"ts_ns": -1, "tgid": 7, "tid": 7, "comm": b"perf-exec", "is_exec": False},
        {"ts_ns": 20, "tgid": 7, "tid": 7, "comm": b"15charcomm_name", "is_exec": True},
        {"ts_ns": 21, "tgid": 7, "tid": 8, "comm": b"", "is_exec": False},
        {"ts_ns": 22, "tgid": 7, "tid": 9, "comm": b"bad\xff\n)", "is_exec": False},
    ]
    assert _rows(side_band.fork) == [{"ts_ns": 30, "tgid": 9, "parent_tgid": 7, "tid": 9, "parent_tid": 7}]
    assert _rows(side_band.exit) == [{"ts_ns": 40, "tgid": 9, "parent_tgid": 7, "tid": 9, "parent_tid": 7}]
    assert side_band.comm["seq"].to_list() < side_band.fork["seq"].to_list() < side_band.exit["seq"].to_list()


def test_mappings(tmp_path: Path) -> None:
    place = struct.pack("<iiQQQ", 7, 8, 0x1000, 0x2000, 0x3000)
    file = struct.pack("<IIQQII", 0xFD, 1, 1234, 5, 5, 2)
    build_id = bytes([20, 0, 0, 0, *range(20)]) + struct.pack("<II", 5, 2)
    short_id = bytes([2, 0, 0, 0, 0xAB, 0xCD, *range(18)]) + struct.pack("<II", 3, 1)
    side_band = _read(
        tmp_path,
        record(1, place + string8(b"[kernel.kallsyms]_text") + _end(0)),
        record(10, place + file + string8(b"/usr/lib/libc.so.6") + _end(50)),
        record(10, place + build_id + string8(b"//anon") + _end(51), misc=1 << 14),
        record(10, place + short_id + string8(b"") + _end(52), misc=1 << 14 | 1 << 13),
    )
    where = {"tgid": 7, "tid": 8, "start_addr": 0x1000, "size_bytes": 0x2000, "pgoff": 0x3000}
    assert _rows(side_band.mmap) == [
        {"ts_ns": -1, **where, "dev": None, "inode": None, "build_id": None, "prot": None, "flags": None}
        | {"path": b"[kernel.kallsyms]_text", "is_data": False},
        {"ts_ns": 50, **where, "dev": "fd:01", "inode": 1234, "build_id": None, "prot": 5, "flags": 2}
        | {"path": b"/usr/lib/libc.so.6", "is_data": False},
        {"ts_ns": 51, **where, "dev": None, "inode": None, "build_id": bytes(range(20)).hex(), "prot": 5, "flags": 2}
        | {"path": b"//anon", "is_data": False},
        {"ts_ns": 52, **where, "dev": None, "inode": None, "build_id": "abcd", "prot": 3, "flags": 1} | {"path": b"", "is_data": True},
    ]


def test_a_string_without_its_end_stops_at_the_sample_id(tmp_path: Path) -> None:
    side_band = _read(tmp_path, record(19, words(77) + b"/a/cgrou" + _end(5)))
    assert _rows(side_band.cgroup) == [{"ts_ns": 5, "cgroup_id": 77, "path": b"/a/cgrou"}]


def test_losses(tmp_path: Path) -> None:
    side_band = _read(
        tmp_path,
        record(2, words(103, 12) + _end(10, 101, 0)),
        record(2, words(999, 1) + _end(11)),
        record(13, words(30) + _end(0, 103, 1)),
        record(13, words(4) + _end(0, 102, 1), misc=1 << 15),
        record(5, words(60, 103, 103) + _end(60)),
    )
    assert _rows(side_band.lost) == [
        {"ts_ns": 10, "cpu": 0, "event": 1, "reason": "lost", "lost_events": 12},
        {"ts_ns": 11, "cpu": 1, "event": -1, "reason": "lost", "lost_events": 1},
        {"ts_ns": -1, "cpu": 1, "event": 1, "reason": "lost_samples", "lost_events": 30},
        {"ts_ns": -1, "cpu": 1, "event": 0, "reason": "dropped", "lost_events": 4},
        {"ts_ns": 60, "cpu": 1, "event": 1, "reason": "throttle", "lost_events": None},
    ]


def test_unknown_records_are_kept_raw(tmp_path: Path) -> None:
    records = [record(47, b"kernel99" + _end(9), misc=3), record(200, b"user9999"), record(1 << 20, b""), record(68)]
    recording = open_perfdata(write(tmp_path, perf_file([EVENT], records)))
    other = recording.side_band().other
    assert _rows(other.drop("payload", "offset")) == [
        {"ts_ns": 9, "type": 47, "type_name": "type 47", "misc": 3},
        {"ts_ns": -1, "type": 200, "type_name": "type 200", "misc": 0},
        {"ts_ns": -1, "type": 1 << 20, "type_name": "type 1048576", "misc": 0},
    ]
    assert other["payload"].to_list() == [b"kernel99" + _end(9), b"user9999", b""]
    first = other["offset"][0]
    assert other["offset"].to_list() == [first, first + len(records[0]), first + len(records[0]) + len(records[1])]
    assert recording.info.records_unknown == 3
    assert recording.info.records_by_type == {"type 47": 1, "FINISHED_ROUND": 1, "type 200": 1, "type 256 and above": 1}


def test_records_too_short_for_their_type_are_counted(tmp_path: Path) -> None:
    records = [record(3, words(0)), record(10, words(1, 2)), record(4), comm(7, 7, b"whole", _end(5))]
    recording = open_perfdata(write(tmp_path, perf_file([EVENT], records)))
    assert recording.side_band().comm["comm"].to_list() == [b"whole"]
    assert recording.info.records_damaged == 3


def test_without_sample_id_fork_tells_its_own_time(tmp_path: Path) -> None:
    event = Event("ip tid time", flags=0)
    records = [task(7, (9, 9), (7, 7), 30), comm(9, 9, b"kid")]
    side_band = open_perfdata(write(tmp_path, perf_file([event], records))).side_band()
    assert side_band.fork["ts_ns"].to_list() == [30]
    assert _rows(side_band.comm) == [{"ts_ns": -1, "tgid": 9, "tid": 9, "comm": b"kid", "is_exec": False}]
