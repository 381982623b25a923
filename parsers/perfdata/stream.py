"""One stream of records, as blocks of whole records: a data section, a pipe's body, a ``data.N`` of a directory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.ahead import ahead
from cowtrace.parsers.perfdata.header import MAGIC_BY_ORDER, second_recording
from cowtrace.parsers.perfdata.walk import Stop, heads, walk
from cowtrace.parsers.perfdata.zstd import Expander
from cowtrace.parsers.source import Source, SpillFile
from cowtrace.parsers.words import Index, Words

#: Blocks whose memory holds at the same time: one in use, one that waits, one in the making.
BLOCKS_AT_ONCE = 3
#: A block grows until a record fits, from this size on.
_MIN_BLOCK_BYTES = 64

#: What the first half of a header's magic is when it is taken for a record type.
_MAGIC_TYPE = {order: int.from_bytes(magic[:4], "little" if order == "<" else "big") for order, magic in MAGIC_BY_ORDER.items()}


@dataclass(frozen=True, slots=True)
class Block:
    """Whole records in memory.

    Attributes:
        source: Where the bytes come from: the file, or the expanded copy of its compressed part.
        offset: Byte of ``source`` at which ``words`` starts.
        words: The bytes.
        starts: Byte offsets of the records in ``words``, ascending; at any alignment.
        types: Type of each record.
        sizes: Bytes of each record.
    """

    source: Source
    offset: int
    words: Words
    starts: Index
    types: npt.NDArray[np.uint32]
    sizes: Index


class Stream:
    """Records from byte ``start`` to ``end`` of a source.

    Attributes:
        name: In front of ``problem`` when a recording has several streams.
        problem: Why the stream ended early, with the byte; empty when it did not. Set by ``blocks``.
        bytes_unread: Bytes behind the last record that was read. Set by ``blocks``.
        left_out: Records by type that the blocks do not contain. Set by ``blocks``.
    """

    def __init__(self, source: Source, start: int, end: int, order: str, *, block_bytes: int, name: str = "") -> None:
        self.problem = ""
        self.bytes_unread = 0
        self.left_out: Counter[int] = Counter()
        self.name = name
        self._source = source
        self._start = start
        self._end = end
        self._order = order
        self._block_bytes = max(block_bytes, _MIN_BLOCK_BYTES)
        self._expanded: SpillFile | None = None
        self._expansion: tuple[str, int, Counter[int]] = ("", 0, Counter())

    def blocks(self) -> Iterator[Block]:
        """All records in file order. The memory of a block is used again when ``BLOCKS_AT_ONCE`` more were taken."""
        self.problem, self.bytes_unread, self.left_out = "", 0, Counter()
        compressed_from = yield from self._plain_blocks(self._source, self._start, [(self._end, True)])
        if compressed_from is None:
            return
        if self._expanded is None:
            expander = Expander(self._source, compressed_from, self._end, self._order)
            nested = yield from self._plain_blocks(expander.spill, 0, ahead(expander.steps()))
            self._expanded = expander.spill
            self._expansion = expander.problem, max(self._end - expander.read_to, 0), expander.counts
        else:
            nested = yield from self._plain_blocks(self._expanded, 0, [(self._expanded.size, True)])
        problem, unread, self.left_out = self._expansion
        if nested is not None:
            problem = problem or "compressed records inside of compressed records"
        self.problem = problem or self.problem
        self.bytes_unread = unread or self.bytes_unread

    def _plain_blocks(self, source: Source, offset: int, ends: Iterable[tuple[int, bool]]) -> Generator[Block, None, int | None]:
        """Blocks until the end, or until the first compressed record, whose offset is then returned.

        Args:
            source: The bytes.
            offset: Of the first record.
            ends: How far the bytes can be read; with True how far there are any, which is the last word.
        """
        size, buffers, turn, end = self._block_bytes, list[Words](), 0, offset
        for end, is_last in ends:
            while offset < end and (is_last or end - offset >= size):
                if turn == len(buffers):
                    buffers.append(Words.empty(min(size, end - offset) if is_last and not buffers else size, self._order))
                words = buffers[turn]
                words.fill(source, offset, min(size, end - offset))
                found = walk(words)
                if len(found.starts):
                    types, sizes = heads(words, found.starts)
                    self._refuse_magic(source, offset + found.starts[types == _MAGIC_TYPE[self._order]])
                    yield Block(source, offset, words, found.starts, types, sizes)
                    turn = (turn + 1) % BLOCKS_AT_ONCE
                offset += found.end
                if found.stop in (Stop.COMPRESSED, Stop.BAD):
                    # the rest is expanded all the same, so that its records are counted whatever was found in it
                    self.bytes_unread = max(max([end, *(later for later, _ in ends)]) - offset, 0)
                if found.stop is Stop.COMPRESSED:
                    return offset
                if found.stop is Stop.BAD:
                    self.problem = f"the record at byte {offset} says a size that is too small for its kind"
                    return None
                if found.end == 0:
                    if is_last and (words.size < min(size, end - offset) or offset + words.size >= end):
                        self._refuse_magic(source, [offset])
                        self.problem = f"the last record, at byte {offset}, is not complete"
                        break
                    size *= 2
                    buffers, turn = [], 0
        if offset > end:
            self.problem = f"the data that follows the last record ends {offset - end} bytes early"
        self.bytes_unread = max(end - offset, 0)
        return None

    def _refuse_magic(self, source: Source, offsets: Iterable[int]) -> None:
        """Bytes at which a record should start, and which may be a header's magic instead."""
        for offset in map(int, offsets):
            if source.read(offset, min(8, source.size - offset), "record") == MAGIC_BY_ORDER[self._order]:
                raise second_recording(source.path, offset)
