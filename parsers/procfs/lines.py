"""Text as arrays: pieces of a file, and where their lines are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: A longer line is damage: the longest real one is a path of a few thousand bytes.
MAX_LINE_BYTES = 1 << 16
_MAX_GROUP_BYTES = 1 << 20
# A scan may read some fields of a line that has none of them, each up to 20 bytes ahead (see scans).
_PAD = b"\0" * 64
#: What stands in for a line that is too long: no format takes it for one of its own.
_TOO_LONG = b"\0"
_IS_HEX: Mask = np.isin(np.arange(256), list(b"0123456789abcdef"))


@dataclass(slots=True)
class Lines:
    """Some lines of a text.

    Attributes:
        data: The text, every line with its newline; then padding.
        buf: The same as uint8.
        words: The 8 bytes from each position as a little-endian number.
        starts: First byte of each line.
        ends: Its newline.
        is_cut: The file ends within the last line, before its newline.
    """

    data: bytes
    buf: Bytes
    words: Words
    starts: Index
    ends: Index
    is_cut: bool

    @classmethod
    def of(cls, text: bytes, *, is_cut: bool = False) -> Lines:
        """The lines of ``text``, which ends in a newline; empty lines are left out."""
        data = text + _PAD
        buf = np.frombuffer(data, dtype=np.uint8)
        words: Words = np.ndarray((len(data) - 7,), dtype="<u8", buffer=data, strides=(1,))
        ends = np.flatnonzero(buf[: len(text)] == ord("\n"))
        starts = np.empty_like(ends)
        starts[:1] = 0
        starts[1:] = ends[:-1] + 1
        filled = ends > starts
        if not filled.all():
            starts, ends = starts[filled], ends[filled]
        return cls(data, buf, words, starts, ends, is_cut)

    def without_last(self) -> Lines:
        """All lines but the last."""
        return Lines(self.data, self.buf, self.words, self.starts[:-1], self.ends[:-1], False)

    def first_bytes(self) -> Bytes:
        """The first byte of each line."""
        return self.buf[self.starts]


def byte_set(members: bytes) -> Mask:
    """A table of 256: whether a byte is one of ``members``."""
    table = np.zeros(256, dtype=np.bool_)
    table[list(members)] = True
    return table


def read_lines(blocks: Iterable[bytes], *, grouped: bool) -> Iterator[Lines]:
    """Pieces of whole lines from blocks of bytes. CRLF counts as LF.

    Args:
        blocks: The text.
        grouped: End a piece before a line that starts with a lower-case hexadecimal digit, as the first line of a
            mapping does, so that its fields stay with it. A group of more than 1 MiB is no mapping and is split.
    """
    carry = b""
    skipping = False
    has_crlf: bool | None = None
    rest = iter(blocks)
    following = next(rest, None)
    while following is not None:
        # One block ahead, so that a small file is a single piece.
        block, following = following, next(rest, None)
        if has_crlf is None:
            has_crlf = block[: block.find(b"\n") + 1].endswith(b"\r\n")
        text = block
        if skipping:
            newline = text.find(b"\n")
            skipping = newline < 0
            text = b"" if skipping else text[newline + 1 :]
        text = carry + text if carry else text
        if has_crlf:
            text = text.replace(b"\r\n", b"\n")
        whole = text.rfind(b"\n") + 1
        if len(text) - whole > MAX_LINE_BYTES:
            text = text[:whole] + _TOO_LONG + b"\n"
            whole = len(text)
            skipping = True
        if following is None:
            whole = len(text)
        elif grouped:
            whole = _last_group(text, whole)
        if whole:
            is_cut = not text.endswith(b"\n", 0, whole)
            yield Lines.of(text[:whole] + b"\n" if is_cut else text[:whole], is_cut=is_cut)
        carry = text[whole:]


def _last_group(text: bytes, whole: int) -> int:
    """Where the last group starts: the last line up to ``whole``, or the unfinished one there, that starts with a hex digit."""
    if whole < len(text) and _IS_HEX[text[whole]]:
        return whole
    for window in (1 << 12, _MAX_GROUP_BYTES):
        low = max(whole - window, 0)
        tail = np.frombuffer(text, dtype=np.uint8, count=whole - low, offset=low)
        starts = np.flatnonzero(tail[:-1] == ord("\n")) + 1
        found = starts[_IS_HEX[tail[starts]]]
        if len(found):
            return low + int(found[-1])
    return whole if whole > _MAX_GROUP_BYTES else 0
