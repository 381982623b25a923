"""Where a renamed copy came from, by the file handle in its ``origin`` attribute."""

from __future__ import annotations

import os
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from cowtrace.recording.overlay.compare import left_behind, lower_entry
from cowtrace.recording.overlay.tree import entry_at, inode_of


def handle(kind: int, words: bytes, flags: int = 0) -> bytes:
    return struct.pack("<BBBBB16s", 0, 0xFB, 21 + len(words), flags, kind, b"\0" * 16) + words


@pytest.mark.parametrize(
    ("raw", "inode"),
    [
        (handle(1, struct.pack("<II", 1234, 99)), 1234),
        (handle(1, struct.pack("<III", 99, 1234, 1)), 1234 + (1 << 32)),
        (handle(0x81, struct.pack("<QI", 1 << 40, 99)), 1 << 40),
        (handle(1, struct.pack(">II", 1234, 99), flags=1), None),
        (handle(0x4D, bytes(20)), None),
        (b"", None),
        (b"\0\xfb", None),
    ],
)
def testinode_of_a_handle(raw: bytes, inode: int | None) -> None:
    assert inode_of(raw) == inode


def test_a_renamed_file_is_found_where_its_whiteout_lies(tmp_path: Path) -> None:
    for path in ("lower/d/old", "upper/new"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"same")
    lower = os.fsencode(tmp_path / "lower")
    inode = (tmp_path / "lower/d/old").stat().st_ino
    copy = replace(entry_at(os.fsencode(tmp_path / "upper/new"), b"new"), copied=True, origin_inode=inode)
    whiteout = replace(copy, path=b"d/old", type="whiteout")
    left = left_behind([copy, whiteout], [lower])
    assert left == {inode: b"d/old"}
    found = lower_entry(copy, [lower], left)
    assert found is not None
    assert (found[1].path, found[1].inode) == (b"d/old", inode)
    assert lower_entry(copy, [lower], {}) is None
