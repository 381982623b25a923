"""Processes and threads told apart where a recording names only tids: ftrace without record-tgid and without ``task:task_newtask``.

``sched_process_fork`` says who was born, not whether as a thread. What follows does. A forked child shares its pages with its parent, so
it soon writes to pages that are there but read-only, first of all in the kernel itself (kernel/sched/core.c: schedule_tail stores the
child's tid, error code 3), and it fetches code anew, as page tables of text are not copied (mm/memory.c: vma_needs_copy). A new thread
has all pages of its process and begins on a stack of its own, which is not there yet. Where nothing tells, the group stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from cowtrace.attribution.asof import AsOf, Int
from cowtrace.parsers.base import Array, EventBatch, EventDesc, Recording, SideBand, SourceInfo

_EXCEPTIONS = ("exceptions:page_fault_user", "exceptions:page_fault_kernel")
_EXIT = "sched:sched_process_exit"
_X86_PROT, _X86_WRITE, _X86_INSTR = 1, 2, 16  # arch/x86/include/asm/trap_pf.h
#: Faults of a new task that are looked at.
_FIRST = 8
_UNKNOWN = -1


class Regrouped:
    """A recording whose unknown thread groups are filled in as far as its events tell; otherwise as it was.

    Args:
        recording: Its side band was read.
        side: That side band.

    Attributes:
        info, events: Those of the recording.
    """

    def __init__(self, recording: Recording, side: SideBand) -> None:
        self._recording = recording
        self.info: SourceInfo = recording.info
        self.events: Sequence[EventDesc] = recording.events
        births = side.fork.filter((pl.col("tgid") < 0) & (pl.col("tid") > 0)).sort("ts_ns", "seq")
        self._tid, self._ts, self._parent, self._parent_group = (
            births[name].to_numpy().astype(np.int64) for name in ("tid", "ts_ns", "parent_tid", "parent_tgid")
        )
        self._group = self._decide()
        self._asof = AsOf(np.maximum(self._tid, 0), self._ts)
        self._side = _filled(side, self.find)

    def side_band(self) -> SideBand:
        """The side band with the groups found."""
        return self._side

    def function_names(self, values: Array, *, within_bytes: int = 32) -> list[str]:
        """As of the recording."""
        return self._recording.function_names(values, within_bytes=within_bytes)

    def batches(self) -> Iterator[EventBatch]:
        """Batches with the groups found."""
        for batch in self._recording.batches():
            tgid, tid = batch.columns.get("tgid"), batch.columns.get("tid")
            if tgid is not None and tid is not None and (tgid < 0).any():
                at = np.flatnonzero(tgid < 0)
                tgid = tgid.copy()
                tgid[at] = self.find(tid[at].astype(np.int64), batch.columns["ts_ns"][at])
                batch.columns["tgid"] = tgid
            yield batch

    def find(self, tid: Int, ts_ns: Int) -> Int:
        """Group of threads at times, -1 where it is not known."""
        row = self._asof.find(np.maximum(tid, 0), ts_ns)
        return np.where(row >= 0, self._group[np.maximum(row, 0)], _UNKNOWN) if len(self._group) else np.full(len(tid), _UNKNOWN)

    def _decide(self) -> Int:
        """Group of each birth."""
        first, alone = self._evidence()
        # a task of which nothing at all is recorded is one that was not traced: a process, as threads are traced with theirs
        alone |= {place for place, tid in enumerate(self._tid.tolist()) if tid not in self._seen}
        group = np.full(len(self._tid), _UNKNOWN)
        of_tid: dict[int, int] = {}
        for place, tid in enumerate(self._tid.tolist()):
            is_process = True if place in alone else _is_process(first.get(place, []))
            parent = int(self._parent_group[place])
            parent = of_tid.get(int(self._parent[place]), parent) if parent < 0 else parent
            group[place] = tid if is_process else parent if is_process is False else _UNKNOWN
            of_tid[tid] = int(group[place])
        return group

    def _evidence(self) -> tuple[dict[int, list[int]], set[int]]:
        """First error codes after each birth, kernel mode as it is; and births that died as the last thread of a group of their own."""
        events = {event.index: event for event in self.events if event.name in (*_EXCEPTIONS, _EXIT)}
        first: dict[int, list[int]] = {}
        alone: set[int] = set()
        last_seen = AsOf(np.maximum(self._tid, 0), self._ts)
        self._seen: set[int] = set()
        for batch in self._recording.batches():
            tid, ts = batch.columns["tid"].astype(np.int64), batch.columns["ts_ns"]
            self._seen.update(np.intersect1d(tid, self._tid).tolist())
            found: list[tuple[int, int, int]] = []
            for event in events.values():
                rows = batch.rows(event.index)
                ours = np.flatnonzero(np.isin(tid[rows], self._tid))
                if not len(ours):
                    continue
                birth = last_seen.find(tid[rows[ours]], ts[rows[ours]])
                names = {field.name for field in event.fields}
                if event.name == _EXIT:
                    if "group_dead" in names:
                        dead = batch.field(event.index, "group_dead")[ours].astype(np.int64) == 1
                        alone.update(birth[dead & self._outlived(birth, ts[rows[ours]], batch)].tolist())
                    continue
                address = batch.field(event.index, "address")[ours].astype(np.uint64)
                code = batch.field(event.index, "error_code")[ours].astype(np.int64)
                user = (address < np.uint64(1 << 63)) & (birth >= 0)
                found += zip(rows[ours][user].tolist(), birth[user].tolist(), code[user].tolist(), strict=True)
            for _, birth_row, code_of in sorted(found):
                codes = first.setdefault(birth_row, [])
                if len(codes) < _FIRST:
                    codes.append(code_of)
        return first, alone - {-1}

    def _outlived(self, birth: Int, ts: Int, batch: EventBatch) -> np.ndarray:
        """bool: the parent of each birth still ran after the time, in this batch."""
        tid, when = batch.columns["tid"].astype(np.int64), batch.columns["ts_ns"]
        parents = self._parent[np.maximum(birth, 0)]
        last = {parent: int(when[tid == parent].max(initial=-1)) for parent in np.unique(parents).tolist()}
        return np.array([last[parent] > at for parent, at in zip(parents.tolist(), ts.tolist(), strict=True)], np.bool_)


def _is_process(codes: list[int]) -> bool | None:
    """From the error codes of a new task's first faults; None without any."""
    if not codes:
        return None
    shared_write = _X86_PROT | _X86_WRITE
    if codes[0] == shared_write:
        return True
    begins_so = codes[0] & shared_write == shared_write or bool(codes[0] & _X86_INSTR)
    return begins_so and any(code & _X86_INSTR for code in codes) and any(code & shared_write == shared_write for code in codes)


