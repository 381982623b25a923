"""What ``cowtrace record --overlay`` lists of an overlay's upper layer: one mount a file, JSON lines, plain or zstd.

The first line describes the mount and both listings::

    {"schema": "cowtrace.overlay/1", "mount": {...}, "start": {"unix_ns": ..., "mono_ns": ...}, "end": {...},
     "before": {"entries": ..., "bytes": ...}, "after": {...}, "removed": {...}, "complete": true}

Each other line is an entry that is new or changed since the first listing. Unchanged entries are only counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from cowtrace.errors import InputError
from cowtrace.parsers.base import Note, SourceInfo
from cowtrace.parsers.procfs.blocks import Tally, read_blocks

SCHEMA = "cowtrace.overlay/1"
#: A line holds a path and at most a few dozen small values.
MAX_LINE_BYTES = 256 << 10
_BLOCK_BYTES = 1 << 20
_INT64_MAX = (1 << 63) - 1
#: No file is larger; sums of sizes stay within 64 bits.
_MOST_BYTES = 1 << 53
#: Times beyond are none.
_MOST_NS = 1 << 62
#: Facts about the mount, and what they must be when they are there.
_MOUNT_TYPES: dict[str, type] = {
    "mount_id": int,
    "mount_point": str,
    "upper": str,
    "upper_dev": str,
    "upper_fs": str,
    "metacopy": bool,
    "volatile": bool,
    "lower": list,
}

#: Columns of an entry; all but path and type may be NULL. Sizes in bytes, ``alloc`` counts the blocks on disk.
COLUMNS: dict[str, Any] = {
    "path": pl.String,  # below the mount point, without a leading slash
    "type": pl.String,  # file, dir, link, whiteout, other
    "inode": pl.UInt64,
    "dev": pl.String,  # of the upper file system, major:minor
    "size_bytes": pl.Int64,
    "alloc_bytes": pl.Int64,
    "mtime_ns": pl.Int64,  # times since 1970
    "ctime_ns": pl.Int64,
    "birth_ns": pl.Int64,
    "copied": pl.Boolean,  # it came from a lower layer; NULL: the attributes could not be read
    "metacopy": pl.Boolean,  # its data is still in the lower layer
    "redirect": pl.String,
    "before_inode": pl.UInt64,  # NULL: it was not in the upper layer before
    "before_size_bytes": pl.Int64,
    "before_metacopy": pl.Boolean,
    "lower_size_bytes": pl.Int64,
    "lower_alloc_bytes": pl.Int64,
    "lower_inode": pl.UInt64,
    "differs": pl.String,  # from the lower file: mode, owner, size, mtime, content; joined by '|'
    "changed_bytes": pl.Int64,  # bytes of data that differ from the lower file
}


@dataclass(frozen=True, slots=True)
class Listing:
    """One mount: ``mount`` and ``facts`` as in the first line, and its entries with the columns of ``COLUMNS``."""

    mount: dict[str, Any]
    facts: dict[str, Any]
    entries: pl.DataFrame

    def wall_offset_ns(self) -> int | None:
        """What to add to CLOCK_MONOTONIC for nanoseconds since 1970, as it was when the first listing was made."""
        moment = self.facts.get("start")
        if isinstance(moment, dict) and all(isinstance(moment.get(name), int) for name in ("unix_ns", "mono_ns")):
            offset = int(moment["unix_ns"]) - int(moment["mono_ns"])
            return offset if abs(offset) < _MOST_NS else None
        return None


def sniff(head: bytes) -> bool:
    """True for a listing."""
    return head.startswith(b'{"schema": "' + SCHEMA.rpartition("/")[0].encode() + b"/")


def read_listing(path: Path) -> tuple[Listing, SourceInfo]:
    """Read one listing.

    Raises:
        InputError: The file can't be opened, or its first line is not what it should be.
    """
    info, tally = SourceInfo(str(path), "overlay"), Tally()
    lines = _lines(path, info, tally)
    head = _object(next(lines, b""))
    if head is None or not isinstance(head.get("mount"), dict):
        raise InputError(path, "expected the listing of an overlay mount, found no description of a mount in its first line")
    _check_mount(path, head["mount"])
    if head.get("schema") != SCHEMA:
        raise InputError(path, f"expected {SCHEMA}, found {str(head.get('schema'))[:80]!r}", hint="read it with a newer cowtrace")
    rows = []
    for line in lines:
        row = _row(_object(line))
        if row is None:
            tally.add("lines that are no entry of a listing")
        else:
            rows.append(row)
    info.records_read = len(rows)
    tally.describe(info)
    if not head.get("complete", True):
        info.notes.append(Note("the upper layer was too large to be listed whole: what it lacks is not explained"))
    return Listing(head["mount"], head, pl.DataFrame(rows, schema=COLUMNS, orient="row")), info


def _lines(path: Path, info: SourceInfo, tally: Tally) -> Iterator[bytes]:
    rest = b""
    for block in read_blocks(path, info, tally, _BLOCK_BYTES):
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            if line:
                yield line
        if len(rest) > MAX_LINE_BYTES:
            tally.add("lines that are no entry of a listing")
            rest = b""
    if rest:
        yield rest


def _object(line: bytes) -> dict[str, Any] | None:
    if len(line) > MAX_LINE_BYTES:
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _row(entry: dict[str, Any] | None) -> tuple[Any, ...] | None:
    """The values of an entry in the order of ``COLUMNS``; None when one is not of its type."""
    if entry is None or not isinstance(entry.get("path"), str) or not isinstance(entry.get("type"), str):
        return None
    values = [entry.get(name) for name in COLUMNS]
    for value, kind in zip(values, COLUMNS.values(), strict=True):
        if value is not None and not _fits(value, kind):
            return None
    if any(name.endswith("_bytes") and value is not None and value > _MOST_BYTES for name, value in zip(COLUMNS, values, strict=True)):
        return None
    return tuple(values)


def _fits(value: Any, kind: Any) -> bool:
    if kind in (pl.String, pl.Boolean):
        return isinstance(value, str if kind == pl.String else bool)
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _INT64_MAX


def _check_mount(path: Path, mount: dict[str, Any]) -> None:
    for name, kind in _MOUNT_TYPES.items():
        value: Any = mount.get(name)
        fits = type(value) is kind and (not isinstance(value, int) or 0 <= value < _MOST_BYTES)
        if value is not None and not fits:
            raise InputError(path, f"expected {name} of the mount as {kind.__name__}, found {str(value)[:80]!r}")
