"""Several streams of rows, each in time order, as one: only what overlaps in time is in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Times = npt.NDArray[np.int64]


@dataclass(slots=True)
class Stream:
    """Rows of one input.

    Attributes:
        frames: Frames with a column ``ts_ns``, in time order.
        first_ns: Time of the first row, or earlier; nothing is read before it is due.
    """

    frames: Iterator[pl.DataFrame]
    first_ns: int


def merged(streams: Sequence[Stream]) -> Iterator[pl.DataFrame]:
    """All rows in time order. Rows without a time follow the row of their input that is before them.

    input 1  [ 1 4 6 ] [ 7 9 ]
    input 2    [ 3 5 8 ]            due: the earliest end of any frame in hand:  1 3 4 5 6 | 7 8 | 9
    """
    if len(streams) == 1:
        yield from streams[0].frames
        return
    heads = [_Head(stream) for stream in streams]
    while True:
        due = min((head.end for head in heads if head.has_rows), default=None)
        soon = [head for head in heads if not head.has_rows and not head.finished and (due is None or head.next_ns <= due)]
        if soon:
            # what may start before the end of all others must be looked at first
            min(soon, key=lambda head: head.next_ns).load()
            continue
        if due is None:
            return
        parts = [head.take(due) for head in heads if head.has_rows]
        frame = pl.concat([rows for rows, _ in parts])
        yield frame[np.argsort(np.concatenate([times for _, times in parts]), kind="stable")]


class _Head:
    """The frame in hand of one stream, and how far it was taken."""

    def __init__(self, stream: Stream) -> None:
        self.finished = False
        self.next_ns = stream.first_ns
        self._frames = stream.frames
        self._rows = pl.DataFrame()
        self._times: Times = np.empty(0, np.int64)

    @property
    def has_rows(self) -> bool:
        return len(self._times) > 0

    @property
    def end(self) -> int:
        return int(self._times[-1])

    def load(self) -> None:
        rows = next(self._frames, None)
        if rows is None:
            self.finished = True
            return
        self._rows = rows
        known = rows["ts_ns"].fill_null(strategy="forward").fill_null(self.next_ns)
        self._times = known.to_numpy()
        if len(rows):
            self.next_ns = self.end

    def take(self, due: int) -> tuple[pl.DataFrame, Times]:
        count = int(np.searchsorted(self._times, due, "right"))
        taken = self._rows[:count], self._times[:count]
        self._rows, self._times = self._rows[count:], self._times[count:]
        return taken
