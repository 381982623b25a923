"""Reading many lines at once: numbers by arithmetic on words, and the same events as line by line, for any block and any damage."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cowtrace.errors import InputError
from cowtrace.parsers.base import Recording
from cowtrace.parsers.ftracetext import open_ftracetext
from cowtrace.parsers.ftracetext.fast.block import BlockReader
from cowtrace.parsers.ftracetext.fast.text import Text
from cowtrace.parsers.ftracetext.pieces import Builder
from cowtrace.parsers.perfscript import open_perfscript
from tests.parsers.ftracetext.test_recordings import plain
from tests.support.ftracetext import DATA, opened, rows

NAMES = ["default.txt.zst", "nasty-comms.txt", "markers.txt", "kprobe.txt.zst", "graph-report.txt.zst", "report-instances.txt.zst"]


def line_by_line(self: BlockReader, data: bytes, builder: Builder) -> None:
    """Instead of ``BlockReader.read``."""
    reader = self._reader
    reader.start(builder)
    for line in data.split(b"\n")[:-1]:
        reader.read(reader.state.line_count, line)
        reader.state.line_count += 1


def told(path: Path, **sizes: int) -> tuple[Any, ...]:
    """Everything that a text says; functions by name, since their numbers depend on who was seen first."""
    recording = open_ftracetext(path, **sizes)
    side = recording.side_band()
    found = rows(recording)
    for *_, fields in found:
        for name in {"func", "__probe_ip", "__probe_func", "__probe_ret_ip"} & set(fields):
            fields[name] = recording.function_names(np.array([fields[name]], np.uint64))[0]
    notes = [(note.text, note.count) for note in recording.info.notes]
    return found, [table.rows() for table in (side.comm, side.fork, side.exit, side.lost)], notes


@pytest.mark.parametrize("name", NAMES)
def test_as_line_by_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [told(DATA / name, **sizes) for sizes in ({}, {"text_bytes": 20_000}, {"text_bytes": 3_000, "block_bytes": 1 << 14})]
    monkeypatch.setattr(BlockReader, "read", line_by_line)
    assert found == [told(DATA / name)] * 3


@pytest.mark.parametrize("seed", range(12))
def test_as_line_by_line_when_damaged(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)
    data = bytearray(b"# tracer: nop\n" + plain(NAMES[seed % 3])[:30_000])
    for _ in range(40):
        at = rng.randrange(len(data))
        data[at : at + rng.choice((0, 1, 7))] = rng.choice(
            (b"", b"\n", b" ", b"-", b"\0\0", b"[", b":", b"=", b"99999999999", rng.randbytes(1))
        )
    path = tmp_path / "trace.txt"
    path.write_bytes(data)
    found, _, notes = told(path)
    monkeypatch.setattr(BlockReader, "read", line_by_line)
    expected, _, counted = told(path)
    assert (found, notes) == (expected, counted)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("open_text", [open_ftracetext, open_perfscript])
def test_garbage_is_an_error_or_counted(open_text: Callable[..., Recording], seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    data = bytearray(plain(rng.choice(NAMES))[:20_000])
    for _ in range(30):
        at = rng.randrange(len(data))
        data[at:at] = rng.choice((rng.randbytes(50), b"\0" * 500, b"9" * 30, b"f" * 17, b"CPU:99999999 [LOST 1 EVENTS]\n", b"x" * 5000))
    path = tmp_path / "trace.txt"
    path.write_bytes(data[: rng.randrange(len(data))])
    try:
        recording = open_text(path)
        recording.side_band()
        assert sum(batch.count for batch in recording.batches()) == recording.info.records_read
    except InputError:
        pass


def test_endless_lines_are_cut(tmp_path: Path) -> None:
    line = b"            bash-4319    [001] d....  2688.340177: page_fault_user: address=0x10 ip=0x20 error_code=0x7\n"
    recording = opened(tmp_path, b"# tracer: nop\n" + line + b"x" * 3_000_000 + b"\n" + line, text_bytes=1 << 16)
    assert [row[3] for row in rows(recording)] == ["exceptions:page_fault_user"] * 2
    assert recording.info.bytes_unread > 1_000_000


@given(st.lists(st.integers(0, (1 << 64) - 1), min_size=1, max_size=40))
def test_hexadecimal_numbers(numbers: list[int]) -> None:
    words = [f"{number:x}" for number in numbers]
    at = np.cumsum([0, *(len(word) + 1 for word in words[:-1])])
    value, digits = Text(" ".join(words).encode()).hexadecimal(at)
    assert (value.tolist(), digits.tolist()) == (numbers, [len(word) for word in words])


@given(st.lists(st.integers(0, 10**16 - 1), min_size=1, max_size=40))
def test_decimal_numbers(numbers: list[int]) -> None:
    words = [f"{number}" for number in numbers]
    at = np.cumsum([0, *(len(word) + 1 for word in words[:-1])])
    value, digits = Text("g".join(words).encode()).long_decimal(at)
    assert (value.tolist(), digits.tolist()) == (numbers, [len(word) for word in words])


def test_only_digits_are_digits() -> None:
    text, at = Text(bytes(range(256)) + b"x" * 8), np.arange(256)
    assert [chr(byte) for byte in np.flatnonzero(text.decimal(at)[1])] == list("0123456789")
    assert [chr(byte) for byte in np.flatnonzero(text.hexadecimal(at)[1])] == list("0123456789abcdef")
    assert np.flatnonzero(text.blanks(at)).tolist() == [0x20]
