"""Values of trace event fields, gathered from many payloads at once.

Fields are read by offset, size and sign. Payloads start at any byte: perf puts them 4 bytes behind a multiple of 8.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cowtrace.parsers.base import FieldDesc
from cowtrace.parsers.words import Array, Index, Words


@dataclass(frozen=True, slots=True)
class Payloads:
    """Payloads in one buffer.

    Attributes:
        words: The buffer.
        starts: Byte of each payload's start.
        sizes: Bytes of each.
    """

    words: Words
    starts: Index
    sizes: Index

    def ints(self, field: FieldDesc) -> Array:
        """Values of an ``int`` field in its own width and sign; 0 where a payload is too short to have it."""
        values = self._gather(self.starts + field.offset, field.size)
        values[self.sizes < field.offset + field.size] = 0
        return values.view(np.dtype(f"i{field.size}")) if field.signed else values

    def values(self, field: FieldDesc) -> list[Any]:
        """Values of any field: int, bytes (strings, without their NUL padding), or list of int. For display."""
        if field.kind == "int":
            return [int(value) for value in self.ints(field)]
        starts, sizes = self.spans(field)
        return [self._value(field, start, size) for start, size in zip(starts.tolist(), sizes.tolist(), strict=True)]

    def spans(self, field: FieldDesc) -> tuple[Index, Index]:
        """First byte and size of a field's content in each payload; untrusted sizes are cut at the payload's end."""
        if field.kind not in ("data_loc", "rel_loc"):
            at = np.minimum(field.offset, self.sizes)
            left = self.sizes - at
            return self.starts + at, np.minimum(field.size, left) if field.size else left
        # __data_loc counts from the start of the payload, __rel_loc from the end of its own u32.
        there = self.sizes >= field.offset + 4
        location = np.where(there, self._gather(self.starts + field.offset, 4), 0).astype(np.int64)
        begin = np.minimum((location & 0xFFFF) + (field.offset + 4 if field.kind == "rel_loc" else 0), self.sizes)
        return self.starts + begin, np.minimum(location >> 16, self.sizes - begin)

    def _value(self, field: FieldDesc, start: int, size: int) -> bytes | list[int]:
        raw = self.words.u8[start : start + size].tobytes()
        if field.kind == "string" or (field.element_size == 1 and "char" in field.type and field.kind != "array"):
            return raw.split(b"\0", 1)[0]
        if field.element_size == 1 and field.kind != "array":
            return raw
        width = field.element_size if field.element_size in (1, 2, 4, 8) else 1
        code = f"{self.words.order}{'i' if field.signed else 'u'}{width}"
        return [int(value) for value in np.frombuffer(raw[: len(raw) // width * width], np.dtype(code))]

    def _gather(self, at: Index, size: int) -> Array:
        """``size`` bytes at each byte position as unsigned numbers, in the largest pieces that are aligned for all."""
        unit = next(unit for unit in (8, 4, 2, 1) if unit <= size and not (at & (unit - 1)).any())
        readers: dict[int, Callable[[Index], Array]] = {
            8: self.words.take64,
            4: self.words.take32,
            2: self.words.take16,
            1: self.words.take8,
        }
        pieces = readers[unit]
        first = at >> (unit.bit_length() - 1)
        count = size // unit
        values = np.zeros(len(at), np.dtype(f"u{size}"))
        for place in range(count):
            shift = 8 * unit * (place if self.words.order == "<" else count - 1 - place)
            values |= pieces(first + place).astype(values.dtype) << values.dtype.type(shift)
        return values
