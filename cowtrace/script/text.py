"""Text in the grammar of ``perf script``: ``comm tid [cpu] sec.usec: period event: addr ip``, fields at perf's widths.

Without symbols: addresses stay hexadecimal. What was not recorded is left out. As in perf, tracepoints print their payload
instead of period and addresses, and a call chain follows as indented lines, without context markers and ended by an empty line; it
takes the place of the ip.
Source: tools/perf/builtin-script.c (perf_sample__fprintf_start, process_event, sample__fprintf_callchain).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

import numpy as np
import polars as pl

from cowtrace.parsers.base import Array, EventBatch, Recording
from cowtrace.script.chains import chain_text, has_chain, hex_lists
from cowtrace.script.columns import Columns, each_distinct
from cowtrace.script.hexadecimal import hex_text
from cowtrace.script.lines import LineWriter
from cowtrace.script.payload import word_args
from cowtrace.script.renderer import Setting
from cowtrace.text import decode_name, printable

_COMM_WIDTH, _TID_WIDTH, _TIME_WIDTH, _PERIOD_WIDTH, _ADDRESS_WIDTH = 16, 5, 12, 10, 16
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
        self._columns = Columns(recording, _shown, lambda name: f"{_shown(name):>{_COMM_WIDTH}}")
        names = [f"{printable(event.name)}:" for event in self._columns.events]
        width = max((len(name) for name, event in zip(names, self._columns.events, strict=True) if not event.hidden), default=0)
        self._names = [f"{name:>{width}} " for name in names]

    def rows(self, batch: EventBatch) -> pl.DataFrame:
        """One row an event: ``ts_ns`` and ``line``, which may span several lines."""
        columns, events = self._columns, self._columns.events
        is_tracepoint = np.array([bool(event.fields) for event in events])[batch.event]
        chained = has_chain(batch, events)
        ts_ns = columns.numbers(batch, "ts_ns")
        pieces = [
            self._comm(batch, chained),
            self._number(batch, "tid", None, lambda text: pl.lit(" ") + text.str.pad_start(_TID_WIDTH) + " "),
            self._number(batch, "cpu", None, lambda text: pl.lit("[") + text.str.zfill(3) + "] "),
            _time(ts_ns),
            self._number(batch, "period", ~is_tracepoint, lambda text: text.str.pad_start(_PERIOD_WIDTH) + " "),
            columns.event_text(batch, self._names),
            word_args(batch, events),
            self._address(batch, "addr", ~is_tracepoint, ""),
            self._address(batch, "ip", ~(is_tracepoint | chained), " "),
            chain_text(batch, events, _chain_lines),
        ]
        line = pl.select(pl.concat_str([piece for piece in pieces if piece.null_count() < batch.count], ignore_nulls=True)).to_series()
        return columns.visible(batch, pl.DataFrame({"ts_ns": ts_ns, "line": line}))

    def _comm(self, batch: EventBatch, chained: np.ndarray) -> pl.Series:
        """As in perf, at full width only where no call chain follows."""
        if chained.all() or not chained.any():
            return self._columns.comm(batch, int(not chained.all()))
        return self._columns.comm(batch, 0).zip_with(pl.Series(chained), self._columns.comm(batch, 1))

    def _number(self, batch: EventBatch, column: str, shown: np.ndarray | None, finish: Callable[[pl.Expr], pl.Expr]) -> pl.Series:
        def make(values: Array) -> pl.Series:
            return pl.select(finish(pl.lit(pl.Series(values).cast(pl.String)))).to_series()

        return self._where(batch, column, shown, make)

    def _address(self, batch: EventBatch, column: str, shown: np.ndarray, before: str) -> pl.Series:
        return self._where(batch, column, shown, lambda values: before + hex_text(values, _ADDRESS_WIDTH))

    def _where(self, batch: EventBatch, column: str, shown: np.ndarray | None, make: Callable[[Array], pl.Series]) -> pl.Series:
        """Text of a column's distinct values, null where it is not recorded or not ``shown``."""
        recorded = self._columns.recorded(batch, column)
        valid = recorded if shown is None else shown if recorded is None else shown & recorded
        if column not in batch.columns or (valid is not None and not valid.any()):
            return pl.repeat(None, batch.count, dtype=pl.String, eager=True)
        text = each_distinct(batch.columns[column], make)
        return text if valid is None or valid.all() else text.set(pl.Series(~valid), None)


def _shown(name: bytes) -> str:
    return printable(decode_name(name))


def _time(ts_ns: pl.Series) -> pl.Series:
    """``sec.usec: ``, cut and not rounded, as perf does."""
    micros = pl.lit(ts_ns) // 1000
    # a million more keeps the zeros of the fraction
    fraction = (micros % 1_000_000 + 1_000_000).cast(pl.String).str.slice(1)
    text = pl.concat_str((micros // 1_000_000).cast(pl.String), pl.lit("."), fraction, pl.lit(": "))
    return pl.select(text.str.pad_start(_TIME_WIDTH + len(": "))).to_series()


def _chain_lines(chains: pl.Series) -> pl.Series:
    frames = chains.list.filter(pl.element() < _CONTEXT_MAX)
    lines = hex_lists(frames, _ADDRESS_WIDTH).list.eval(pl.concat_str(pl.lit("\n\t"), pl.element())).list.join("")
    return lines + "\n"
