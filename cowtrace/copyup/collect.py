"""System calls that may have copied a file up, with what happened inside each: gathered over the batches of a recording."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.copyup.chains import ChainMarks
from cowtrace.copyup.marks import NOTHING, MarkReader, Marks
from cowtrace.parsers.base import EventBatch

#: Pages allocated within one call that may be the copy of a file: a path, a folder and a small file need fewer.
MANY_PAGES = 16


def _none() -> Int:
    return np.zeros(0, np.int64)


@dataclass(slots=True)
class Calls:
    """Completed calls; int64[n] each, ordered by ``number``, which grows with the time of the begin.

    ``flags`` -1: none known; ``pages``: file or user pages allocated within; ``chain``: bits of ``chains``; ``cgroup`` 0: not recorded.
    """

    number: Int = field(default_factory=_none)
    tid: Int = field(default_factory=_none)
    tgid: Int = field(default_factory=_none)
    start_ns: Int = field(default_factory=_none)
    end_ns: Int = field(default_factory=_none)
    code: Int = field(default_factory=_none)
    flags: Int = field(default_factory=_none)
    ret: Int = field(default_factory=_none)
    first: Int = field(default_factory=_none)
    cgroup: Int = field(default_factory=_none)
    pages: Int = field(default_factory=_none)
    chain: Int = field(default_factory=_none)

    def __len__(self) -> int:
        return len(self.number)

    def take(self, index: np.ndarray) -> Calls:
        """Some of them."""
        return Calls(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def and_then(self, other: Calls) -> Calls:
        """Both."""
        return Calls(**{f.name: np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)})


@dataclass(slots=True)
class Inside:
    """Files touched within calls, one row a call and file: int64[n] each; ``dev`` -1: not told; ``pages`` added to the page cache."""

    number: Int = field(default_factory=_none)
    inode: Int = field(default_factory=_none)
    dev: Int = field(default_factory=_none)
    pages: Int = field(default_factory=_none)


class CallCollector:
    """Pairs begins with ends per thread, batch after batch, and keeps the calls that may matter.

    Args:
        reader: Finds the events.
        chains: Tells chains of copy-ups.
        births: Times (of the recording) at which the listing says copies were made, sorted.
        inodes: Inodes of copies in the listing, sorted.
        tick_ns: How much a birth may be told too early (the kernel's coarse clock).
    """

    def __init__(self, reader: MarkReader, chains: ChainMarks, *, births: Int, inodes: Int, tick_ns: int) -> None:
        self._reader, self._chains = reader, chains
        self._births, self._inodes, self._tick_ns = births, inodes, tick_ns
        self._open = Calls()
        self._next = 0
        self._kept: list[Calls] = []
        self._inside: list[Inside] = []
        self._touching = _none()

    def add(self, batch: EventBatch, stack: Int | None) -> None:
        """Take a batch; ``stack`` are the stack numbers of its rows."""
        if not self._reader.usable or not batch.count:
            return
        marks = self._reader.marks(batch)
        if not len(marks.row) and not len(self._open):
            return
        begun, timeline = self._begin(batch, marks)
        touched = self._gather(batch, begun, timeline, stack)
        self._end(batch, marks, begun, timeline, touched)

    def calls(self) -> Calls:
        """The calls kept, in order of their numbers."""
        calls = Calls()
        for part in self._kept:
            calls = calls.and_then(part)
        return calls.take(np.argsort(calls.number, kind="stable"))

    def inside(self, calls: Calls) -> Inside:
        """Files touched within these calls; a call that began in an earlier batch has one row for a file all the same."""
        found = _summed([part for part in self._inside if len(part.number)])
        keep = np.isin(found.number, calls.number)
        return Inside(found.number[keep], found.inode[keep], found.dev[keep], found.pages[keep])

    def _begin(self, batch: EventBatch, marks: Marks) -> tuple[Calls, _Timeline]:
        columns = batch.columns
        begin, end = np.flatnonzero(marks.is_begin), np.flatnonzero(~marks.is_begin)
        row, count = marks.row[begin], len(begin)
        fresh = Calls(
            number=self._next + np.arange(count),
            tid=columns["tid"][row].astype(np.int64),
            tgid=columns["tgid"][row].astype(np.int64),
            start_ns=columns["ts_ns"][row].astype(np.int64),
            end_ns=np.zeros(count, np.int64),
            code=marks.code[begin],
            flags=marks.value[begin],
            ret=np.zeros(count, np.int64),
            first=marks.first[begin],
            cgroup=columns["cgroup_id"][row].view(np.int64) if "cgroup_id" in columns else np.zeros(count, np.int64),
            pages=np.zeros(count, np.int64),
            chain=np.zeros(count, np.int64),
        )
        self._next += count
        begun = self._open.and_then(fresh)
        # what began in an earlier batch comes before all rows of this one
        rows = np.concatenate([np.full(len(self._open), -1, np.int64), row, marks.row[end]])
        tids = np.concatenate([begun.tid, columns["tid"][marks.row[end]].astype(np.int64)])
        keys = (tids << 32) + rows + 1
        order = np.argsort(keys, kind="stable")
        what = np.concatenate([np.arange(len(begun)), -1 - end])
        return begun, _Timeline(keys[order], what[order])

    def _gather(self, batch: EventBatch, begun: Calls, timeline: _Timeline, stack: Int | None) -> Inside:
        """Add what happened within to the calls; files touched, by position in ``begun``."""
        tid = batch.columns["tid"]

        def within(rows: Int) -> tuple[Int, np.ndarray]:
            call = timeline.open_at(tid[rows].astype(np.int64), rows)
            valid = call >= 0
            valid[valid] = begun.code[call[valid]] != NOTHING
            return call, valid

        if self._reader.sees_pages:
            rows, pages = self._reader.allocations(batch)
            call, valid = within(rows)
            begun.pages += np.bincount(call[valid], weights=pages[valid], minlength=len(begun)).astype(np.int64)
        if stack is not None and self._chains.usable:
            bits = self._chains.of(stack)
            rows = np.flatnonzero(bits)
            call, valid = within(rows)
            np.bitwise_or.at(begun.chain, call[valid], bits[rows[valid]])
        if not self._reader.sees_inodes:
            return Inside()
        touches = self._reader.touches(batch)
        call, valid = within(touches.row)
        return _summed([Inside(call[valid], touches.inode[valid], touches.dev[valid], touches.pages[valid])])

    def _end(self, batch: EventBatch, marks: Marks, begun: Calls, timeline: _Timeline, touched: Inside) -> None:
        """Complete the calls that ended, keep what may matter, carry on what is still open."""
        same = np.r_[timeline.tid[1:] == timeline.tid[:-1], False] if len(timeline.tid) else np.zeros(0, np.bool_)
        is_call = timeline.what >= 0
        following = np.r_[timeline.what[1:], 0]
        still_open = timeline.what[is_call & ~same]
        paired = np.flatnonzero(is_call & same & (following < 0))
        call, end = timeline.what[paired], -1 - following[paired]
        # another call's end means that this one's was lost
        right = marks.code[end] == begun.code[call]
        call, end = call[right], end[right]
        begun.end_ns[call] = batch.columns["ts_ns"][marks.row[end]]
        begun.ret[call] = marks.value[end]
        wanted = np.zeros(len(begun), np.bool_)
        wanted[touched.number[(touched.pages > 0) & (touched.inode > 1)]] = True
        wanted[touched.number[np.isin(touched.inode, self._inodes)]] = True
        wanted |= np.isin(begun.number, self._touching)
        touching = begun.number[still_open[wanted[still_open]]]
        wanted |= (begun.chain != 0) | (begun.pages >= MANY_PAGES)
        done = call[wanted[call] | self._at_a_birth(begun.start_ns[call], begun.end_ns[call])]
        done = done[begun.code[done] != NOTHING]
        self._kept.append(begun.take(done))
        self._open, self._touching = begun.take(still_open), touching
        keep = np.isin(touched.number, np.concatenate([done, still_open]))
        self._inside.append(Inside(begun.number[touched.number[keep]], touched.inode[keep], touched.dev[keep], touched.pages[keep]))

    def _at_a_birth(self, start_ns: Int, end_ns: Int) -> np.ndarray:
        if not len(self._births):
            return np.zeros(len(start_ns), np.bool_)
        place = np.searchsorted(self._births, start_ns - self._tick_ns)
        return (place < len(self._births)) & (self._births[np.minimum(place, len(self._births) - 1)] <= end_ns)


@dataclass(frozen=True, slots=True)
class _Timeline:
    """Begins and ends by thread and row: ``keys`` hold both; ``what`` is a position among the calls, or -1 - the mark of an end."""

    keys: Int
    what: Int

    @property
    def tid(self) -> Int:
        return self.keys >> 32

    def open_at(self, tid: Int, row: Int) -> Int:
        """The call that each thread is in at a row, -1 in none."""
        if not len(self.keys):
            return np.full(len(row), -1, np.int64)
        slot = np.searchsorted(self.keys, (tid << 32) + row + 1, side="right") - 1
        hit = np.maximum(slot, 0)
        return np.where((slot >= 0) & (self.keys[hit] >> 32 == tid), np.maximum(self.what[hit], -1), -1)


def _summed(parts: list[Inside]) -> Inside:
    """One row for each call and file."""
    if not parts:
        return Inside()
    number, inode, dev, pages = (np.concatenate([getattr(part, name) for part in parts]) for name in ("number", "inode", "dev", "pages"))
    order = np.lexsort((dev, inode, number))
    number, inode, dev, pages = number[order], inode[order], dev[order], pages[order]
    if not len(number):
        return Inside()
    first = np.flatnonzero(np.r_[True, (np.diff(number) != 0) | (np.diff(inode) != 0) | (np.diff(dev) != 0)])
    return Inside(number[first], inode[first], dev[first], np.add.reduceat(pages, first))
