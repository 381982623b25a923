"""Text as arrays: where the lines are, and numbers, names and blanks at many places at once.

All functions take the places as int64 arrays of byte positions and give one element per place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: A longer line is damage: the longest real one is a path of a few thousand bytes.
MAX_LINE_BYTES = 1 << 16
#: Names are compared by whole words of 8 bytes, up to this length.
MAX_NAME_BYTES = 64
_MAX_GROUP_BYTES = 1 << 20
# Reads of 8 bytes, and of 17 digits in a row of columns that are not there, may start at the last byte of the text.
_PAD = b"\0" * 32
#: What stands in for a line that is too long: no format takes it for one of its own.
_TOO_LONG = b"\0"

_BYTE_MASKS: Words = np.array([(1 << (8 * count)) - 1 for count in range(9)], dtype=np.uint64)
_KB = np.uint64(int.from_bytes(b" kB", "little"))
_THREE_BYTES = np.uint64(0xFFFFFF)
_BLANKS = np.uint64(int.from_bytes(b" " * 8, "little"))
_HEX_DIGITS: Bytes = np.full(256, 255, dtype=np.uint8)
for _value, _char in enumerate(b"0123456789abcdef"):
    _HEX_DIGITS[_char] = _value


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
    for block in blocks:
        if has_crlf is None:
            has_crlf = block[: block.find(b"\n") + 1].endswith(b"\r\n")
        text = block
        if skipping:
            newline = text.find(b"\n")
            if newline < 0:
                continue
            text = text[newline + 1 :]
            skipping = False
        text = carry + text if carry else text
        if has_crlf:
            text = text.replace(b"\r\n", b"\n")
        whole = text.rfind(b"\n") + 1
        if len(text) - whole > MAX_LINE_BYTES:
            text = text[:whole] + _TOO_LONG + b"\n"
            whole = len(text)
            skipping = True
        if grouped:
            whole = _last_group(text, whole)
        if whole:
            yield Lines.of(text[:whole])
        carry = text[whole:]
    if carry:
        is_cut = not carry.endswith(b"\n")
        yield Lines.of(carry + b"\n" if is_cut else carry, is_cut=is_cut)


def _last_group(text: bytes, whole: int) -> int:
    """Where the last group starts: the last line up to ``whole``, or the unfinished one there, that starts with a hex digit."""
    if whole < len(text) and _HEX_DIGITS[text[whole]] < 16:
        return whole
    for window in (1 << 12, _MAX_GROUP_BYTES):
        low = max(whole - window, 0)
        tail = np.frombuffer(text, dtype=np.uint8, count=whole - low, offset=low)
        starts = np.flatnonzero(tail[:-1] == ord("\n")) + 1
        found = starts[_HEX_DIGITS[tail[starts]] < 16]
        if len(found):
            return low + int(found[-1])
    return whole if whole > _MAX_GROUP_BYTES else 0


def scan_hex(lines: Lines, at: Index) -> tuple[Words, Index]:
    """Lower-case hexadecimal numbers that start at ``at``: values and where they end; no digit or more than 16 end at ``at``."""
    values = np.zeros(len(at), dtype=np.uint64)
    ends = at.copy()
    live = np.ones(len(at), dtype=np.bool_)
    for step in range(17):
        digits = _HEX_DIGITS[lines.buf[at + step]]
        live &= digits < 16
        if not live.any():
            break
        values = np.where(live, (values << np.uint64(4)) | digits, values)
        ends += live
    too_long = ends - at > 16
    return values, np.where(too_long, at, ends)


def tail_numbers(lines: Lines, low: Index, high: Index) -> tuple[Words, Mask, Mask]:
    """Decimal numbers that end at ``high``, with nothing but blanks between ``low`` and their first digit.

    Returns:
        Values; whether such a number is there; whether it is larger than 64 bits (its value is then 0).
    """
    values = np.zeros(len(high), dtype=np.uint64)
    starts = high.copy()
    too_large = np.zeros(len(high), dtype=np.bool_)
    live: Index = np.arange(len(high), dtype=np.int64)
    for step in range(20):
        at = high[live] - 1 - step
        digits = lines.buf[at] - np.uint8(ord("0"))
        is_digit = (digits < 10) & (at >= low[live])
        live, digits = live[is_digit], digits[is_digit]
        if not len(live):
            break
        if step == 19:
            # 2**64 - 1 = 1 8446744073709551615
            too_large[live] = (digits > 1) | ((digits == 1) & (values[live] > np.uint64(8446744073709551615)))
        values[live] += digits.astype(np.uint64) * np.uint64(10**step)
        starts[live] -= 1
    for index in live.tolist():
        text = lines.data[low[index] : high[index]].strip(b" \t")
        if text.isdigit():
            starts[index] = high[index] - len(text)
            too_large[index] |= len(text) > 20
    values[too_large] = 0
    return values, (starts < high) & are_blank(lines, low, starts), too_large


def ends_in_kb(lines: Lines, low: Index, high: Index) -> Mask:
    """Whether the text between ``low`` and ``high`` ends in the unit that the kernel prints."""
    result: Mask = (high - low >= 3) & (lines.words[np.maximum(high - 3, 0)] & _THREE_BYTES == _KB)
    return result


def are_blank(lines: Lines, low: Index, high: Index) -> Mask:
    """Whether only spaces and tabs stand between ``low`` and ``high``."""
    result = np.ones(len(low), dtype=np.bool_)
    live: Index = np.arange(len(low), dtype=np.int64)
    step = 0
    while True:
        live = live[high[live] - low[live] > step]
        if not len(live):
            return result
        at = low[live] + step
        masks = _BYTE_MASKS[np.minimum(high[live] - at, 8)]
        other = live[(lines.words[at] & masks) != (_BLANKS & masks)]
        for index in other.tolist():
            result[index] = not lines.data[low[index] : high[index]].strip(b" \t")
        if len(other):
            live = live[~np.isin(live, other)]
        step += 8


def intern_names(lines: Lines, low: Index, high: Index) -> tuple[Index, list[bytes]]:
    """Distinct texts between ``low`` and ``high`` (1 to ``MAX_NAME_BYTES`` bytes): for each place the number of its
    text, and the texts."""
    if not len(low):
        return np.zeros(0, dtype=np.int64), []
    length = high - low
    parts: list[Words] = []
    mixed = length.astype(np.uint64)
    for step in range(0, int(length.max()), 8):
        at = np.minimum(low + step, len(lines.words) - 1)
        part = lines.words[at] & _BYTE_MASKS[np.clip(length - step, 0, 8)]
        parts.append(part)
        mixed = (mixed ^ part) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    _, first, codes = np.unique(mixed, return_index=True, return_inverse=True)
    same = [part == part[first][codes] for part in [length, *parts]]
    if not np.logical_and.reduce(same).all():
        # Two names of one hash: not by chance, so the slow way is for crafted files only.
        return _intern_slowly(lines, low, high)
    names = [lines.data[a:b] for a, b in zip(low[first].tolist(), high[first].tolist(), strict=True)]
    return codes.astype(np.int64, copy=False), names


def _intern_slowly(lines: Lines, low: Index, high: Index) -> tuple[Index, list[bytes]]:
    numbers: dict[bytes, int] = {}
    spans: Iterable[Any] = zip(low.tolist(), high.tolist(), strict=True)
    codes = [numbers.setdefault(lines.data[a:b], len(numbers)) for a, b in spans]
    return np.array(codes, dtype=np.int64), list(numbers)
