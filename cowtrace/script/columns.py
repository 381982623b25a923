"""The plain columns of a batch, one row an event: what was not recorded is null."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from cowtrace.parsers.base import BATCH_DTYPES, Array, EventBatch, EventDesc, Recording
from cowtrace.parsers.perfdata.comms import CommTable


class Columns:
    """Columns of the batches of one recording.

    Args:
        recording: Its side band is read here, which also completes its facts.
        forms: How a task's name is shown; one or more ways.
    """

    def __init__(self, recording: Recording, *forms: Callable[[bytes], str]) -> None:
        self.events: Sequence[EventDesc] = recording.events
        self._comms = CommTable(recording.side_band())
        self._forms = forms
        self._names = [pl.Series(dtype=pl.String) for _ in forms]

    def recorded(self, batch: EventBatch, column: str) -> np.ndarray | None:
        """bool per row, does its event record this column; None when all do."""
        if column not in batch.columns:
            return np.zeros(batch.count, np.bool_)
        having = np.array([column in event.columns for event in self.events])
        return None if having.all() else having[batch.event]

    def numbers(self, batch: EventBatch, column: str) -> pl.Series:
        """One column of ``BATCH_DTYPES``."""
        recorded = self.recorded(batch, column)
        values = batch.columns.get(column)
        if values is None:
            values = np.zeros(batch.count, BATCH_DTYPES[column])
        if column == "ts_ns" and (values < 0).any():
            recorded = values >= 0
        return masked(values, recorded)

    def event_text(self, batch: EventBatch, texts: Sequence[str | None]) -> pl.Series:
        """A text for each row by its event's number."""
        return pl.Series(texts, dtype=pl.String).gather(batch.event)

    def comm(self, batch: EventBatch, form: int = 0) -> pl.Series:
        """The name of each row's task at that time, in one of the forms."""
        codes, names = self._comms.lookup(batch)
        known = len(self._names[form])
        if len(names) > known:
            fresh = pl.Series([self._forms[form](name) for name in names[known:]], dtype=pl.String)
            self._names[form] = pl.concat([self._names[form], fresh])
        recorded = self.recorded(batch, "tid")
        return self._names[form].gather(codes if recorded is None else masked(codes, recorded))

    def visible(self, batch: EventBatch, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows whose event is one for users."""
        hidden = np.array([event.hidden for event in self.events])
        return frame.filter(~hidden[batch.event]) if hidden.any() else frame


def each_distinct(values: Array, make: Callable[[Array], pl.Series]) -> pl.Series:
    """``make(values)``, but each distinct value is made once: addresses, tasks and periods repeat a lot."""
    encoded = pc.dictionary_encode(pa.array(values))
    return make(encoded.dictionary.to_numpy()).gather(encoded.indices.to_numpy())


def masked(values: Array, valid: np.ndarray | None) -> pl.Series:
    """A column that is null where ``valid`` is False."""
    return pl.Series(values) if valid is None else pl.Series(pa.array(values, mask=~valid))


def spread(count: int, parts: Sequence[tuple[Array, pl.Series]]) -> pl.Series:
    """A text column of ``count`` rows from parts ``(rows, values)``; rows of no part are null."""
    if not parts:
        return pl.repeat(None, count, dtype=pl.String, eager=True)
    place = np.full(count, -1, np.int64)
    place[np.concatenate([rows for rows, _ in parts])] = np.arange(sum(len(rows) for rows, _ in parts))
    return pl.concat([values for _, values in parts]).gather(masked(place, place >= 0))
