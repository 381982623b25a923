"""/proc/PID/smaps and smaps_rollup of any kernel since 4.4, also many snapshots in one file.

Every field goes by its name; what a kernel does not print is NULL. A field is stored only when it is certain which mapping it belongs
to: a line that can't be read, or a field that comes twice, means that bytes are missing there, so everything up to the next mapping
line is counted and dropped, never given to the mapping before it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from cowtrace.errors import InputError
from cowtrace.parsers.base import Note, SourceInfo
from cowtrace.parsers.procfs.batches import coded_column, label_column, stamp_columns
from cowtrace.parsers.procfs.blocks import Tally, read_blocks
from cowtrace.parsers.procfs.fields import KNOWN_NAMES, FieldNames
from cowtrace.parsers.procfs.lines import Index, Mask, read_lines
from cowtrace.parsers.procfs.marks import SnapshotOptions, Stamp, Stamps
from cowtrace.parsers.procfs.naming import place_of
from cowtrace.parsers.procfs.smaps_rows import Rows, read_rows

# 55d87a5b7000-55d87a5b8000 r--p 00000000 fe:00 2238827                    /usr/bin/perf
# Size:                  4 kB
_START = re.compile(
    rb"^[0-9a-f]+-[0-9a-f]+ [r-][w-][x-][sp] [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ \d+(?: [^\n]*)?\r?\n"
    rb"[A-Z][!-9;-~]*:[ \t]*\d+(?: kB)?\r?$",
    re.MULTILINE,
)
_FIELD = re.compile(rb"(?:" + b"|".join(sorted(KNOWN_NAMES)) + rb"):[ \t]*\d+(?: kB)?\r?$")
_CUT = "snapshots that end within a mapping"


def sniff(head: bytes) -> bool:
    """True for smaps and smaps_rollup, also after ``# time`` lines and when the beginning is cut off."""
    if _START.search(head) is None:
        return False
    first = next(line for line in head.split(b"\n") if line.strip() and not line.startswith((b"#", b"=")))
    return not first[:1].isupper() or _FIELD.match(first) is not None


