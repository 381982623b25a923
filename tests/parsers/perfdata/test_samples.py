"""Samples built field by field: every field in its place, and what happens when one lies about its size."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from cowtrace.parsers.perfdata import open_perfdata
from tests.support.perf_bytes import Event, perf_file, record, words, write

#: Every field there is; READ is (value, id), three user registers, two interrupt registers.
EVERYTHING = Event(
    "identifier ip tid time addr id stream_id cpu period read callchain raw branch_stack regs_user stack_user weight data_src "
    "transaction regs_intr phys_addr cgroup data_page_size code_page_size aux",
    read_format=4,
    regs_user=0b10101,
    regs_intr=0b11,
)


def _everything(*, chain: list[int], abi: int = 2, stack: bytes = b"s" * 16, time: int = 1000) -> bytes:
    return EVERYTHING.sample(
        identifier=101,
        ip=0xFFFFFFFF81000000,
        tid=(7, 8),
        time=time,
        addr=0x7F0000001000,
        id=101,
        stream_id=1,
        cpu=3,
        period=5,
        read=words(time, 101),
        callchain=chain,
        raw=b"payload",
        branch_stack=words(1, 10, 11, 12),
        regs_user=words(abi, 1, 2, 3) if abi else words(0),
        stack_user=words(len(stack)) + stack + words(len(stack)) if stack else words(0),
        weight=1,
        data_src=2,
        transaction=3,
        regs_intr=words(2, 4, 5),
        phys_addr=0x123000,
        cgroup=42,
        data_page_size=4096,
        code_page_size=4096,
        aux=words(8) + b"auxbytes",
    )


def test_every_field_in_its_place(tmp_path: Path) -> None:
    samples = [
        _everything(chain=[-512, 0x1000, 0x2000]),
        _everything(chain=[], abi=0, time=1001),
        _everything(chain=[-128, 0x3000], stack=b"", time=1002),
    ]
    recording = open_perfdata(write(tmp_path, perf_file([EVERYTHING], samples)))
    (batch,) = recording.batches()
    assert {name: values.tolist() for name, values in batch.columns.items()} == {
        "ts_ns": [1000, 1001, 1002],
        "tgid": [7, 7, 7],
        "tid": [8, 8, 8],
        "cpu": [3, 3, 3],
        "ip": [0xFFFFFFFF81000000] * 3,
        "addr": [0x7F0000001000] * 3,
        "period": [1000, 1, 1],  # of the counter that was read, not the sample's own 5
        "phys_addr": [0x123000] * 3,
        "data_page_size": [4096] * 3,
        "cgroup_id": [42] * 3,
        "cpumode": [2] * 3,
    }
    offsets, ips = batch.chains()
    assert offsets.tolist() == [0, 3, 3, 5]
    assert ips.tolist() == [(1 << 64) - 512, 0x1000, 0x2000, (1 << 64) - 128, 0x3000]
    assert recording.info.records_damaged == 0


def test_a_count_that_lies_costs_one_sample(tmp_path: Path) -> None:
    event = Event("ip tid time addr callchain")
    good = event.sample(ip=1, tid=(7, 7), time=10, addr=2, callchain=[4, 5])
    for lie in (3, 1, 0, 1 << 20, 1 << 63, (1 << 64) - 1):
        bad = good[:-24] + words(lie) + good[-16:]
        recording = open_perfdata(write(tmp_path, perf_file([event], [good, bad, good])))
        (batch,) = recording.batches()
        assert batch.chains()[1].tolist() == [4, 5, 4, 5]
        assert (recording.info.records_read, recording.info.records_damaged) == (3, 1)
        assert [(note.text, note.count) for note in recording.info.notes] == [
            ("samples do not end where their record ends; they were left out", 1)
        ]


def test_a_sample_of_the_wrong_size_is_dropped(tmp_path: Path) -> None:
    event = Event("ip tid time addr")
    good = event.sample(ip=1, tid=(7, 7), time=10, addr=2)
    records = [good, record(9, good[8:-8]), record(9, good[8:] + words(0)), record(9), good]
    recording = open_perfdata(write(tmp_path, perf_file([event], records)))
    assert sum(batch.count for batch in recording.batches()) == 2
    assert recording.info.records_damaged == 3


def test_an_unknown_id_is_counted_not_guessed(tmp_path: Path) -> None:
    faults = Event("identifier ip tid time", ids=(101, 102))
    minor = Event("identifier ip tid time", config=5, ids=(103, 1 << 40))
    samples = [event.sample(identifier=number, time=5, tid=(1, 1)) for event, number in ((faults, 102), (minor, 1 << 40))]
    strangers = [faults.sample(identifier=number, time=6, tid=(1, 1)) for number in (104, 7, (1 << 64) - 1)]
    made_up = faults.sample(identifier=0, time=7, tid=(1, 1))
    recording = open_perfdata(write(tmp_path, perf_file([faults, minor], [*samples, *strangers, made_up])))
    (batch,) = recording.batches()
    assert [recording.events[event].name for event in batch.event] == ["page-faults", "minor-faults", "page-faults"]
    assert (recording.info.records_unknown, recording.info.records_damaged) == (3, 0)


def test_two_layouts_side_by_side(tmp_path: Path) -> None:
    faults = Event("identifier ip tid time addr", ids=(1,))
    tracepoint = Event("identifier ip tid time addr cpu period raw", type=2, config=190, ids=(2,))
    payload = struct.pack("<QQQ", 0x7000, 0x8000, 7)
    samples = [
        faults.sample(identifier=1, ip=10, tid=(5, 6), time=100, addr=0x1000),
        tracepoint.sample(identifier=2, ip=11, tid=(-1, -1), time=101, cpu=3, period=1, raw=payload),
        faults.sample(identifier=1, ip=12, tid=(5, 6), time=102, addr=0x2000),
    ]
    recording = open_perfdata(write(tmp_path, perf_file([faults, tracepoint], samples)))
    (batch,) = recording.batches()
    assert batch.rows(0).tolist() == [0, 2]
    assert batch.rows(1).tolist() == [1]
    assert {name: values.tolist() for name, values in batch.columns.items()} == {
        "ts_ns": [100, 101, 102],
        "tgid": [5, -1, 5],
        "tid": [6, -1, 6],
        "cpu": [-1, 3, -1],
        "ip": [10, 11, 12],
        "addr": [0x1000, 0, 0x2000],
        "period": [1, 1, 1],
        "cpumode": [2, 2, 2],
    }
    assert recording.events[0].columns == {"ts_ns", "tgid", "tid", "ip", "addr", "period", "cpumode"}
    assert recording.events[1].name == "tracepoint:190"


def test_period_of_the_attr(tmp_path: Path) -> None:
    event = Event("ip tid time", period=7)
    recording = open_perfdata(write(tmp_path, perf_file([event], [event.sample(time=1, tid=(1, 1))])))
    assert recording.events[0].period == 7
    assert next(iter(recording.batches())).columns["period"].tolist() == [7]


@pytest.mark.parametrize("size", [64, 72, 80, 96, 104, 112, 120, 128, 136, 144, 200])
def test_attrs_of_any_size(size: int, tmp_path: Path) -> None:
    event = Event("ip tid time addr", size=size)
    recording = open_perfdata(write(tmp_path, perf_file([event], [event.sample(ip=1, time=9, tid=(2, 3), addr=4)])))
    assert next(iter(recording.batches())).columns["addr"].tolist() == [4]


def test_a_sample_field_of_the_future(tmp_path: Path) -> None:
    """A field that is not known stands who knows where: no sample of that event can be trusted."""
    event = Event("ip tid time")
    data = bytearray(perf_file([event], [event.sample(time=1, tid=(1, 1))]))
    at = data.index(event.attr())
    data[at + 24 + 5] = 1  # sample_type bit 40
    recording = open_perfdata(write(tmp_path, bytes(data)))
    assert list(recording.batches()) == []
    assert recording.info.records_damaged == 1
