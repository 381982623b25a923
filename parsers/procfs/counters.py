"""Files of one counter a line, read in arrays: what /proc/vmstat and /proc/meminfo have in common.

A snapshot ends where a mark stands, or where its first name comes again.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from cowtrace.errors import InputError
from cowtrace.parsers.base import SourceInfo
from cowtrace.parsers.procfs.batches import coded_column, stamp_columns
from cowtrace.parsers.procfs.blocks import Tally, read_blocks
from cowtrace.parsers.procfs.lines import Index, Lines, Mask, Words, read_lines
from cowtrace.parsers.procfs.marks import Mark, SnapshotOptions, Stamp, Stamps, read_marks
from cowtrace.parsers.procfs.naming import place_of
from cowtrace.parsers.procfs.scans import MAX_NAME_BYTES, ends_in_kb, intern_names, tail_numbers
from cowtrace.schema.column import Table


@dataclass(frozen=True, slots=True)
class CounterFormat:
    """How one such file looks.

    Attributes:
        name: Name of the format.
        table: Table of the store; its columns are ts_ns, snapshot_id, name and the value.
        separator: The byte after the name.
        names: What a name looks like.
        units: Lines may end in kB; a last line without a newline is whole if it does.
    """

    name: str
    table: Table
    separator: bytes
    names: re.Pattern[bytes]
    units: bool


class CounterReader:
    """One copy of a file of counters.

    Args:
        path: The file, plain or zstd.
        form: Its format.
        options: What the caller knows about it.

    Attributes:
        info: Counts and notes, complete once ``batches`` is exhausted. ``records_read`` counts counters.
    """

    def __init__(self, path: Path, form: CounterFormat, options: SnapshotOptions | None = None) -> None:
        self.info = SourceInfo(str(path), form.name)
        self._path = path
        self._form = form
        self._options = options or SnapshotOptions()
        self._stamps = Stamps(place_of(path), self._options)
        self._tally = Tally()
        self._schema = form.table.arrow()
        # The state between two pieces of the file.
        self._stamp: Stamp | None = None
        self._is_marked = True
        self._first_name = b""

    @property
    def snapshot_count(self) -> int:
        """Snapshots so far."""
        return self._stamps.count

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Rows of the table in file order, with ``snapshot_id`` from the option on.

        Raises:
            InputError: The file can't be opened, or no line of it is a counter.
        """
        blocks = read_blocks(self._path, self.info, self._tally, self._options.block_bytes)
        for lines in read_lines(blocks, grouped=False):
            batch = self._read(lines)
            if batch.num_rows:
                self.info.records_read += batch.num_rows
                yield batch
        if not self.info.records_read and self._tally.damaged:
            problem = f"no line of {self._form.name} was found in it"
            raise InputError(self._path, problem, hint=f"copy /proc/{self._form.name} again")
        self._stamps.describe(self.info)
        self._tally.describe(self.info)

    def _read(self, lines: Lines) -> pa.RecordBatch:
        if lines.is_cut:
            self._tally.add("the file ends within a line")
            if not (self._form.units and lines.data[: int(lines.ends[-1])].endswith(b" kB")):
                lines = lines.without_last()
        marks, is_apart = read_marks(lines, lines.ends > lines.starts)
        which, code, names, value = self._counters(lines, np.flatnonzero(~is_apart))
        stamp, stamps = self._snapshots(which, code, names, marks)
        columns = {
            **stamp_columns(stamps, stamp),
            "name": coded_column(code, names),
            self._form.table.names()[-1]: pa.array(value),
        }
        return pa.RecordBatch.from_arrays([columns[name] for name in self._schema.names], schema=self._schema)

    def _counters(self, lines: Lines, which: Index) -> tuple[Index, Index, list[bytes], Words]:
        """Counters among some lines: numbers of their lines, number of each name, the names, the values."""
        separators = np.append(np.flatnonzero(lines.buf == ord(self._form.separator)), len(lines.buf))
        starts, ends = lines.starts[which], lines.ends[which]
        gap = separators[np.searchsorted(separators, starts)]
        good: Mask = (gap > starts) & (gap < ends) & (gap - starts <= MAX_NAME_BYTES)
        high = np.where(ends_in_kb(lines, gap + 1, ends), ends - 3, ends) if self._form.units else ends
        low = np.minimum(gap + 1, high)
        value, is_number, too_large = tail_numbers(lines, low, high)
        good &= is_number
        self._tally.add("values beyond 64 bits", int(np.count_nonzero(good & too_large)))
        kept = good & ~too_large
        code, names = intern_names(lines, starts[kept], gap[kept])
        is_name = np.array([self._form.names.fullmatch(name) is not None for name in names], dtype=np.bool_)
        named = is_name[code]
        self._tally.add("lines that are no counter", int(np.count_nonzero(~good)) + int(np.count_nonzero(~named)))
        used, code = np.unique(code[named], return_inverse=True)
        return which[kept][named], code, [names[number] for number in used.tolist()], value[kept][named]

    def _snapshots(self, which: Index, code: Index, names: list[bytes], marks: list[tuple[int, Mark]]) -> tuple[Index, list[Stamp]]:
        """The snapshot of each counter, as a number in the list of stamps; that of the lines before comes first in it."""
        stamps = [] if self._stamp is None else [self._stamp]
        offset = len(stamps) - 1
        pending = deque((int(np.searchsorted(which, line)), mark) for line, mark in marks)
        follower = _next_of_same(code)
        first = [number for number, name in enumerate(names) if name == self._first_name]
        again = np.flatnonzero(code == first[0]) if first else code[:0]
        row = 0 if self._is_marked else int(again[0]) if len(again) else len(which)
        starts: list[int] = []
        while True:
            row = min(row, pending[0][0] if pending else len(which))
            while pending and pending[0][0] <= row:
                self._stamps.mark(pending.popleft()[1])
                self._is_marked = True
            if row == len(which):
                return np.searchsorted(starts, np.arange(len(which)), side="right") + offset, stamps
            self._stamp = self._stamps.begin("mark" if self._is_marked else "repeat")
            stamps.append(self._stamp)
            starts.append(row)
            self._is_marked, self._first_name = False, names[code[row]]
            row = int(follower[row])


def _next_of_same(code: Index) -> Index:
    """For each place the next one with the same number; the length of the array where there is none."""
    order = np.argsort(code, kind="stable")
    result: Index = np.full(len(code), len(code), dtype=np.int64)
    same = np.diff(code[order]) == 0
    result[order[:-1][same]] = order[1:][same]
    return result