class SmapsReader:
    """One copy of smaps or smaps_rollup.

    Args:
        path: The file, plain or zstd.
        options: What the caller knows about it.
        names: Columns of unknown fields, shared between the files of one table.

    Attributes:
        info: Counts and notes, complete once ``batches`` is exhausted. ``records_read`` counts mappings and rollups.
        snapshot_count: Snapshots so far.
    """

    def __init__(self, path: Path, options: SnapshotOptions | None = None, names: FieldNames | None = None) -> None:
        self.info = SourceInfo(str(path), "smaps")
        self.names = names or FieldNames()
        self._path = path
        self._options = options or SnapshotOptions()
        self._stamps = Stamps(place_of(path), self._options)
        self._tally = Tally()
        # The state between two pieces of the file.
        self._stamp: Stamp | None = None
        self._is_marked = True
        self._forms: set[bool] = set()
        self._was_rollup = False
        self._previous_end = np.uint64(0)
        self._previous_count = 0
        self._shrank = False

    @property
    def snapshot_count(self) -> int:
        """Snapshots so far."""
        return self._stamps.count

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Rows of table ``smaps`` in file order, with ``snapshot_id`` from the option on; the schema grows with
        ``names``.

        Raises:
            InputError: The file can't be opened, or nothing in it has the form of smaps.
        """
        blocks = read_blocks(self._path, self.info, self._tally, self._options.block_bytes)
        is_cut = False
        for lines in read_lines(blocks, grouped=True):
            is_cut = lines.is_cut
            rows = read_rows(lines, self.names, self._tally)
            which, stamps = self._snapshots(rows)
            if len(which):
                self.info.records_read += len(which)
                yield self._batch(rows, which, stamps)
        self._finish(is_cut)

    def _snapshots(self, rows: Rows) -> tuple[Index, list[Stamp]]:
        """The snapshot of each mapping, as a number in the list of stamps; that of the rows before comes first in it."""
        mappings, count = rows.mappings, len(rows.lines)
        is_rollup = np.append(self._was_rollup, rows.is_rollup)
        end_addr = np.append(self._previous_end, mappings.end_addr)
        # The kernel walks upwards (m_start, m_next): a mapping that does not reach beyond the one before is of another walk.
        is_new = is_rollup[1:] | (is_rollup[1:] != is_rollup[:-1]) | (end_addr[1:] <= end_addr[:-1])
        is_new[:1] |= self._is_marked
        next_rows: Index = np.searchsorted(rows.lines, [line for line, _ in rows.marks])
        is_new[next_rows[next_rows < count]] = True
        stamps = [] if self._stamp is None else [self._stamp]
        which = np.cumsum(is_new) - 1 + len(stamps)
        marks = deque(zip(next_rows.tolist(), (mark for _, mark in rows.marks), strict=True))
        for row in [*np.flatnonzero(is_new).tolist(), count]:
            while marks and marks[0][0] <= row:
                self._stamps.mark(marks.popleft()[1])
                self._is_marked = True
            if row < count:
                stamps.append(self._begin(bool(is_rollup[row + 1])))
        if count:
            self._count_cuts(rows.field_counts, is_new)
            self._stamp = stamps[-1]
            self._previous_end, self._was_rollup = end_addr[-1], bool(is_rollup[-1])
        return which, stamps

    def _begin(self, is_rollup: bool) -> Stamp:
        is_other_form = is_rollup not in self._forms
        why: Literal["mark", "form", "repeat"] = "mark" if self._is_marked else "form" if is_other_form else "repeat"
        self._forms = self._forms | {is_rollup} if why == "form" else {is_rollup}
        self._is_marked = False
        return self._stamps.begin(why)

    def _count_cuts(self, field_counts: Index, is_new: Mask) -> None:
        """Count the snapshots that end in a mapping with fewer fields than the one before it: the process exited meanwhile."""
        counts = np.append(self._previous_count, field_counts)
        shrank = np.append(self._shrank, (counts[1:] < counts[:-1]) & ~is_new)
        self._tally.add(_CUT, int(np.count_nonzero(shrank[:-1] & is_new)))
        self._previous_count, self._shrank = int(counts[-1]), bool(shrank[-1])

    def _batch(self, rows: Rows, which: Index, stamps: list[Stamp]) -> pa.RecordBatch:
        mappings = rows.mappings
        perms, perms_code = np.unique(mappings.perms, return_inverse=True)
        dev, dev_code = np.unique(mappings.major << np.uint64(32) | mappings.minor, return_inverse=True)
        columns: dict[str, pa.Array] = {
            **stamp_columns(stamps, which),
            "form": coded_column(rows.is_rollup, [b"smaps", b"rollup"]),
            "start_addr": pa.array(mappings.start_addr),
            "end_addr": pa.array(mappings.end_addr),
            "perms": coded_column(perms_code, [number.to_bytes(4, "little") for number in perms.tolist()]),
            "pgoff": pa.array(mappings.pgoff),
            "dev": coded_column(dev_code, [b"%02x:%02x" % divmod(number, 1 << 32) for number in dev.tolist()]),
            "inode": pa.array(mappings.inode),
            "path": label_column(path or None for path in mappings.paths),
            "vm_flags": label_column(rows.flags),
        }
        for number, column in enumerate(rows.columns):
            columns[column] = pa.array(rows.values[number], mask=~rows.valid[number])
        schema = self.names.schema()
        for field in schema:
            if field.name not in columns:
                columns[field.name] = pa.nulls(len(which), field.type)
        return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)

    def _finish(self, is_cut: bool) -> None:
        info = self.info
        if self._shrank and not is_cut:
            self._tally.add(_CUT)
        if not info.records_read and self._tally.damaged:
            raise InputError(
                self._path,
                "no mapping line of smaps was found in it",
                hint="copy /proc/PID/smaps or /proc/PID/smaps_rollup again",
            )
        if not info.records_read:
            info.notes.append(Note("no mapping in it: a kernel thread, or the process had exited"))
        self._stamps.describe(info)
        if self._stamps.unowned:
            info.notes.append(Note("snapshots of an unknown process: put its pid in the file name", self._stamps.unowned))
        self._tally.describe(info)
