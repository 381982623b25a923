"""Bytes of a copy, plain or zstd, in bounded pieces, and what went wrong on the way."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import zstandard

from cowtrace.errors import InputError
from cowtrace.parsers.base import Note, SourceInfo

#: RFC 8878, section 3.1.1: magic number of a frame.
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
# Four compressed bytes can stand for a block of 128 KiB, so little is fed at once.
_FEED_BYTES = 1 << 10
_MAX_WINDOW_BYTES = 1 << 27


class Tally:
    """Counts what was not stored, by reason.

    Attributes:
        damaged: Lines, values and ends that were lost to damage.
        unknown: Lines that are whole, but that this version has no place for.
    """

    def __init__(self) -> None:
        self.damaged = self.unknown = 0
        self._reasons: Counter[str] = Counter()

    def add(self, reason: str, count: int = 1) -> None:
        """Count some damage."""
        if count:
            self._reasons[reason] += count
            self.damaged += count

    def add_unknown(self, reason: str, count: int) -> None:
        """Count lines of an unknown kind."""
        if count:
            self._reasons[reason] += count
            self.unknown += count

    def describe(self, info: SourceInfo) -> None:
        """Write the counts into ``info``, with one note per reason."""
        info.records_damaged, info.records_unknown = self.damaged, self.unknown
        info.notes.extend(Note(reason, count) for reason, count in sorted(self._reasons.items()))


def read_blocks(path: Path, info: SourceInfo, tally: Tally, block_bytes: int) -> Iterator[bytes]:
    """Pieces of the (decompressed) bytes, none empty; counts ``info.size_bytes`` on the way.

    A file that can't be read to its end gives what could be read, and the cut is counted: the process of a live /proc
    file may exit.

    Raises:
        InputError: The file can't be opened, or is damaged before anything could be read.
    """
    raw = _raw_blocks(path, info, tally, block_bytes)
    first = next(raw, b"")
    if first.startswith(ZSTD_MAGIC):
        yield from _decompressed(chain([first], raw), path, tally, block_bytes)
    elif first:
        yield first
        yield from raw


def read_head(path: Path, size_bytes: int = 4096) -> bytes:
    """The first bytes of a file, as they are.

    Raises:
        InputError: The file can't be opened or read.
    """
    try:
        with path.open("rb", buffering=0) as file:
            head = b""
            while len(head) < size_bytes and (piece := file.read(size_bytes - len(head))):
                head += piece
            return head
    except OSError as error:
        raise InputError(path, f"can't be read: {error.strerror or error}") from None


def plain_head(head: bytes, size_bytes: int = 4096) -> bytes:
    """The first bytes of a file as text: decompressed where they are zstd, empty where that fails."""
    if not head.startswith(ZSTD_MAGIC):
        return head
    text = b""
    try:
        frame = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES).decompressobj()
        for at in range(0, len(head), _FEED_BYTES):
            text += frame.decompress(head[at : at + _FEED_BYTES])
            if len(text) >= size_bytes or frame.eof:
                break
    except zstandard.ZstdError:
        return b""
    return text[:size_bytes]


def _raw_blocks(path: Path, info: SourceInfo, tally: Tally, block_bytes: int) -> Iterator[bytes]:
    try:
        # Unbuffered: a buffered reader drops the beginning of a block when reading the rest of it fails.
        file = path.open("rb", buffering=0)
    except OSError as error:
        raise InputError(path, f"can't be opened: {error.strerror or error}") from None
    with file:
        at_end = False
        while not at_end:
            block = b""
            try:
                while not at_end and len(block) < block_bytes:
                    piece = file.read(block_bytes - len(block))
                    at_end = not piece
                    block = block + piece if block else piece
            except OSError as error:
                # ESRCH: the process of a live /proc file has exited
                if not info.size_bytes and not block and error.errno != errno.ESRCH:
                    raise InputError(path, f"can't be read: {error.strerror or error}") from None
                tally.add(f"reading stopped early: {error.strerror or error}")
                at_end = True
            info.size_bytes += len(block)
            if block:
                yield block


def _decompressed(raw: Iterable[bytes], path: Path, tally: Tally, block_bytes: int) -> Iterator[bytes]:
    factory = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
    frame = factory.decompressobj()
    parts: list[bytes] = []
    size = total = 0
    problem = ""
    # A file may hold several frames, as `zstd -c >>` makes them; what follows the end of one starts the next.
    for piece in _slices(raw):
        rest = piece
        try:
            while rest:
                if frame.eof:
                    frame = factory.decompressobj()
                parts.append(frame.decompress(rest))
                size += len(parts[-1])
                rest = frame.unused_data if frame.eof else b""
        except zstandard.ZstdError as error:
            problem = str(error)
            break
        if size >= block_bytes:
            yield from _sized(parts, block_bytes)
            total, size, parts = total + size, 0, []
    if not problem and not frame.eof:
        problem = "the last frame has no end"
    if problem and not total + size:
        raise InputError(path, f"zstd data that can't be decompressed: {problem}", hint="copy or record it again")
    if problem:
        tally.add(f"zstd data ends early: {problem}")
    yield from _sized(parts, block_bytes)


def _sized(parts: list[bytes], block_bytes: int) -> Iterator[bytes]:
    text = b"".join(parts)
    for at in range(0, len(text), block_bytes):
        yield text[at : at + block_bytes]


def _slices(raw: Iterable[bytes]) -> Iterator[bytes]:
    for block in raw:
        for at in range(0, len(block), _FEED_BYTES):
            yield block[at : at + _FEED_BYTES]
