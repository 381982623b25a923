"""Text in the grammar of ``perf script``: ``comm tid [cpu] sec.usec: period event: addr ip``, fields at perf's widths.

Without symbols: addresses stay hexadecimal. What was not recorded is left out. As in perf, tracepoints print their payload instead of
period and addresses, and a call chain follows as indented lines, without context markers and ended by an empty line; it takes the place of the ip.
Source: tools/perf/builtin-script.c (perf_sample__fprintf_start, process_event, sample__fprintf_callchain).
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
import polars as pl

from cowtrace.parsers.base import EventBatch, Recording
from cowtrace.script.chains import chain_text, has_chain, hex_lists
from cowtrace.script.columns import Columns, masked
from cowtrace.script.hexadecimal import hex_text
from cowtrace.script.lines import LineWriter
from cowtrace.script.payload import word_args
from cowtrace.script.renderer import Setting
from cowtrace.text import decode_name, printable

_COMM_WIDTH, _TID_WIDTH, _TIME_WIDTH, _SECONDS_WIDTH, _PERIOD_WIDTH, _ADDRESS_WIDTH = 16, 5, 12, 5, 10, 16
#: Values from here on are marks of context (include/uapi/linux/perf_event.h, enum perf_callchain_context).
_CONTEXT_MAX = (1 << 64) - 4095


class TextRenderer:
    """``--format text``."""

    def __init__(self, out: BinaryIO, setting: Setting) -> None:
        self._lines = LineWriter(out, "never")

    def open(self, recording: Recording) -> TextInput:
        """Read the side band."""
        return TextInput(recording)

    def write(self, rows: pl.DataFrame) -> None:
        """Append lines."""
        self._lines.write(rows.select("line"))

    def close(self) -> None:
        """Text has no end mark."""


class TextInput:
    """Lines of one recording."""

    def __init__(self, recording: Recording) -> None:
        self._columns = Columns(recording, lambda name: printable(decode_name(name)))
        names = [f"{printable(event.name)}:" for event in self._columns.events]
        width = max((len(name) for name, event in zip(names, self._columns.events, strict=True) if not event.hidden), default=0)
        self._names = [f"{name:>{width}} " for name in names]

    def rows(self, batch: EventBatch) -> pl.DataFrame:
        """One row an event: ``ts_ns`` and ``line``, which may span several lines."""
        columns, events = self._columns, self._columns.events
        is_tracepoint = np.array([bool(event.fields) for event in events])[batch.event]
        chained = has_chain(batch, events)
        frame = pl.DataFrame(
            {
                "ts_ns": columns.numbers(batch, "ts_ns"),
                "comm": columns.comm(batch),
                "chained": chained,
                "tid": columns.numbers(batch, "tid"),
                "cpu": columns.numbers(batch, "cpu"),
                "period": masked(batch.columns.get("period", np.ones(batch.count, np.int64)), ~is_tracepoint),
                "event": columns.event_text(batch, self._names),
                "args": word_args(batch, events),
                "addr": self._address(batch, "addr", ~is_tracepoint),
                "ip": self._address(batch, "ip", ~(is_tracepoint | chained)),
                "chain": chain_text(batch, events, _chain_lines),
            }
        )
        seconds, micros = pl.col("ts_ns") // 1_000_000_000, pl.col("ts_ns") // 1000 % 1_000_000
        time = pl.concat_str(_padded(seconds, _SECONDS_WIDTH), pl.lit("."), micros.cast(pl.String).str.zfill(6))
        comm = pl.when("chained").then("comm").otherwise(pl.col("comm").str.pad_start(_COMM_WIDTH))
        pieces = [
            pl.concat_str(comm, pl.lit(" ")),
            pl.concat_str(_padded(pl.col("tid"), _TID_WIDTH), pl.lit(" ")),
            pl.concat_str(pl.lit("["), pl.col("cpu").cast(pl.String).str.zfill(3), pl.lit("] ")),
            pl.concat_str(time.str.pad_start(_TIME_WIDTH), pl.lit(": ")),
            pl.concat_str(_padded(pl.col("period"), _PERIOD_WIDTH), pl.lit(" ")),
            pl.col("event"),
            pl.col("args"),
            pl.col("addr"),
            pl.concat_str(pl.lit(" "), pl.col("ip")),
            pl.col("chain"),
        ]
        return columns.visible(batch, frame.select("ts_ns", pl.concat_str(pieces, ignore_nulls=True).alias("line")))

    def _address(self, batch: EventBatch, column: str, shown: np.ndarray) -> pl.Series:
        recorded = self._columns.recorded(batch, column)
        shown = shown if recorded is None else shown & recorded
        if not shown.any():
            return pl.repeat(None, batch.count, dtype=pl.String, eager=True)
        text = hex_text(batch.columns[column], _ADDRESS_WIDTH)
        return text if shown.all() else text.set(pl.Series(~shown), None)


def _padded(number: pl.Expr, width: int) -> pl.Expr:
    return number.cast(pl.String).str.pad_start(width)


def _chain_lines(chains: pl.Series) -> pl.Series:
    frames = chains.list.filter(pl.element() < _CONTEXT_MAX)
    lines = hex_lists(frames, _ADDRESS_WIDTH).list.eval(pl.concat_str(pl.lit("\n\t"), pl.element())).list.join("")
    return lines + "\n"
