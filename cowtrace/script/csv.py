"""CSV (RFC 4180) with a header: how parsers are compared with ``perf script`` and ``trace-cmd report``.

``ts_ns,event,comm,pid,tid,cpu,ip,addr,period,callchain,args``: ``pid`` is the tgid; ``ip``, ``addr`` and the addresses of
``callchain``, joined by ``;`` and with the kernel's context markers, are hexadecimal without 0x; ``args`` is the payload as JSON.
What was not recorded is empty, an empty name is ``""``. ftrace inputs add ``instance``.
"""

from __future__ import annotations

from typing import BinaryIO

import polars as pl

from cowtrace.parsers.base import EventBatch, Recording
from cowtrace.script.chains import chain_text, hex_lists
from cowtrace.script.columns import Columns
from cowtrace.script.hexadecimal import hex_text
from cowtrace.script.lines import LineWriter
from cowtrace.script.payload import json_args
from cowtrace.script.renderer import Setting
from cowtrace.text import decode_name

COLUMNS = ("ts_ns", "event", "comm", "pid", "tid", "cpu", "ip", "addr", "period", "callchain", "args")


class CsvRenderer:
    """``--format csv``."""

    def __init__(self, out: BinaryIO, setting: Setting) -> None:
        self._setting = setting
        self._lines = LineWriter(out, "necessary")
        out.write((",".join([*COLUMNS, *(["instance"] if setting.has_instances else [])]) + "\n").encode())

    def open(self, recording: Recording) -> CsvInput:
        """Read the side band."""
        return CsvInput(recording, self._setting)

    def write(self, rows: pl.DataFrame) -> None:
        """Append rows."""
        self._lines.write(rows)

    def close(self) -> None:
        """CSV has no end mark."""


class CsvInput:
    """CSV rows of one recording."""

    def __init__(self, recording: Recording, setting: Setting) -> None:
        self._columns = Columns(recording, decode_name)
        self._setting = setting

    def rows(self, batch: EventBatch) -> pl.DataFrame:
        """One row an event, in the order of ``COLUMNS``."""
        columns, events = self._columns, self._columns.events
        made = {
            "ts_ns": columns.numbers(batch, "ts_ns"),
            "event": columns.event_text(batch, [event.name for event in events]),
            "comm": columns.comm(batch),
            "pid": columns.numbers(batch, "tgid"),
            "tid": columns.numbers(batch, "tid"),
            "cpu": columns.numbers(batch, "cpu"),
            "ip": self._address(batch, "ip"),
            "addr": self._address(batch, "addr"),
            "period": columns.numbers(batch, "period"),
            "callchain": chain_text(batch, events, lambda chains: hex_lists(chains).list.join(";")),
            "args": json_args(batch, events),
        }
        if self._setting.has_instances:
            made["instance"] = columns.event_text(batch, [event.instance or None for event in events])
        return columns.visible(batch, pl.DataFrame(made))

    def _address(self, batch: EventBatch, column: str) -> pl.Series:
        recorded = self._columns.recorded(batch, column)
        if recorded is not None and not recorded.any():
            return pl.repeat(None, batch.count, dtype=pl.String, eager=True)
        text = hex_text(batch.columns[column])
        return text if recorded is None else text.set(pl.Series(~recorded), None)
