"""/proc/PID/mountinfo (fs/proc_namespace.c, show_mountinfo): the mounts that a process sees.

``36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue``

Between the mount options and the lone dash stand any number of optional fields. Blanks, tabs, newlines and backslashes in names, and
commas in the values of options, are printed in octal.
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

#: Columns of the table. Names are decoded; the options are as printed, since a comma in a value must stay apart from one between two.
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
