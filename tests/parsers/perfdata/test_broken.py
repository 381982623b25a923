"""Damaged recordings: an InputError or a counted loss, never anything else; in bounded time and memory."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path

import numpy as np
import pytest

from cowtrace.errors import InputError
from cowtrace.parsers.perfdata import open_perfdata
from cowtrace.parsers.perfdata.comms import CommTable
from cowtrace.parsers.perfdata.header import read_feature_table, read_header
from cowtrace.parsers.source import Source
from tests.support.perf_bytes import write

FOLDER = Path(__file__).parents[2] / "data" / "perfdata"
SOURCES = (
    "one-event-fixed.data",
    "four-events-callchain.data",
    "group-running-time.data",
    "inject-buildid.data",
    "intr-regs.data",
    "p72-pipe.data",
    "p72-zstd2.data",
    "pipe-zstd.data",
    "bigendian-one-event-callchain.data",
    "stat-record.data",
)


def _read_all(path: Path) -> int:
    """Decode everything that can be asked for; returns the number of events, -1 for a file that is refused."""
    try:
        recording = open_perfdata(path, block_bytes=1 << 17)
        comms = CommTable(recording.side_band())
        count, last = 0, -1
        for batch in recording.batches():
            count += batch.count
            comms.lookup(batch)
            offsets, ips = batch.chains()
            assert offsets[-1] == len(ips)
            times = batch.columns.get("ts_ns", np.empty(0, np.int64))
            times = times[times >= 0]
            assert len(times) == 0 or (times[0] >= last and (np.diff(times) >= 0).all())
            last = times[-1] if len(times) else last
            for event in recording.events:
                for field in event.fields:
                    assert len(batch.field_values(event.index, field.name)) == len(batch.rows(event.index))
    except InputError as error:
        assert str(error).startswith(str(path))
        return -1
    json.dumps(dataclasses.asdict(recording.info))
    return count


def _damage(rng: random.Random, data: bytearray) -> bytes:
    kind = rng.randrange(5)
    if kind == 0:
        for _ in range(rng.choice((1, 3, 30))):
            data[rng.randrange(len(data))] = rng.randrange(256)
    elif kind == 1:
        data[rng.randrange(min(400, len(data)))] = rng.randrange(256)
    elif kind == 2:
        at = rng.randrange(0, len(data) - 8, 8)
        data[at : at + 8] = rng.choice((b"\xff" * 8, bytes(8), b"\xff" * 4 + bytes(4), rng.randbytes(8)))
    elif kind == 3:
        at = rng.randrange(len(data))
        del data[at : at + rng.choice((1, 4, 8, 100))]
    else:
        at = rng.randrange(len(data))
        data[at:at] = rng.randbytes(rng.choice((1, 4, 8, 100)))
    return bytes(data)


@pytest.mark.parametrize("name", SOURCES)
def test_random_damage(name: str, tmp_path: Path) -> None:
    source = (FOLDER / name).read_bytes()
    rng = random.Random(name)
    for _ in range(20):
        _read_all(write(tmp_path, _damage(rng, bytearray(source))))


@pytest.mark.parametrize("name", SOURCES)
def test_cut_anywhere(name: str, tmp_path: Path) -> None:
    """The number of events never grows when more is cut off; what is before the cut is kept."""
    source = (FOLDER / name).read_bytes()
    rng = random.Random(name)
    counts = [_read_all(write(tmp_path, source[:size])) for size in sorted(rng.randrange(len(source)) for _ in range(20))]
    assert counts == sorted(counts)


@pytest.mark.parametrize("name", ["one-event-fixed.data", "four-events-callchain.data", "bigendian-one-event-callchain.data"])
def test_cut_at_every_section(name: str, tmp_path: Path) -> None:
    data = (FOLDER / name).read_bytes()
    source = Source.open(FOLDER / name)
    header = read_header(source)
    table = read_feature_table(source, header)
    whole = _read_all(FOLDER / name)
    assert _read_all(write(tmp_path, data[: header.attrs.offset])) == -1
    assert _read_all(write(tmp_path, data[: header.attrs.end - 1])) == -1
    assert _read_all(write(tmp_path, data[: header.data.offset])) == 0
    assert _read_all(write(tmp_path, data[: header.data.end - 1])) in (whole, whole - 1)
    for section in table.values():
        for size in (section.offset, section.offset + 1, section.end):
            assert _read_all(write(tmp_path, data[:size])) == whole
