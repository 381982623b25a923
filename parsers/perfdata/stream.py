"""One stream of records, as blocks of whole records: a data section, a pipe's body, a ``data.N`` of a directory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from struct import Struct

import numpy as np

from cowtrace.parsers.perfdata.records import AUXTRACE, COMPRESSED, COMPRESSED2, HEADER_TRACING_DATA
from cowtrace.parsers.perfdata.walk import Stop, walk
from cowtrace.parsers.perfdata.zstd import Expander
from cowtrace.parsers.source import Source, SpillFile
from cowtrace.parsers.words import Index, Words

#: Room for two records of any size.
_MIN_BLOCK_BYTES = 1 << 17


@dataclass(frozen=True, slots=True)
class Block:
    """Whole records in memory.

    Attributes:
        source: Where the bytes come from: the file, or the expanded copy of its compressed part.
        offset: Byte of ``source`` at which ``words`` starts.
        words: The bytes.
        starts: Byte offsets of the records in ``words``, ascending; at any alignment.
    """

    source: Source
    offset: int
    words: Words
    starts: Index


class Stream:
    """Records from byte ``start`` to ``end`` of a source.

    Attributes:
        path: File, for messages.
        problem: Why the stream ended early, with the byte; empty when it did not. Set by ``blocks``.
        bytes_unread: Bytes behind the last record that was read. Set by ``blocks``.
        left_out: Records by type that the blocks do not contain. Set by ``blocks``.
    """

    def __init__(self, source: Source, start: int, end: int, order: str, block_bytes: int) -> None:
        self.problem = ""
        self.bytes_unread = 0
        self.left_out: Counter[int] = Counter()
        self.path = source.path
        self._source = source
        self._start = start
        self._end = end
        self._order = order
        self._block_bytes = max(block_bytes, _MIN_BLOCK_BYTES)
        self._expanded: SpillFile | None = None
        self._expansion: tuple[str, int, Counter[int]] = ("", 0, Counter())

    def blocks(self) -> Iterator[Block]:
        """All records in file order. The memory of a block is used again for the next one."""
        self.problem, self.bytes_unread, self.left_out = "", 0, Counter()
        compressed_from = yield from self._plain_blocks(self._source, self._start, self._end)
        if compressed_from is None:
            return
        if self._expanded is None:
            expander = Expander(self._source, compressed_from, self._end, self._order)
            self._expanded = expander.run()
            self._expansion = expander.problem, self._end - expander.read_to, expander.counts
        yield from self._plain_blocks(self._expanded, 0, self._expanded.size)
        problem, unread, self.left_out = self._expansion
        self.problem = problem or self.problem
        self.bytes_unread = unread or self.bytes_unread

    def _plain_blocks(self, source: Source, offset: int, end: int) -> Generator[Block, None, int | None]:
        """Blocks until the end, or until the first compressed record, whose offset is then returned."""
        size = max(min(self._block_bytes, end - offset), 0)
        words = Words.empty(size, self._order)
        while offset < end:
            words.fill(source, offset, min(size, end - offset))
            starts, following, stop = _walk_block(words)
            if len(starts):
                yield Block(source, offset, words, starts)
            offset += following
            if stop is Stop.SPECIAL:
                return offset
            if stop is Stop.BAD:
                self.problem = f"the record at byte {offset} says a size below its header's 8 bytes"
                break
            if following == 0:
                if words.size < min(size, end - offset) or offset + words.size >= end:
                    self.problem = f"the last record, at byte {offset}, is not complete"
                    break
                size *= 2
                words = Words.empty(size, self._order)
        if offset > end:
            self.problem = f"the data that follows the last record ends {offset - end} bytes early"
        self.bytes_unread = max(end - offset, 0)
        return None


def _walk_block(words: Words) -> tuple[Index, int, Stop]:
    """Record starts, the byte at which to go on (may lie behind the block), and the reason to end.

    ``Stop.SPECIAL`` stands for a compressed record here; the two records with a payload outside of them are stepped over.
    """
    u32, u64 = Struct(words.order + "I").unpack_from, Struct(words.order + "Q").unpack_from
    header = Struct(words.order + "IHH")
    data = words.u8.data
    parts: list[Index] = []
    at = 0
    while at < words.size:
        found = walk(words, at)
        parts.append(found.starts)
        at = found.end
        if found.stop is not Stop.SPECIAL:
            return np.concatenate(parts), at, found.stop
        kind, _, size = header.unpack_from(data, at)
        if kind in (COMPRESSED, COMPRESSED2):
            return np.concatenate(parts), at, Stop.SPECIAL
        if size < (16 if kind == AUXTRACE else 12):
            return np.concatenate(parts), at, Stop.BAD
        if at + size > words.size:
            break
        parts.append(np.array([at]))
        payload = (u32(data, at + 8)[0] + 7) & ~7 if kind == HEADER_TRACING_DATA else u64(data, at + 8)[0]
        at += size + payload
    return np.concatenate(parts), at, Stop.END
