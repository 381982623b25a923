"""The events of a batch that matter to copy-ups: begins and ends of system calls, and what happens to files and pages between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.copyup.triggers import CALLS, NAMES, O_ACCMODE, O_CREAT, O_PATH, O_TRUNC, call_numbers
from cowtrace.parsers.base import EventBatch, EventDesc

#: Code of a call that can't copy anything up, such as an open for reading: it only ends the one before.
NOTHING = -1
_MOVABLE = 0x8  # ___GFP_MOVABLE, include/linux/gfp_types.h: pages of files and of user memory
_CODE = {name: code for code, name in enumerate(NAMES)}
_O_WRITES = O_ACCMODE | O_TRUNC | O_CREAT


@dataclass(slots=True)
class Marks:
    """Begins and ends of calls in row order; int64[n] each.

    ``code`` is a position in ``NAMES`` or NOTHING; ``value`` the open flags of a begin (-1: none, or not known) and the result of an end;
    ``first`` the first argument, which is the file descriptor of calls that take one.
    """

    row: Int
    code: Int
    is_begin: np.ndarray
    value: Int
    first: Int


@dataclass(slots=True)
class Touches:
    """Files touched, in row order; int64[n] each: inode, device (-1: not told), pages added to the page cache (0: made dirty)."""

    row: Int
    inode: Int
    dev: Int
    pages: Int


class MarkReader:
    """Finds them in batches.

    Args:
        events: Events of the recording.
        machine: ``uname -m`` of the machine that recorded; system call numbers depend on it.
    """

    def __init__(self, events: Sequence[EventDesc], machine: str | None) -> None:
        self._begins: list[tuple[EventDesc, int]] = []
        self._ends: list[tuple[EventDesc, int]] = []
        self._touching: list[EventDesc] = []
        self._allocating: list[EventDesc] = []
        self._raw: list[tuple[EventDesc, bool]] = []
        self._code_of = np.full(1024, NOTHING, np.int64)
        for number, code in call_numbers(machine or "").items():
            self._code_of[number] = code
        for event in events:
            self._take(event)

    def _take(self, event: EventDesc) -> None:
        # ftrace text names events without their system
        name = event.base_name.rpartition(":")[2]
        fields = {field.name for field in event.fields}
        if event.base_name in ("raw_syscalls:sys_enter", "raw_syscalls:sys_exit"):
            if fields >= {"id"} and (self._code_of >= 0).any():
                self._raw.append((event, name == "sys_enter"))
        elif name.startswith("sys_enter_") and name[10:] in _CODE:
            self._begins.append((event, _CODE[name[10:]]))
        elif name.startswith("sys_exit_") and name[9:] in _CODE:
            self._ends.append((event, _CODE[name[9:]]))
        elif name in ("mm_filemap_add_to_page_cache", "writeback_mark_inode_dirty") and fields & {"i_ino", "ino"}:
            self._touching.append(event)
        elif name == "mm_page_alloc" and fields >= {"order", "gfp_flags"}:
            self._allocating.append(event)

    @property
    def usable(self) -> bool:
        """True when calls were recorded from begin to end."""
        return bool(self._begins and self._ends) or {begin for _, begin in self._raw} == {True, False}

    @property
    def sees_inodes(self) -> bool:
        """True when files touched within a call are told by their inode."""
        return bool(self._touching)

    @property
    def sees_pages(self) -> bool:
        """True when pages allocated within a call are counted."""
        return bool(self._allocating)

    def marks(self, batch: EventBatch) -> Marks:
        """Begins and ends."""
        parts: list[tuple[Int, Int, np.ndarray, Int, Int]] = []
        for event, is_begin in self._raw:
            rows = batch.rows(event.index)
            number = batch.field(event.index, "id").astype(np.int64)
            known = (number >= 0) & (number < len(self._code_of))
            code = np.where(known, self._code_of[np.where(known, number, 0)], NOTHING)
            if is_begin:
                parts.append(self._begin(batch, event, rows, code, ("args[0]", "args[1]", "args[2]")))
            else:
                parts.append((rows, code, np.zeros(len(rows), np.bool_), self._field(batch, event, "ret"), np.zeros(len(rows), np.int64)))
        for event, one in self._begins:
            rows = batch.rows(event.index)
            names = tuple(
                field.name for field in event.fields if field.name not in ("__syscall_nr", "nr") and not field.name.startswith("common_")
            )
            parts.append(self._begin(batch, event, rows, np.full(len(rows), one), names))
        for event, one in self._ends:
            rows = batch.rows(event.index)
            ended = np.zeros(len(rows), np.bool_)
            parts.append((rows, np.full(len(rows), one), ended, self._field(batch, event, "ret"), np.zeros(len(rows), np.int64)))
        if not parts:
            empty = np.zeros(0, np.int64)
            return Marks(empty, empty, np.zeros(0, np.bool_), empty, empty)
        row, code, begin, value, first = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(row, kind="stable")
        return Marks(row[order], code[order], begin[order], value[order], first[order])

    def _begin(
        self, batch: EventBatch, event: EventDesc, rows: Int, code: Int, arguments: Sequence[str]
    ) -> tuple[Int, Int, np.ndarray, Int, Int]:
        flags = np.full(len(rows), -1, np.int64)
        for place in (1, 2):
            takes = np.array([call.flags == place for call in CALLS.values()] + [False])[code]
            if len(arguments) > place and takes.any():
                flags = np.where(takes, self._field(batch, event, arguments[place]), flags)
        flags[code == _CODE["creat"]] = O_CREAT | O_TRUNC | 1
        reads = (flags >= 0) & (((flags & _O_WRITES) == 0) | ((flags & O_PATH) != 0))
        first = self._field(batch, event, arguments[0]) if arguments else np.zeros(len(rows), np.int64)
        return rows, np.where(reads, NOTHING, code), np.ones(len(rows), np.bool_), flags, first

    def touches(self, batch: EventBatch) -> Touches:
        """Files added to the page cache or made dirty."""
        parts: list[tuple[Int, Int, Int, Int]] = []
        for event in self._touching:
            rows = batch.rows(event.index)
            cached = event.find_field("i_ino") is not None
            inode = self._field(batch, event, "i_ino" if cached else "ino")
            dev = self._field(batch, event, "s_dev") if cached else np.full(len(rows), -1, np.int64)
            order = self._field(batch, event, "order") if cached and event.find_field("order") else np.zeros(len(rows), np.int64)
            parts.append((rows, inode, dev, np.int64(1) << np.clip(order, 0, 20) if cached else np.zeros(len(rows), np.int64)))
        row, inode, dev, pages = (np.concatenate(c) for c in zip(*parts, strict=True)) if parts else [np.zeros(0, np.int64)] * 4
        order = np.argsort(row, kind="stable")
        return Touches(row[order], inode[order], dev[order], pages[order])

    def allocations(self, batch: EventBatch) -> tuple[Int, Int]:
        """Rows that allocate pages of files or user memory, and how many pages each."""
        parts = []
        for event in self._allocating:
            movable = (self._field(batch, event, "gfp_flags") & _MOVABLE) != 0
            order = np.clip(self._field(batch, event, "order"), 0, 20)
            parts.append((batch.rows(event.index)[movable], np.int64(1) << order[movable]))
        if not parts:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        row, pages = (np.concatenate(column) for column in zip(*parts, strict=True))
        return row, pages

    @staticmethod
    def _field(batch: EventBatch, event: EventDesc, name: str) -> Int:
        field = event.find_field(name)
        if field is None or field.kind != "int":
            return np.zeros(len(batch.rows(event.index)), np.int64)
        return batch.field(event.index, name).astype(np.int64, copy=False)
