"""Numbers and words at given bytes of a text, for many places at once.

Eight bytes are one 64-bit word, in which the first is lowest. How many digits stand at a place, and what they mean, is told by arithmetic
on whole words, so the work does not depend on how long the numbers are.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.words import Index

U64 = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]
_PAD = 64


def _c(value: int) -> np.uint64:
    return np.uint64(value)


@lru_cache(maxsize=256)
def _each(byte: int) -> np.uint64:
    return np.uint64(byte * 0x0101010101010101)


_HIGH, _LOW7, _ZEROS = _each(0x80), _each(0x7F), _each(ord("0"))
_ONE, _THREE, _EIGHT, _SEVEN = _c(1), _c(3), _c(8), _c(7)
_S4, _S8, _S16, _S32, _S63 = _c(4), _c(8), _c(16), _c(32), _c(63)
_M16, _M32 = _c(0x00FF00FF00FF00FF), _c(0x0000FFFF0000FFFF)
_MLOW = _c(0xFFFFFFFF)
_ALL = _c((1 << 64) - 1)
_POW10 = np.array([10**digits for digits in range(20)], np.uint64)


def leading(marks: U64) -> Index:
    """How many bytes stand before the first that is marked with its highest bit; 8 when none is."""
    low = marks & (~marks + _ONE)
    count: Index = (np.bitwise_count(low - _ONE) >> 3).astype(np.int64)
    return count


def not_digits(word: U64) -> U64:
    """Mark the bytes that are no decimal digits."""
    digit = word ^ _ZEROS
    return (((digit & _LOW7) + _each(0x76)) | digit) & _HIGH


def equal(word: U64, byte: int) -> U64:
    """Mark the bytes that are this one."""
    other = word ^ _each(byte)
    return ~(((other & _LOW7) + _LOW7) | other) & _HIGH


class Text:
    """Bytes of some lines."""

    def __init__(self, data: bytes) -> None:
        size = len(data)
        self.size = size
        self.u8 = np.zeros((size + _PAD + 7) & ~7, np.uint8)
        self.u8[:size] = np.frombuffer(data, np.uint8)
        self._words = self.u8.view("<u8")

    def byte(self, at: Index) -> npt.NDArray[np.uint8]:
        """The byte at each place; places behind the end have the last one."""
        found: npt.NDArray[np.uint8] = self.u8.take(at, mode="clip")
        return found

    def word(self, at: Index) -> U64:
        """The eight bytes from each place on."""
        index = at >> 3
        shift = ((at & 7) << 3).astype(np.uint64)
        low = self._words.take(index, mode="clip")
        high = self._words.take(index + 1, mode="clip")
        word: U64 = (low >> shift) | ((high << _ONE) << (_S63 - shift))
        return word

    def is_text(self, at: Index, text: bytes) -> Mask:
        """Whether this text stands at each place."""
        same: Any = True
        for start in range(0, len(text), 8):
            part = text[start : start + 8]
            mask = _c((1 << 8 * len(part)) - 1)
            same = same & ((self.word(at + start) & mask) == _c(int.from_bytes(part, "little")))
        result: Mask = same if isinstance(same, np.ndarray) else np.ones(len(at), bool)
        return result

    def blanks(self, at: Index) -> Index:
        """Number of blanks from each place on, 8 at most."""
        return leading(~equal(self.word(at), 0x20) & _HIGH)

    def decimal(self, at: Index) -> tuple[U64, Index]:
        """Decimal number at each place and how many digits it has, 8 at most."""
        word = self.word(at)
        digits = leading(not_digits(word))
        return _decimal(word, digits), digits

    def long_decimal(self, at: Index) -> tuple[U64, Index]:
        """Decimal number of up to 16 digits; a longer one has 16 here."""
        value, digits = self.decimal(at)
        rows = np.flatnonzero(digits == 8)
        if len(rows):
            more, count = self.decimal(at[rows] + 8)
            value[rows] = value[rows] * _POW10.take(count) + more
            digits[rows] += count
        return value, digits

    def hexadecimal(self, at: Index) -> tuple[U64, Index]:
        """Hexadecimal number (small letters, no 0x) at each place and how many digits it has, 16 at most."""
        value, digits = _hexadecimal(self.word(at))
        rows = np.flatnonzero(digits == 8)
        if len(rows) == len(at):  # as addresses have, and quicker than picking rows
            more, count = _hexadecimal(self.word(at + 8))
            return (value << (count << 2).astype(np.uint64)) | more, digits + count
        if len(rows):
            more, count = _hexadecimal(self.word(at[rows] + 8))
            value[rows] = (value[rows] << (count << 2).astype(np.uint64)) | more
            digits[rows] += count
        return value, digits

    def lines(self) -> tuple[Index, Index]:
        """Start of each line and where its newline is."""
        ends = np.flatnonzero(self.u8[: self.size] == 10)
        starts = np.empty_like(ends)
        if len(ends):
            starts[0] = 0
            starts[1:] = ends[:-1] + 1
        return starts, ends


def _decimal(word: U64, digits: Index) -> U64:
    value = (word ^ _ZEROS) << ((8 - digits) << 3).astype(np.uint64)
    value = (value * _c(10) + (value >> _S8)) & _M16
    value = (value * _c(100) + (value >> _S16)) & _M32
    result: U64 = (value * _c(10000) + (value >> _S32)) & _MLOW
    return result


def _hexadecimal(word: U64) -> tuple[U64, Index]:
    letter = word ^ _each(0x60)
    low = letter & _LOW7
    no_letter = (~(low + _LOW7) | (low + _each(0x79)) | letter) & _HIGH
    digits = leading(not_digits(word) & no_letter)
    value = (word & _each(0x0F)) + _c(9) * ((word >> _c(6)) & _each(1))
    value <<= ((8 - digits) << 3).astype(np.uint64)
    value = ((value << _S4) | (value >> _S8)) & _M16
    value = ((value << _S8) | (value >> _S16)) & _M32
    value = ((value << _S16) | (value >> _S32)) & _MLOW
    return value, digits
