"""Numbers, names and blanks at many places of a text at once.

All functions take places as int64 arrays of byte positions and give one element per place.
"""

from __future__ import annotations

import re

import numpy as np

from cowtrace.parsers.procfs.lines import Bytes, Index, Lines, Mask, Words

#: Names are compared by whole words of 8 bytes, up to this length.
MAX_NAME_BYTES = 64

_BYTE_MASKS: Words = np.array([(1 << (8 * count)) - 1 for count in range(9)], dtype=np.uint64)
_KB = np.uint64(int.from_bytes(b" kB", "little"))
_THREE_BYTES = np.uint64(0xFFFFFF)
_BLANKS = np.uint64(int.from_bytes(b" " * 8, "little"))
_HEX_DIGITS: Bytes = np.full(256, 255, dtype=np.uint8)
_HEX_DIGITS[list(b"0123456789abcdef")] = np.arange(16)
_DECIMAL_DIGITS: Bytes = np.full(256, 255, dtype=np.uint8)
_DECIMAL_DIGITS[list(b"0123456789")] = np.arange(10)
_TWENTY_DIGITS = re.compile(rb"\d{20}(?!\d)")


def scan_hex(lines: Lines, at: Index) -> tuple[Words, Index]:
    """Lower-case hexadecimal numbers that start at ``at``: values and where they end; no digit or more than 16 end at ``at``."""
    digits, count = _digits(lines, at, _HEX_DIGITS, 16)
    shifts = np.maximum(count[:, None] - 1 - np.arange(16), 0) * 4
    values = np.bitwise_or.reduce(digits << shifts.astype(np.uint64), axis=1)
    return values, at + np.where(count > 16, 0, count)


def scan_decimal(lines: Lines, at: Index) -> tuple[Words, Index]:
    """Decimal numbers that start at ``at``, likewise; one beyond 64 bits ends at ``at``."""
    digits, count = _digits(lines, at, _DECIMAL_DIGITS, 19)
    powers = np.uint64(10) ** np.clip(count[:, None] - 1 - np.arange(19), 0, 18).astype(np.uint64)
    values: Words = (digits * powers).sum(axis=1)
    ends = at + np.where(count > 19, 0, count)
    for index in np.flatnonzero(count > 19).tolist():
        match = _TWENTY_DIGITS.match(lines.data, int(at[index]))
        if match and int(match[0]) < 1 << 64:
            values[index], ends[index] = int(match[0]), match.end()
    return values, ends


def _digits(lines: Lines, at: Index, table: Bytes, width: int) -> tuple[Words, Index]:
    """Up to ``width`` digits from each place on, zero after the last; and their number, up to ``width + 1``."""
    found = table[lines.buf[at[:, None] + np.arange(width + 1)]]
    is_digit = np.logical_and.accumulate(found < 255, axis=1)
    return np.where(is_digit, found, 0)[:, :width].astype(np.uint64), is_digit.sum(axis=1, dtype=np.int64)


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
    texts = [lines.data[a:b] for a, b in zip(low.tolist(), high.tolist(), strict=True)]
    codes = [numbers.setdefault(text, len(numbers)) for text in texts]
    return np.array(codes, dtype=np.int64), list(numbers)
