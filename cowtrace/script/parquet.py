"""Parquet with typed columns: addresses as uint64, call chains as lists, the payload as JSON text; what was not recorded is null."""

from __future__ import annotations

from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from cowtrace.parsers.base import EventBatch, Recording
from cowtrace.script.chains import has_chain
from cowtrace.script.columns import Columns
from cowtrace.script.payload import json_args
from cowtrace.script.renderer import Setting
from cowtrace.text import decode_name

_REPEATING = ["event", "comm", "instance"]
_ROW_GROUP_ROWS = 1 << 18


def _schema(setting: Setting) -> pa.Schema:
    fields = {
        "ts_ns": pa.int64(),
        "event": pa.string(),
        "comm": pa.string(),
        "pid": pa.int32(),
        "tid": pa.int32(),
        "cpu": pa.int32(),
        "ip": pa.uint64(),
        "addr": pa.uint64(),
        "period": pa.int64(),
        "callchain": pa.list_(pa.uint64()),
        "args": pa.string(),
    }
    if setting.has_instances:
        fields["instance"] = pa.string()
    return pa.schema(list(fields.items()))


class ParquetRenderer:
    """``--format parquet``: rows are gathered into row groups."""

    def __init__(self, out: BinaryIO, setting: Setting) -> None:
        self._setting = setting
        self._schema = _schema(setting)
        repeating = [name for name in _REPEATING if name in self._schema.names]
        self._writer = pq.ParquetWriter(out, self._schema, compression="zstd", compression_level=1, use_dictionary=repeating)
        self._waiting: list[pl.DataFrame] = []

    def open(self, recording: Recording) -> ParquetInput:
        """Read the side band."""
        return ParquetInput(recording, self._setting)

    def write(self, rows: pl.DataFrame) -> None:
        """Append rows."""
        self._waiting.append(rows)
        if sum(map(len, self._waiting)) >= _ROW_GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """Write what waits, and the footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if any(map(len, self._waiting)):
            self._writer.write_table(pl.concat(self._waiting).to_arrow().cast(self._schema))
        self._waiting = []


class ParquetInput:
    """Typed rows of one recording."""

    def __init__(self, recording: Recording, setting: Setting) -> None:
        self._columns = Columns(recording, decode_name)
        self._setting = setting

    def rows(self, batch: EventBatch) -> pl.DataFrame:
        """One row an event."""
        columns, events = self._columns, self._columns.events
        made = {
            "ts_ns": columns.numbers(batch, "ts_ns"),
            "event": columns.event_text(batch, [event.name for event in events]),
            "comm": columns.comm(batch),
            "pid": columns.numbers(batch, "tgid"),
            "tid": columns.numbers(batch, "tid"),
            "cpu": columns.numbers(batch, "cpu"),
            "ip": columns.numbers(batch, "ip"),
            "addr": columns.numbers(batch, "addr"),
            "period": columns.numbers(batch, "period"),
            "callchain": self._chains(batch),
            "args": json_args(batch, events),
        }
        if self._setting.has_instances:
            made["instance"] = columns.event_text(batch, [event.instance or None for event in events])
        return columns.visible(batch, pl.DataFrame(made))

    def _chains(self, batch: EventBatch) -> pl.Series:
        valid = has_chain(batch, self._columns.events)
        kind = pl.List(pl.UInt64)
        if not valid.any():
            return pl.repeat(None, batch.count, dtype=kind, eager=True)
        offsets, ips = batch.chains()
        return pl.Series(pa.LargeListArray.from_arrays(offsets, pa.array(ips), mask=pa.array(~valid)), dtype=kind)
