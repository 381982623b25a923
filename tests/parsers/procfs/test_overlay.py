"""Listings of upper layers, whole and damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import zstandard

from cowtrace.errors import InputError
from cowtrace.parsers.procfs import format_of
from cowtrace.parsers.procfs.overlay import COLUMNS, read_listing

HEAD = {"schema": "cowtrace.overlay/1", "mount": {"mount_id": 4, "upper": "/u"}, "start": {"unix_ns": 1_000_500, "mono_ns": 500}}


def write(path: Path, *lines: object) -> Path:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n"
    path.write_bytes(zstandard.compress(text.encode()))
    return path


def test_entries_have_every_column(tmp_path: Path) -> None:
    path = write(tmp_path / "4.changes.zst", HEAD, {"path": "a", "type": "file", "inode": 9, "size_bytes": 5, "copied": True})
    listing, info = read_listing(path)
    assert format_of(path) == "overlay"
    assert listing.mount["upper"] == "/u"
    assert listing.wall_offset_ns() == 1_000_000
    assert listing.entries.columns == list(COLUMNS)
    row = listing.entries.row(0, named=True)
    assert (row["path"], row["inode"], row["size_bytes"], row["copied"], row["metacopy"]) == ("a", 9, 5, True, None)
    assert (info.records_read, info.records_damaged) == (1, 0)


def test_lines_that_lie_are_counted_and_left_out(tmp_path: Path) -> None:
    good = {"path": "a", "type": "file"}
    bad = ["{", "[]", {"type": "file"}, {**good, "inode": -1}, {**good, "inode": 1 << 70}, {**good, "copied": 1}, {**good, "birth_ns": "x"}]
    bad.append({**good, "size_bytes": 1 << 60})
    listing, info = read_listing(write(tmp_path / "x", HEAD, *bad, good))
    assert (listing.entries["path"].to_list(), info.records_damaged) == (["a"], 8)


@pytest.mark.parametrize(
    "head", [{"schema": "cowtrace.overlay/1"}, {**HEAD, "schema": "cowtrace.overlay/2"}, {**HEAD, "mount": {"mount_id": "4"}}, "", "{"]
)
def test_another_first_line_is_refused(tmp_path: Path, head: object) -> None:
    with pytest.raises(InputError, match="expected"):
        read_listing(write(tmp_path / "x", head, {"path": "a", "type": "file"}))
