"""A whole recording as rows, in the form that the expected hashes of ``tests/data/perfdata`` were made of."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cowtrace.parsers.base import BATCH_DTYPES, SideBand
from cowtrace.parsers.perfdata import BLOCK_BYTES, open_perfdata
from cowtrace.parsers.perfdata.comms import CommTable
from cowtrace.parsers.perfdata.recording import PerfRecording

#: Values from -4095 up are context marks in a call chain.
_FIRST_MARK = (1 << 64) - 4095


class Row(NamedTuple):
    """One event."""

    ts_ns: int
    event: str
    comm: bytes
    tgid: int
    tid: int
    cpu: int
    ip: int
    addr: int
    period: int
    chain: tuple[int, ...]


def read_rows(path: Path, block_bytes: int = BLOCK_BYTES) -> tuple[PerfRecording, SideBand, list[Row]]:
    """Everything that a recording holds."""
    recording = open_perfdata(path, block_bytes=block_bytes)
    side_band = recording.side_band()
    comms = CommTable(side_band)
    rows: list[Row] = []
    for batch in recording.batches():
        codes, names = comms.lookup(batch)
        assert {name: values.dtype for name, values in batch.columns.items()}.items() <= BATCH_DTYPES.items()
        columns = {name: _column(batch.columns, name, batch.count) for name in ("ts_ns", *Row._fields[3:9])}
        offsets, ips = batch.chains()
        for row in range(batch.count):
            chain = tuple(ip for ip in ips[offsets[row] : offsets[row + 1]].tolist() if ip < _FIRST_MARK)
            tgid, tid, cpu, ip, addr, period = (columns[name][row] for name in Row._fields[3:9])
            event, comm = recording.events[batch.event[row]].name, names[codes[row]]
            rows.append(Row(columns["ts_ns"][row], event, comm, tgid, tid, cpu, ip, addr, period, chain))
    return recording, side_band, rows


def _column(columns: dict[str, Any], name: str, count: int) -> list[int]:
    default = -1 if name in ("ts_ns", "tgid", "tid", "cpu") else 0
    values: list[int] = np.asarray(columns.get(name, np.full(count, default))).tolist()
    return values


def rows_sha256(rows: list[Row]) -> str:
    """SHA-256 over the sorted lines ``time event comm tgid tid cpu ip addr period chain``, separated by tabs."""
    lines = []
    for row in rows:
        chain = ",".join(f"{ip:x}" for ip in row.chain)
        comm = row.comm.decode("utf-8", "surrogateescape")
        values = (row.ts_ns, row.event, comm, row.tgid, row.tid, row.cpu, f"{row.ip:x}", f"{row.addr:x}", row.period, chain)
        lines.append("\t".join(str(value) for value in values) + "\n")
    return hashlib.sha256("".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest()
