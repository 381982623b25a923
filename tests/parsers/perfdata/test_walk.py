"""The walk over records: fast and slow way give the same, on whole and on damaged bytes."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest

from cowtrace.parsers.perfdata import walk as walking
from cowtrace.parsers.perfdata.walk import Stop, walk
from cowtrace.parsers.words import Words


def _words(data: bytes, order: str = "<") -> Words:
    words = Words.empty(len(data), order)
    words.u8[: len(data)] = np.frombuffer(data, np.uint8)
    return words


def _record(kind: int, size: int, order: str = "<", fill: bytes = b"\x09\0\0\0\2\0\x10\0") -> bytes:
    """A record whose content looks like headers of small samples."""
    return struct.pack(order + "IHH", kind, 2, size) + (fill * (size // 8 + 1))[: size - 8]


def _random_records(rng: random.Random, count: int, order: str) -> bytes:
    sizes = (16, 40, 56, 64, 112, 250 // 8 * 8, 4096)
    return b"".join(_record(rng.choice((9, 9, 9, 9, 3, 10, 68)), rng.choice(sizes), order) for _ in range(count))


def _damage(rng: random.Random, data: bytearray) -> bytes:
    for _ in range(rng.choice((0, 1, 5, 40))):
        data[rng.randrange(len(data))] = rng.choice((0, 8, 9, 56, 71, 81, 255, rng.randrange(256)))
    if rng.random() < 0.3:
        at = rng.randrange(len(data))
        data[at:at] = rng.randbytes(rng.choice((3, 4, 8, 16)))
    return bytes(data[: rng.randrange(64, len(data) + 1)])


@pytest.mark.parametrize("order", ["<", ">"])
def test_lockstep_is_the_walk_one_by_one(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(11)
    for _ in range(150):
        words = _words(_damage(rng, bytearray(_random_records(rng, 400, order))), order)
        monkeypatch.setattr(walking, "_SMALL_BYTES", 1 << 30)
        plain = walk(words)
        monkeypatch.setattr(walking, "_SMALL_BYTES", 64)
        for chunk_bytes, look_words in ((256, 16), (1024, 96), (4096, 8)):
            monkeypatch.setattr(walking, "_CHUNK_BYTES", chunk_bytes)
            monkeypatch.setattr(walking, "_LOOK_WORDS", look_words)
            fast = walk(words)
            assert (fast.end, fast.stop) == (plain.end, plain.stop)
            assert fast.starts.tolist() == plain.starts.tolist()


def test_a_megabyte_of_records() -> None:
    data = _record(9, 56) * 20_000
    found = walk(_words(data))
    assert (len(found.starts), found.end, found.stop) == (20_000, len(data), Stop.END)
    assert found.starts.tolist() == list(range(0, len(data), 56))


def _found(data: bytes) -> tuple[list[int], int, Stop]:
    found = walk(_words(data))
    return found.starts.tolist(), found.end, found.stop


def test_stops() -> None:
    sample = _record(9, 40)
    assert _found(sample * 2 + sample[:-1]) == ([0, 40], 80, Stop.END)
    assert _found(sample + _record(81, 100) + sample) == ([0], 40, Stop.COMPRESSED)
    assert _found(sample + struct.pack("<IHH", 9, 0, 7) + sample) == ([0], 40, Stop.BAD)
    assert _found(sample + _record(67, 99) + sample) == ([0, 40, 139], 179, Stop.END)
    payload = struct.pack("<IHHQ", 71, 0, 48, 1000) + bytes(32)
    assert _found(sample + payload) == ([0, 40], 1088, Stop.END)
