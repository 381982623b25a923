"""The pages of a file, cut into pieces that are read one at a time.

A piece is a run of pages of one CPU: part of a plain area, or one compressed chunk. Pieces are numbered in file order: buffers as they are
listed, CPUs within a buffer, pages within a CPU. Equal times keep this order.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass, field
from struct import Struct

import numpy as np
import numpy.typing as npt

from cowtrace.errors import InputError
from cowtrace.parsers.base import Note
from cowtrace.parsers.source import Bytes, Source
from cowtrace.parsers.tracedat.compression import PLAIN_MAX, expand
from cowtrace.parsers.tracedat.metadata import Buffer, CpuData, Metadata
from cowtrace.parsers.words import Index, Words

#: No recording shrinks like this; a file that does is made to keep a reader busy.
_MAX_RATIO, _RATIO_COUNTS_FROM = 1024, 1 << 30
#: No page can be packed into fewer bytes.
_STORED_MIN = 16


@dataclass(frozen=True, slots=True)
class Stream:
    """One CPU of one buffer.

    Attributes:
        instance: Number of the buffer.
        cpu: Number of the CPU; -1 when unknown.
        page_size: Bytes of a page.
        compressed: Pieces are compressed chunks.
    """

    instance: int
    cpu: int
    page_size: int
    compressed: bool


@dataclass(slots=True)
class Pieces:
    """All pieces of a file; the arrays have one entry for each.

    Attributes:
        streams: CPUs.
        stream: Number of the stream.
        offset: Byte of the file.
        stored: Bytes in the file.
        plain: Bytes of pages.
        notes: Pages that are not there.
        bytes_unread: Bytes of the file that should hold pages and do not.
    """

    streams: list[Stream] = field(default_factory=list)
    stream: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    offset: Index = field(default_factory=lambda: np.empty(0, np.int64))
    stored: Index = field(default_factory=lambda: np.empty(0, np.int64))
    plain: Index = field(default_factory=lambda: np.empty(0, np.int64))
    notes: list[Note] = field(default_factory=list)
    bytes_unread: int = 0

    def __len__(self) -> int:
        return len(self.stream)


@dataclass(frozen=True, slots=True)
class Pages:
    """Pages in memory.

    Attributes:
        words: Buffer that holds them.
        start: Byte of each page.
        size: Bytes of each page.
        piece: Number of each page's piece.
        damaged_count: Pages that could not be expanded.
    """

    words: Words
    start: Index
    size: Index
    piece: Index
    damaged_count: int


def find_pieces(source: Source, meta: Metadata, block_bytes: int) -> Pieces:
    """Where all pages are. What lies behind the end of the file, or in the area of another CPU, is left out and noted.

    Raises:
        InputError: The pages would expand to more than any recording does.
    """
    areas = [(instance, buffer, cpu) for instance, buffer in enumerate(meta.buffers) for cpu in buffer.cpus]
    begins = sorted({cpu.offset for _, buffer, cpu in areas if cpu.size or buffer.compressed} | {source.size})
    # While pages are merged by time, every CPU has up to one piece in memory that is not used up.
    finder = _Finder(source, meta.head.order, max(block_bytes // (8 * max(len(areas), 1)), 1))
    pieces = finder.pieces
    tables = [np.empty((0, 4), np.int64)]
    taken: set[int] = set()
    for instance, buffer, cpu in areas:
        end = cpu.offset if cpu.offset in taken else begins[min(bisect_right(begins, cpu.offset), len(begins) - 1)]
        if cpu.size or buffer.compressed:
            taken.add(cpu.offset)
        found = finder.chunks(buffer, cpu, end) if buffer.compressed else finder.runs(buffer, cpu, end)
        tables.append(np.insert(found, 0, len(pieces.streams), axis=1))
        pieces.streams.append(Stream(instance, cpu.cpu, buffer.page_size, buffer.compressed))
    table = np.concatenate(tables)
    pieces.stream = table[:, 0].astype(np.int32)
    pieces.offset, pieces.stored, pieces.plain = (table[:, column].copy() for column in (1, 2, 3))
    if int(pieces.plain.sum()) > max(_RATIO_COUNTS_FROM, _MAX_RATIO * source.size):
        raise InputError(source.path, f"its {source.size} bytes would expand to {int(pieces.plain.sum())} bytes of pages")
    return pieces


class _Finder:
    """Finds the pieces of one CPU, a row of offset, stored bytes and bytes of pages each; notes what is missing in ``pieces``."""

    def __init__(self, source: Source, order: str, piece_bytes: int) -> None:
        self.pieces = Pieces()
        self._source = source
        self._piece_bytes = piece_bytes
        self._count = Struct(order + "I")
        self._chunk = Struct(order + "II")

    def runs(self, buffer: Buffer, cpu: CpuData, end: int) -> Index:
        """Whole pages of a plain area that may go up to ``end``."""
        page_size = buffer.page_size
        there = min(cpu.size, max(end - cpu.offset, 0))
        whole = there - there % page_size
        if cpu.size > whole:
            missing = (cpu.size - whole + page_size - 1) // page_size
            self.pieces.bytes_unread += there - whole
            self._note(buffer, cpu, end, f"{whole // page_size} whole pages are left", missing)
        step = max(self._piece_bytes // page_size, 1) * page_size
        begin = np.arange(0, whole, step)
        size = np.minimum(step, whole - begin)
        return np.column_stack([begin + cpu.offset, size, size])

    def chunks(self, buffer: Buffer, cpu: CpuData, end: int) -> Index:
        """Whole chunks of a compressed area, by their headers: old versions say four bytes too few for the area."""
        found = array("q")
        at = cpu.offset + self._count.size
        count = self._count.unpack(self._source.read(cpu.offset, self._count.size, "chunk count"))[0] if at <= end else 1
        for number in range(count):
            stored, plain = self._chunk.unpack(self._source.read(at, 8, "chunk header")) if at + 8 <= end else (end, 0)
            cut = at + 8 + stored > end
            if cut or stored < _STORED_MIN or not 0 < plain <= PLAIN_MAX or plain % buffer.page_size:
                self.pieces.bytes_unread += max(end - at, 0)
                self._note(buffer, cpu, end if cut else at, f"{number} whole chunks are left", count - number)
                break
            found.extend((at + 8, stored, plain))
            at += 8 + stored
        return np.array(found, np.int64).reshape(-1, 3)

    def _note(self, buffer: Buffer, cpu: CpuData, end: int, rest: str, missing: int) -> None:
        reason = "the file ends" if end == self._source.size else f"damage or the data of another CPU begins (byte {end})"
        instance = f" of instance {buffer.name!r}" if buffer.name else ""
        text = f"{reason} before the data of CPU {cpu.cpu}{instance} does: {rest}, {missing} missing"
        self.pieces.notes.append(Note(text, missing))


class PageStore:
    """Reads pieces.

    Attributes:
        meta: What the file says about itself.
        pieces: Where the pages are.
    """

    def __init__(self, source: Source, meta: Metadata, pieces: Pieces) -> None:
        self.meta = meta
        self.pieces = pieces
        self._source = source

    def load(self, numbers: Index, behind: Words | None = None) -> Pages:
        """Read some pieces into one buffer, in the order of ``numbers``, behind a copy of another buffer's bytes."""
        sizes = self.pieces.plain[numbers]
        front = 0 if behind is None else (behind.size + 7) & ~7
        ends = front + np.cumsum(sizes)
        words = Words.empty(int(ends[-1]) if len(ends) else front, self.meta.head.order)
        if behind is not None:
            words.u8[: behind.size] = behind.u8[: behind.size]
        page_size = np.array([stream.page_size for stream in self.pieces.streams], np.int64)[self.pieces.stream[numbers]]
        damaged = 0
        for number, at, size in zip(numbers.tolist(), (ends - sizes).tolist(), sizes.tolist(), strict=True):
            damaged += self._load_piece(number, words.u8[at : at + size])
        counts = sizes // page_size
        place = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        each_size = np.repeat(page_size, counts)
        start = np.repeat(ends - sizes, counts) + place * each_size
        return Pages(words, start, each_size, np.repeat(numbers, counts), damaged)

    def _load_piece(self, number: int, into: Bytes) -> int:
        """Fill one piece's place; returns the pages that are lost, whose bytes are zero then."""
        stream = self.pieces.streams[self.pieces.stream[number]]
        offset, stored = int(self.pieces.offset[number]), int(self.pieces.stored[number])
        if not stream.compressed:
            into[self._source.read_into(into, offset) :] = 0
            return 0
        try:
            data = self._source.read(offset, stored, "chunk")
            into[:] = np.frombuffer(expand(self.meta.head.compression, data, len(into), self._source.path, offset), np.uint8)
        except InputError:
            into[:] = 0
            lost: int = len(into) // stream.page_size
            return lost
        return 0
