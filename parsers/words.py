"""One buffer seen as bytes and as u16, u32 and u64 words in the byte order of a recording, and gathers from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.source import Bytes, Source

Index = npt.NDArray[np.int64]
Array = npt.NDArray[Any]


class Words:
    """A buffer of ``size`` bytes. Indices are in units of the view: ``u64[i]`` is the word at byte ``8 * i``.

    Gathers clip their indices (four times faster than checking them), so an index must be proven right before its value is used.
    """

    def __init__(self, data: Bytes, size: int, order: str) -> None:
        self.size = size
        self.order = order
        self.u8 = data
        self.u16 = data.view(np.dtype(order + "u2"))
        self.u32 = data.view(np.dtype(order + "u4"))
        self.u64 = data.view(np.dtype(order + "u8"))

    @classmethod
    def empty(cls, size: int, order: str) -> Words:
        """A buffer to be filled; the bytes behind ``size`` are zero."""
        data = np.empty((size + 15) & ~7, np.uint8)
        data[size:] = 0
        return cls(data, size, order)

    @classmethod
    def read(cls, source: Source, offset: int, size: int, order: str) -> Words:
        """``size`` bytes of a file, fewer only at its end."""
        words = cls.empty(size, order)
        words.fill(source, offset, size)
        return words

    def fill(self, source: Source, offset: int, size: int) -> None:
        """Replace the content by ``size`` bytes of a file, fewer only at its end; the buffer must be long enough."""
        self.size = source.read_into(self.u8[:size], offset)
        self.u8[self.size : self.size + 8] = 0

    def tail(self, start: int) -> Words:
        """The bytes from ``start`` in a buffer of their own, which aligns them."""
        words = Words.empty(self.size - start, self.order)
        words.u8[: words.size] = self.u8[start : self.size]
        return words

    def take8(self, index: Index) -> npt.NDArray[np.uint8]:
        """``u8[index]``."""
        return self.u8.take(index, mode="clip")

    def take16(self, index: Index) -> npt.NDArray[np.uint16]:
        """``u16[index]``."""
        return self.u16.take(index, mode="clip").astype(np.uint16, copy=False)

    def take32(self, index: Index) -> npt.NDArray[np.uint32]:
        """``u32[index]``."""
        return self.u32.take(index, mode="clip").astype(np.uint32, copy=False)

    def take64(self, index: Index) -> npt.NDArray[np.uint64]:
        """``u64[index]``."""
        return self.u64.take(index, mode="clip").astype(np.uint64, copy=False)


def ragged_index(starts: Index, counts: Index) -> tuple[Index, Index]:
    """Indices ``starts[i] .. starts[i] + counts[i]`` of every ``i`` in a row.

    Returns:
        ``(index, offsets)``: part ``i`` is ``index[offsets[i] : offsets[i + 1]]``.
    """
    offsets = np.zeros(len(starts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    index = np.repeat(starts - offsets[:-1], counts)
    index += np.arange(offsets[-1])
    return index, offsets


def pack(words: Words, starts: Index, sizes: Index) -> tuple[Words, Index]:
    """Copy byte ranges into a new buffer, each at a multiple of 8; returns it and the new starts."""
    lengths = (sizes + 7) >> 3
    offsets = np.zeros(len(starts) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    packed = Words.empty(int(offsets[-1]) * 8, words.order)
    for phase in np.unique(starts & 7).tolist():
        some = (starts & 7) == phase
        view = words if phase == 0 else words.tail(phase)
        index, _ = ragged_index((starts[some] - phase) >> 3, lengths[some])
        into = slice(0, len(index)) if some.all() else ragged_index(offsets[:-1][some], lengths[some])[0]
        packed.u64[into] = view.u64.take(index, mode="clip")
    return packed, offsets[:-1] * 8


def cut_strings(words: Words, starts: Index, limits: Index) -> tuple[npt.NDArray[np.uint8], Index]:
    """NUL-terminated strings at ``starts`` of at most ``limits`` bytes.

    Returns:
        ``(data, offsets)``: string ``i`` is ``data[offsets[i] : offsets[i + 1]]``.
    """
    limits = np.maximum(limits, 0)
    index, spans = ragged_index(starts, limits)
    flat = words.take8(index)
    nuls = np.append(np.flatnonzero(flat == 0), len(flat))
    first = nuls[np.searchsorted(nuls, spans[:-1])]
    lengths = np.minimum(first - spans[:-1], limits)
    keep, offsets = ragged_index(spans[:-1], lengths)
    return flat.take(keep, mode="clip") if len(keep) else np.empty(0, np.uint8), offsets
