"""The pages of a file as events, piece by piece."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.base import EventDesc
from cowtrace.parsers.ftrace.rows import Loaded, Rows
from cowtrace.parsers.tracedat.decode import Decoder
from cowtrace.parsers.tracedat.pieces import PageStore
from cowtrace.parsers.words import Index, Words


class TraceDatStore:
    """``EventStore`` of a trace.dat.

    Args:
        pages: The pages.
        decoder: The events of the file.
    """

    def __init__(self, pages: PageStore, decoder: Decoder) -> None:
        self._pages = pages
        self._decoder = decoder
        self._stream = pages.pieces.stream
        self._cpu = np.array([stream.cpu for stream in pages.pieces.streams], np.int32)
        self.order = pages.meta.head.order
        self.descs: Sequence[EventDesc] = decoder.descs
        self.pid = decoder.pid
        self.sizes = pages.pieces.plain

    def load(self, numbers: Index, behind: Words | None = None) -> Loaded:
        """Some pieces in one buffer, in the order of ``numbers``, behind a copy of another buffer's bytes."""
        return self._decoder.decode(self._pages.load(numbers, behind))

    def streams(self, rows: Rows) -> npt.NDArray[np.int32]:
        """The stream of each row's piece."""
        return self._stream[rows.piece]

    def cpus(self, rows: Rows) -> npt.NDArray[np.int32]:
        """CPU of each row, -1 when unknown."""
        return self._cpu[self._stream[rows.piece]]