def _filled(side: SideBand, find: Any) -> SideBand:
    """The tables with unknown groups filled in."""

    def fill(table: pl.DataFrame) -> pl.DataFrame:
        tgid, tid, ts = (table[name].to_numpy().astype(np.int64) for name in ("tgid", "tid", "ts_ns"))
        return table.with_columns(pl.Series("tgid", np.where(tgid < 0, find(tid, ts), tgid), pl.Int32))

    fork = fill(side.fork)
    parent, parent_tid, ts = (fork[name].to_numpy().astype(np.int64) for name in ("parent_tgid", "parent_tid", "ts_ns"))
    fork = fork.with_columns(pl.Series("parent_tgid", np.where(parent < 0, find(parent_tid, ts), parent), pl.Int32))
    # births of unknown kind would count as processes of nobody
    fork = fork.filter(pl.col("tgid") >= 0)
    return replace(side, comm=fill(side.comm), fork=fork, exit=fill(side.exit))


def regrouped(recording: Recording, side: SideBand) -> tuple[Recording, SideBand]:
    """The recording and its side band, with unknown thread groups filled in as far as its events tell."""
    if not len(side.fork) or not (side.fork["tgid"] < 0).any():
        return recording, side
    told: Recording = Regrouped(recording, side)
    return told, told.side_band()
