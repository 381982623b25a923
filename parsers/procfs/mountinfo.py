"""/proc/PID/mountinfo (fs/proc_namespace.c, show_mountinfo): the mounts that a process sees.

``36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue``

Between the mount options and the lone dash stand any number of optional fields. Blanks, tabs, newlines and backslashes
in names, and commas in the values of options, are printed in octal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from cowtrace.errors import InputError
from cowtrace.parsers.base import SourceInfo
from cowtrace.parsers.procfs.blocks import Tally, read_blocks
from cowtrace.parsers.procfs.lines import MAX_LINE_BYTES, read_lines
from cowtrace.parsers.procfs.marks import SnapshotOptions, Stamps, parse_mark
from cowtrace.parsers.procfs.naming import place_of
from cowtrace.parsers.procfs.sniffing import content_lines
from cowtrace.text import decode_name

#: Columns of the table. Names are decoded; the options are as printed, since a comma in a value must stay apart from
# one between two.
SCHEMA: dict[str, Any] = {
    "ts_ns": pl.Int64,
    "tgid": pl.Int32,
    "snapshot_id": pl.Int64,
    "mount_id": pl.Int64,
    "parent_id": pl.Int64,
    "dev": pl.String,
    "root": pl.String,
    "mount_point": pl.String,
    "mount_options": pl.String,
    "optional_fields": pl.List(pl.String),
    "fs_type": pl.String,
    "source": pl.String,
    "super_options": pl.String,
}

_LINE = re.compile(
    rb"(?P<mount_id>\d{1,18}) (?P<parent_id>\d{1,18}) (?P<dev>\d{1,10}:\d{1,10}) (?P<root>\S+) (?P<mount_point>\S+)"
    rb" (?P<mount_options>\S+)(?P<optional>(?: \S+)*?) - (?P<fs_type>\S+) (?P<source>\S*) (?P<super_options>\S*)\s*"
)
_OCTAL = re.compile(rb"\\([0-3][0-7]{2})")


def sniff(head: bytes) -> bool:
    """True for mountinfo."""
    lines = content_lines(head)
    return bool(lines) and all(_LINE.fullmatch(line) for line in lines[:3])


def unescape(text: bytes) -> bytes:
    r"""Octal escapes undone: ``b'with\040blank' -> b'with blank'``."""
    return _OCTAL.sub(lambda match: bytes([int(match[1], 8)]), text)


def split_options(text: str) -> list[tuple[str, str | None]]:
    """The options of ``super_options`` in order, values decoded; None for an option without one, such as ``ro``.

    overlay names some options more than once, so this is no mapping.
    """
    options: list[tuple[str, str | None]] = []
    for option in text.split(","):
        name, equals, value = option.partition("=")
        options.append((_decode(name.encode()), _decode(value.encode()) if equals else None))
    return options


def read_mountinfo(path: Path, options: SnapshotOptions | None = None) -> tuple[pl.DataFrame, SourceInfo]:
    """The mounts in one copy, plain or zstd, with the columns of ``SCHEMA`` in file order.

    A mount id that comes again starts another snapshot, as a mark does.

    Raises:
        InputError: The file can't be opened, or no line of it is a mount.
    """
    options = options or SnapshotOptions()
    info, tally, stamps = SourceInfo(str(path), "mountinfo"), Tally(), Stamps(place_of(path), options)
    rows: list[tuple[Any, ...]] = []
    seen: set[int] = set()
    stamp = None
    for line in _whole_lines(path, info, tally, options):
        match = _LINE.fullmatch(line)
        if match is None:
            mark = parse_mark(line)
            if mark is not None:
                stamps.mark(mark)
                stamp = None
            elif not line.startswith((b"#", b"=")):
                tally.add("lines that are no mount")
            continue
        mount_id = int(match["mount_id"])
        if stamp is None or mount_id in seen:
            stamp = stamps.begin("mark" if stamp is None else "repeat")
            seen.clear()
        seen.add(mount_id)
        fields = [decode_name(field) for field in match["optional"].split()]
        names = (_decode(match[name]) for name in ("dev", "root", "mount_point", "mount_options"))
        tail = (_decode(match["fs_type"]), _decode(match["source"]), decode_name(match["super_options"]))
        rows.append((stamp.ts_ns, stamp.tgid, stamp.snapshot_id, mount_id, int(match["parent_id"]), *names, fields, *tail))
    if not rows and tally.damaged:
        raise InputError(path, "no line of mountinfo was found in it", hint="copy /proc/PID/mountinfo again")
    info.records_read = len(rows)
    stamps.describe(info)
    tally.describe(info)
    return pl.DataFrame(rows, schema=SCHEMA, orient="row"), info


def _whole_lines(path: Path, info: SourceInfo, tally: Tally, options: SnapshotOptions) -> Iterator[bytes]:
    for lines in read_lines(read_blocks(path, info, tally, options.block_bytes), grouped=False):
        whole = lines
        if lines.is_cut:
            tally.add("the file ends within a line")
            whole = lines.without_last()
        for low, high in zip(whole.starts.tolist(), whole.ends.tolist(), strict=True):
            yield lines.data[low : min(high, low + MAX_LINE_BYTES)]


def _decode(text: bytes) -> str:
    return decode_name(unescape(text))
