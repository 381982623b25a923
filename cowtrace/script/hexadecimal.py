"""Addresses as hexadecimal text, whole columns at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from cowtrace.script.columns import each_distinct

#: The two digits of each byte, as they lie in memory.
_PAIRS = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), np.uint16)
_DIGITS = 16


def hex_text(values: npt.NDArray[np.uint64], width: int = 0) -> pl.Series:
    """Each value in hexadecimal without leading zeros, spaces in front up to ``width``: ``0xffffffff8175336a -> 'ffffffff8175336a'``."""
    return each_distinct(values, lambda distinct: _format(distinct).str.pad_start(width))


def _format(values: npt.NDArray[np.uint64]) -> pl.Series:
    digits = _PAIRS[values.astype(">u8").view(np.uint8)].view(np.uint8).reshape(-1, _DIGITS)
    first = np.where(values == 0, _DIGITS - 1, (digits != ord("0")).argmax(axis=1))
    offsets = np.zeros(len(values) + 1, np.int64)
    np.cumsum(_DIGITS - first, out=offsets[1:])
    data = digits[np.arange(_DIGITS) >= first[:, None]]
    return pl.Series(pa.LargeStringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(data)), dtype=pl.String)
