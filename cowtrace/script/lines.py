"""Writing frames as lines of text."""

from __future__ import annotations

import io
from typing import BinaryIO, Literal

import polars as pl

from cowtrace.script.renderer import ROWS_AT_ONCE


class LineWriter:
    """Writes frames as separated values through one buffer, so that errors of the stream come from the stream itself.

    Args:
        out: Where to.
        quote_style: ``necessary`` as in RFC 4180; ``never`` for text that is finished already.
    """

    def __init__(self, out: BinaryIO, quote_style: Literal["necessary", "never"]) -> None:
        self._out = out
        self._quote_style: Literal["necessary", "never"] = quote_style
        self._buffer = io.BytesIO()

    def write(self, frame: pl.DataFrame) -> None:
        """Append the rows of a frame, without a header."""
        for piece in frame.iter_slices(ROWS_AT_ONCE):
            self._buffer.seek(0)
            piece.write_csv(self._buffer, include_header=False, quote_style=self._quote_style)
            self._out.write(self._buffer.getbuffer()[: self._buffer.tell()])
