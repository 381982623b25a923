"""A text in blocks of whole lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cowtrace.parsers.source import Source

#: A line or event that is longer is cut: the kernel prints at most two pages.
LONG_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Block:
    """Some whole lines.

    Attributes:
        data: The lines, each with its newline.
        is_last: No block follows.
        cut_bytes: Bytes that were left out before this block: the inside of an endless line.
    """

    data: bytes
    is_last: bool
    cut_bytes: int = 0


def read_blocks(source: Source, block_bytes: int) -> Iterator[Block]:
    """All lines; CRLF becomes a plain newline, a last line without one gets it."""
    offset, rest, cut = 0, b"", 0
    buffer = np.empty(block_bytes, np.uint8)
    while True:
        size = source.read_into(buffer, offset)
        offset += size
        data = rest + buffer[:size].tobytes()
        is_last = size < block_bytes or offset >= source.size
        if is_last:
            if data and not data.endswith(b"\n"):
                data += b"\n"
            yield Block(_plain(data), True, cut)
            return
        end = data.rfind(b"\n") + 1
        rest = data[end:]
        if len(rest) > LONG_BYTES:
            cut += len(rest) - LONG_BYTES
            rest = rest[:LONG_BYTES]
        if end:
            yield Block(_plain(data[:end]), False, cut)
            cut = 0


def _plain(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n") if b"\r" in data else data
