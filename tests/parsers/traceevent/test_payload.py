"""Values out of payloads that start anywhere and end too early."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest

from cowtrace.parsers.base import FieldDesc
from cowtrace.parsers.traceevent.payload import Payloads
from cowtrace.parsers.words import Words


def _payloads(*payloads: bytes, lead: int = 4, order: str = "<") -> Payloads:
    """Payloads one behind the other, the first ``lead`` bytes behind a multiple of 8."""
    data = bytes(lead) + b"".join(payloads)
    words = Words.empty(len(data), order)
    words.u8[: len(data)] = np.frombuffer(data, np.uint8)
    sizes = np.array([len(payload) for payload in payloads], np.int64)
    return Payloads(words, lead + np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64), sizes)


def _int(offset: int, size: int, *, signed: bool = False) -> FieldDesc:
    return FieldDesc("f", "int", offset, size, signed, "int", size)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("lead", [0, 1, 2, 4])
@pytest.mark.parametrize(("code", "size"), [("B", 1), ("H", 2), ("I", 4), ("Q", 8)])
def test_ints_of_every_width_and_alignment(order: str, lead: int, code: str, size: int) -> None:
    numbers = [0, 1, 200, (1 << 8 * size) - 1]
    payloads = _payloads(*(struct.pack(f"{order}3s{code}x", b"abc", number) for number in numbers), lead=lead, order=order)
    values = payloads.ints(_int(3, size))
    assert values.dtype == np.dtype(f"u{size}")
    assert values.tolist() == numbers
    assert payloads.ints(_int(3, size, signed=True)).tolist()[::3] == [0, -1]


def test_a_payload_too_short_gives_0() -> None:
    assert _payloads(struct.pack("<II", 1, 7), struct.pack("<I", 2)).ints(_int(4, 4)).tolist() == [7, 0]


@pytest.mark.parametrize(
    ("kind", "c_type", "element", "payload", "expected"),
    [
        ("string", "char[8]", 1, b"....abc\0\xff\xff\xff\xff", b"abc"),
        ("string", "char[8]", 1, b"....abcdefgh", b"abcdefgh"),
        ("array", "u16[4]", 2, b"...." + struct.pack("<4H", 1, 2, 3, 65535), [1, 2, 3, 65535]),
        ("data_loc", "__data_loc char[]", 1, b"...." + struct.pack("<I", 5 << 16 | 8) + b"name\0", b"name"),
        ("rel_loc", "__rel_loc char[]", 1, b"...." + struct.pack("<I", 5 << 16 | 2) + b"??name\0", b"name"),
        ("data_loc", "__data_loc char[]", 1, b"...." + struct.pack("<I", 8), b""),
        ("data_loc", "__data_loc u64[]", 8, b"...." + struct.pack("<I", 16 << 16 | 8) + struct.pack("<QQ", 1, 1 << 63), [1, 1 << 63]),
        # lengths and places that lie
        ("data_loc", "__data_loc char[]", 1, b"...." + struct.pack("<I", 0xFFFF << 16 | 8) + b"rest", b"rest"),
        ("data_loc", "__data_loc char[]", 1, b"...." + struct.pack("<I", 4 << 16 | 0xFFFF), b""),
        ("data_loc", "__data_loc char[]", 1, b"..", b""),
        ("string", "char[8]", 1, b"....ab", b"ab"),
    ],
)
def test_values_for_display(kind: Any, c_type: str, element: int, payload: bytes, expected: Any) -> None:
    size = 8 if kind in ("string", "array") else 4
    field = FieldDesc("f", c_type, 4, size, False, kind, element)
    assert _payloads(payload, payload).values(field) == [expected, expected]


def test_to_the_end_of_the_payload() -> None:
    field = FieldDesc("buf", "char[]", 2, 0, False, "string", 1)
    assert _payloads(b"..one\0", b"..", b"..three").values(field) == [b"one", b"", b"three"]
