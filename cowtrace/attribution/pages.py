"""What happened to a page before: the faults that gave it its present frame, looked up along the line of forks.

Kept for every (address space, page) as sorted runs that merge when they grow alike (a log-structured merge of numpy arrays), so a
lookup is a few binary searches and memory goes with the pages of the processes that still matter, not with the trace.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cowtrace.attribution.asof import ALWAYS, Int
from cowtrace.attribution.history import EXECED, NEVER, SEEN, Lives

#: Base pages of one huge block (a PMD of 4 KiB pages), and their logarithm.
BLOCK_PAGES, BLOCK_SHIFT = 512, 9

#: What a fault put at the page. UNSEEN: no fault recorded there yet.
UNSEEN, ANON_FRAME, ZERO_FRAME, FILE_FRAME, SOME_FRAME, HUGE_FRAME, HUGE_ZERO_FRAME = range(7)


@dataclass(slots=True)
class _Run:
    key: Int  # (space << page_bits) | page, ascending
    ts: Int  # ascending within a key
    made: Int


class PageHistory:
    """The log of frame-giving faults.

    Args:
        page_bits: Width of a page number in keys.
    """

    def __init__(self, page_bits: int) -> None:
        self.page_bits = page_bits
        self._runs: list[_Run] = []

    @property
    def used(self) -> bool:
        """True once anything was added."""
        return bool(self._runs)

    def add(self, key: Int, ts: Int, made: Int) -> None:
        """Add faults of a batch, sorted by (key, ts)."""
        if not len(key):
            return
        self._runs.append(_Run(key, ts, made))
        while len(self._runs) > 1 and len(self._runs[-2].key) < 2 * len(self._runs[-1].key):
            newer, older = self._runs.pop(), self._runs.pop()
            key = np.concatenate([older.key, newer.key])
            # older times come first, so a stable sort by key keeps time order
            order = np.argsort(key, kind="stable")
            self._runs.append(
                _Run(key[order], np.concatenate([older.ts, newer.ts])[order], np.concatenate([older.made, newer.made])[order])
            )

    def last(self, space: Int, page: Int, ts: Int) -> tuple[Int, Int]:
        """Time and content of the latest fault before ``ts`` on pages of address spaces themselves (no inheritance).

        Returns:
            (time, made); (ALWAYS, UNSEEN) where none was recorded.
        """
        wanted = (space << self.page_bits) | page
        when = np.full(len(wanted), ALWAYS)
        made = np.full(len(wanted), UNSEEN)
        open_rows = None
        for run in reversed(self._runs):
            if not len(run.key):
                continue
            key, limit = (wanted, ts) if open_rows is None else (wanted[open_rows], ts[open_rows])
            slot = np.searchsorted(run.key, key, side="right") - 1
            # a key below the first one meets that one, and differs from it
            hit = np.flatnonzero(run.key.take(slot, mode="clip") == key)
            slot = slot.take(hit, mode="clip")
            late = np.flatnonzero(run.ts.take(slot, mode="clip") >= limit.take(hit, mode="clip"))
            if len(late):
                # only pages that faulted again later need the search in time
                low = np.searchsorted(run.key, key[hit[late]], side="left")
                slot[late] = _last_before(run.ts, low, slot[late], limit[hit[late]])
                found = np.flatnonzero((slot >= 0) & (run.key.take(slot, mode="clip") == key[hit]))
                hit, slot = hit[found], slot[found]
            rows = hit if open_rows is None else open_rows[hit]
            when[rows] = run.ts.take(slot, mode="clip")
            made[rows] = run.made.take(slot, mode="clip")
            unseen = np.ones(len(key), np.bool_)
            unseen[hit] = False
            rest = np.flatnonzero(unseen)
            open_rows = rest if open_rows is None else open_rows[rest]
            if not len(open_rows):
                break
        return when, made

    def count_from(self, space: Int, first_page: Int, pages: int) -> Int:
        """Entries of the log for ``pages`` pages from ``first_page`` on."""
        low = (space << self.page_bits) | first_page
        total = np.zeros(len(low), np.int64)
        for run in self._runs:
            total += np.searchsorted(run.key, low + pages) - np.searchsorted(run.key, low)
        return total

    def prune(self, lives: Lives, now: int) -> None:
        """Forget address spaces that ended before ``now`` and from which no living one descends."""
        needed = lives.end_ns > now
        while True:
            child = np.flatnonzero(needed & (lives.parent >= 0) & (lives.how != EXECED))
            grown = needed.copy()
            grown[lives.parent[child]] = True
            if (grown == needed).all():
                break
            needed = grown
        for run in self._runs:
            keep = needed[run.key >> self.page_bits]
            if keep.mean() < 0.5:
                run.key, run.ts, run.made = run.key[keep], run.ts[keep], run.made[keep]


def _last_before(ts: Int, low: Int, last: Int, limit: Int) -> Int:
    """Last position in [low, last] with a time below ``limit``, low - 1 when there is none; times ascend within a range."""
    first, last = low.copy(), last.copy()
    while (first <= last).any():
        middle = (first + last) >> 1
        below = ts[middle] < limit
        active = first <= last
        first = np.where(active & below, middle + 1, first)
        last = np.where(active & ~below, middle - 1, last)
    return last


def previous_in_batch(key: Int, made: Int) -> Int:
    """For rows ordered by (key, time): position of the latest earlier row of the same key that made a frame, -1 without."""
    place = np.where(made != UNSEEN, np.arange(len(key)), -1)
    latest = np.maximum.accumulate(place)
    previous = np.r_[np.int64(-1), latest[:-1]] if len(key) else latest
    return np.where((previous >= 0) & (key[np.maximum(previous, 0)] == key), previous, -1)


@dataclass(slots=True)
class Frame:
    """Whose frame a page holds: made in ``owner`` at ``ts`` (ALWAYS: before anything recorded), holding ``made``."""

    owner: Int
    ts: Int
    made: Int
    by_block: np.ndarray  # bool: the frame is (or was split from) a huge page, whose owners are judged as one

    def take(self, index: Int) -> Frame:
        """The frames with these numbers."""
        return Frame(*(column.take(index, mode="clip") for column in (self.owner, self.ts, self.made, self.by_block)))


def frame_of(
    pages: PageHistory,
    lives: Lives,
    space_of: Int,
    space: Int,
    page: Int,
    ts: Int,
    *,
    known: tuple[Int, Int] | None = None,
    since_ns: int | None = None,
) -> Frame:
    """The frame behind a page of an address space just before ``ts``, through the forks that passed it on.

    Args:
        pages: The log.
        lives: Address spaces.
        space_of: mm_id -> mm_id that it shares page tables with (a vfork child: its parent).
        space: int64[m].
        page: int64[m].
        ts: int64[m].
        known: (time, made) of the address space itself where the caller knows them already; UNSEEN elsewhere.
        since_ns: With ``known``: what the log holds of address spaces born since then is in ``known`` already.
    """  # fmt: skip
    if known is None:
        when, made = pages.last(space, page, ts)
    else:
        when, made = known[0], known[1]
        rest = np.flatnonzero((made == UNSEEN) & (lives.start_ns[space] < (since_ns or ALWAYS)))
        when[made == UNSEEN] = ALWAYS
        when[rest], made[rest] = pages.last(space[rest], page[rest], ts[rest])
    owner = space.copy()
    pending = np.flatnonzero(made == UNSEEN)
    inherits = (lives.parent >= 0) & (lives.how != EXECED) & (lives.how != SEEN)
    while len(pending):
        here = owner[pending]
        born = inherits[here]
        pending, here = pending[born], here[born]
        if not len(pending):
            break
        limit = lives.start_ns[here]
        owner[pending] = space_of[lives.parent[here]]
        when[pending], made[pending] = pages.last(owner[pending], page[pending], limit)
        pending = pending[made[pending] == UNSEEN]
    return Frame(owner, when, made, np.zeros(len(owner), np.bool_))


class Family:
    """Which address spaces descend from a common one, so that they may share frames; and who of them lives at a time."""

    def __init__(self, lives: Lives, space_of: Int) -> None:
        count = len(lives.parent)
        inherits = (lives.parent >= 0) & (lives.how != EXECED) & (lives.how != SEEN)
        root = np.where(inherits, lives.parent, np.arange(count))
        while True:
            above = root[root]
            if (above == root).all():
                break
            root = above
        self.root = root
        real = np.flatnonzero(space_of == np.arange(count))
        self._members = real[np.lexsort((lives.start_ns[real], root[real]))]
        roots = root[self._members]
        self._first = np.searchsorted(roots, root)
        self._times, rank = np.unique(lives.start_ns[self._members], return_inverse=True)
        self._key = (roots << 32) + rank + 1
        self._ends = _MaxJump(lives.end_ns[self._members])

    def range_at(self, space: Int, ts: Int) -> tuple[Int, Int]:
        """First and last+1 member position of the family of ``space`` that was born before ``ts``."""
        # members are ordered by birth within their family
        births = np.searchsorted(self._times, ts, side="left")
        return self._first[space], np.searchsorted(self._key, (self.root[space] << 32) + births, side="right")

    def next_alive(self, position: Int, last: Int, ts: Int) -> Int:
        """First member position >= ``position`` whose life ends after ``ts``; ``last`` when there is none."""
        return self._ends.first_above(position, last, ts)

    def member(self, position: Int) -> Int:
        """mm_id of a member position."""
        return self._members[position]


class _MaxJump:
    """Sparse table of maxima: the first value above a limit in a range, for whole columns."""

    def __init__(self, values: Int) -> None:
        self._levels = [values]
        width = 1
        while 2 * width <= len(values):
            below = self._levels[-1]
            self._levels.append(np.maximum(below[:-width], below[width:]))
            width *= 2

    def first_above(self, position: Int, last: Int, limit: Int) -> Int:
        result = np.minimum(position, last)
        if not len(self._levels[0]):
            return result
        # mostly it is the first one
        rest = np.flatnonzero((result < last) & (self._levels[0][np.minimum(result, len(self._levels[0]) - 1)] <= limit))
        result[rest] = self._climb(result[rest], last[rest], limit[rest])
        return result

    def _climb(self, position: Int, last: Int, limit: Int) -> Int:
        for level in range(len(self._levels) - 1, -1, -1):
            table, width = self._levels[level], 1 << level
            if not len(table):
                continue
            fits = position + width <= last
            skip = fits & (table[np.minimum(position, len(table) - 1)] <= limit)
            position[skip] += width
        return position


class Forks:
    """Forks by parent address space, in order of birth: which one is to be charged."""

    def __init__(self, lives: Lives, space_of: Int) -> None:
        self.child = np.flatnonzero(
            (lives.parent >= 0) & (lives.how != EXECED) & (lives.how != SEEN) & (space_of == np.arange(len(space_of)))
        )
        parent = space_of[lives.parent[self.child]]
        order = np.lexsort((lives.start_ns[self.child], parent))
        self.child = self.child[order]
        self._parent = parent[order]
        self._birth = lives.start_ns[self.child]
        self._ends = _MaxJump(lives.end_ns[self.child])
        self._times, rank = np.unique(self._birth, return_inverse=True)
        self._key = (self._parent << 32) + rank + 1

    def window(self, space: Int, after: Int, before: Int) -> tuple[Int, Int]:
        """Positions [first, last) of the forks by ``space`` with ``after < birth < before``."""
        low = (space << 32) + np.searchsorted(self._times, after, side="right")
        high = (space << 32) + np.searchsorted(self._times, before, side="left")
        return np.searchsorted(self._key, low, side="right"), np.searchsorted(self._key, high, side="right")

    def oldest_alive(self, first: Int, last: Int, ts: Int) -> Int:
        """Position of the oldest fork in [first, last) whose child lives at ``ts``; ``last`` when none does."""
        return self._ends.first_above(first, last, ts)


__all__ = ["NEVER", "Family", "Forks", "Frame", "PageHistory", "frame_of"]
