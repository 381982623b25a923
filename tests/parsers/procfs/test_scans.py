"""Each scan over arrays against the same in plain Python, one place at a time."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cowtrace.parsers.procfs import scans
from cowtrace.parsers.procfs.lines import Lines

TEXTS = st.lists(st.text("09afAF \tx:-k", max_size=30).map(str.encode), min_size=1, max_size=20)


def spans(texts: list[bytes]) -> Lines:
    """Lines of some texts; empty ones become a blank, since empty lines are left out."""
    return Lines.of(b"".join((text or b" ") + b"\n" for text in texts))


@given(TEXTS)
def test_scan_hex(texts: list[bytes]) -> None:
    lines = spans(texts)
    values, ends = scans.scan_hex(lines, lines.starts)
    for number, (start, text) in enumerate(zip(lines.starts, texts, strict=True)):
        digits = re.match(rb"[0-9a-f]*", text)[0]  # type: ignore[index]
        wanted = (int(digits, 16), len(digits)) if 0 < len(digits) <= 16 else (None, 0)
        assert (int(values[number]) if wanted[1] else None, int(ends[number] - start)) == wanted


@given(st.lists(st.one_of(st.integers(0, 2**65).map(lambda n: str(n).encode()), st.binary(max_size=3)), min_size=1, max_size=9))
def test_scan_decimal(texts: list[bytes]) -> None:
    texts = [text.replace(b"\n", b"") or b" " for text in texts]
    lines = spans(texts)
    values, ends = scans.scan_decimal(lines, lines.starts)
    for number, (start, text) in enumerate(zip(lines.starts, texts, strict=True)):
        digits = re.match(rb"[0-9]*", text)[0]  # type: ignore[index]
        fits = digits and len(digits) <= 20 and int(digits) < 2**64
        assert (int(values[number]) if fits else None, int(ends[number] - start)) == ((int(digits), len(digits)) if fits else (None, 0))


NUMBERS = ["0", "7", "x7", "7x", "18446744073709551615", "18446744073709551616"]


@given(st.lists(st.tuples(st.text(" \t", max_size=40), st.sampled_from(NUMBERS))))
def test_tail_numbers(parts: list[tuple[str, str]]) -> None:
    lines = spans([(blanks + digits).encode() for blanks, digits in parts])
    values, there, too_large = scans.tail_numbers(lines, lines.starts, lines.ends)
    wanted = [(digits.isdigit(), digits.isdigit() and int(digits) >= 2**64, digits) for _, digits in parts]
    assert there.tolist() == [is_number for is_number, _, _ in wanted]
    assert too_large[there].tolist() == [large for is_number, large, _ in wanted if is_number]
    fits = there & ~too_large
    assert values[fits].tolist() == [int(digits) for is_number, large, digits in wanted if is_number and not large]


@given(TEXTS)
def test_are_blank(texts: list[bytes]) -> None:
    lines = spans(texts)
    assert scans.are_blank(lines, lines.starts, lines.ends).tolist() == [not (text or b" ").strip(b" \t") for text in texts]


@given(st.lists(st.binary(min_size=1, max_size=64).map(lambda raw: raw.replace(b"\n", b"_")), min_size=1, max_size=30))
def test_intern_names(texts: list[bytes]) -> None:
    lines = spans(texts)
    codes, names = scans.intern_names(lines, lines.starts, lines.ends)
    assert [names[code] for code in codes.tolist()] == texts
    assert len(set(names)) == len(names)


def test_names_of_one_hash_are_kept_apart() -> None:
    """The hash of two words can be steered: the second word of one name undoes the difference of the first."""
    multiplier, mask = 0x9E3779B97F4A7C15, (1 << 64) - 1

    def mixed(value: int, part: int) -> int:
        value = (value ^ part) * multiplier & mask
        return value ^ value >> 29

    first = [int.from_bytes(word, "little") for word in (b"AAAAAAAA", b"BBBBBBBB")]
    for salt in range(1000):
        other = int.from_bytes(b"%08d" % salt, "little")
        steered = mixed(16, first[0]) ^ first[1] ^ mixed(16, other)
        word = steered.to_bytes(8, "little")
        if b"\n" not in word:
            break
    texts = [b"AAAAAAAABBBBBBBB", b"%08d" % salt + word]
    assert mixed(mixed(16, first[0]), first[1]) == mixed(mixed(16, other), steered)
    lines = spans(texts * 2)
    codes, names = scans.intern_names(lines, lines.starts, lines.ends)
    assert [names[code] for code in codes.tolist()] == texts * 2


def test_lines_of_nothing() -> None:
    lines = Lines.of(b"\n\n")
    nothing = np.zeros(0, dtype=np.int64)
    assert len(lines.starts) == 0
    assert [len(part) for part in scans.scan_hex(lines, nothing)] == [0, 0]
    assert [len(part) for part in scans.tail_numbers(lines, nothing, nothing)] == [0, 0, 0]
    assert scans.intern_names(lines, nothing, nothing)[1] == []
