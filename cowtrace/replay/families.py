"""Who forked whom, asked for whole columns: epochs between forks, and who else still maps a huge page."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.attribution.history import EXECED, SEEN
from cowtrace.attribution.pages import ANON_FRAME, BLOCK_PAGES, Family, Frame, PageHistory, frame_of
from cowtrace.replay.trace import Bools, Trace


class Families:
    """Forks of a trace.

    Args:
        trace: The trace.
        removed: bool per fork: it does not happen under the scenario, so its child shares nothing.
    """

    def __init__(self, trace: Trace, removed: Bools) -> None:
        self.trace = trace
        how = trace.lives.how.copy()
        how[trace.forks.child[removed]] = SEEN
        self.lives = replace(trace.lives, how=how)
        real = ~removed & (trace.forks.parent >= 0)
        space, ts = trace.space_of[trace.forks.parent[real]], trace.forks.ts_ns[real]
        order = np.lexsort((ts, space))
        self._times = np.unique(ts)
        self._key = (space[order] << 32) + np.searchsorted(self._times, ts[order])
        self.family = Family(self.lives, trace.space_of)

    def epoch(self, space: Int, ts: Int) -> Int:
        """Forks that each address space had made before a time."""
        result = np.zeros(len(space), np.int64)
        forks = np.zeros(len(self.lives.parent), np.bool_)
        forks[self._key >> 32] = True
        rows = np.flatnonzero(forks[space])
        if len(rows):
            mine = space[rows] << 32
            result[rows] = np.searchsorted(self._key, mine + np.searchsorted(self._times, ts[rows])) - np.searchsorted(self._key, mine)
        return result

    @property
    def inherits(self) -> Bools:
        """True for lives that began as a copy of their parent's address space."""
        result: Bools = (self.lives.parent >= 0) & (self.lives.how != EXECED) & (self.lives.how != SEEN)
        return result


class Folios:
    """Huge pages under a scenario: who made them, which base pages took their place, who still maps one.

    Args:
        families: Who forked whom.
    """

    def __init__(self, families: Families) -> None:
        self._families = families
        self._trace = families.trace
        bits = self._trace.page_bits
        self._blocks, self._splits, self._copies = PageHistory(bits), PageHistory(bits), PageHistory(bits)
        self._replaced_keys = self._replaced_head = self._replaced_ts = np.empty(0, np.int64)

    def add_blocks(self, space: Int, block: Int, ts: Int, made: Int) -> None:
        """What first touches made of blocks: HUGE_FRAME, ZERO_FRAME, or ANON_FRAME: base pages, whose table bars huge pages."""
        self._add(self._blocks, space, block, ts, made)

    def add_splits(self, space: Int, block: Int, ts: Int) -> None:
        """Address spaces that map a huge page by base pages from a time on."""
        self._add(self._splits, space, block, ts, np.full(len(space), ANON_FRAME))

    def replaces_whole(self, space: Int, block: Int, writes: Int) -> bool:
        """Can the writes of a line of forks have replaced all pages of a huge page.

        Args:
            space: Address spaces.
            block: int64[n].
            writes: Number of writes in each.
        """
        key = (self._families.family.root[space] << self._trace.page_bits) | block
        _, code = np.unique(key, return_inverse=True)
        return bool(np.bincount(code, weights=writes).max(initial=0) >= BLOCK_PAGES)

    def set_replaced(self, space: Int, block: Int, ts: Int) -> None:
        """Copies of pages of huge pages, by (space, block, time), each page once: who replaced all of them holds nothing any more."""
        key = (space << self._trace.page_bits) | block
        head = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else key
        self._replaced_keys, self._replaced_head, self._replaced_ts = key[head], np.append(head, len(key)), ts

    def forget_splits(self) -> None:
        """Begin anew with splits and copies."""
        self._splits, self._copies = PageHistory(self._trace.page_bits), PageHistory(self._trace.page_bits)

    def add_copies(self, space: Int, page: Int, ts: Int) -> None:
        """Base pages copied out of huge ones, for ``of_page``; rows in time order."""
        self._add(self._copies, space, page, ts, np.full(len(space), ANON_FRAME))

    @property
    def has_copies(self) -> bool:
        """Any copy was added since ``forget_splits``."""
        return self._copies.used

    @cached_property
    def depth(self) -> Int:
        """Forks between each address space and the head of its line."""
        lives, inherits = self._families.lives, self._families.inherits
        depth: Int = np.zeros(len(lives.parent), np.int64)
        at = np.flatnonzero(inherits)
        above = lives.parent.copy()
        while len(at):
            depth[at] += 1
            at_parent = above[at]
            above[at] = lives.parent[at_parent]
            at = at[inherits[at_parent]]
        return depth

    def _add(self, log: PageHistory, space: Int, number: Int, ts: Int, made: Int) -> None:
        key = (space << self._trace.page_bits) | number
        order = np.lexsort((ts, key))
        log.add(key[order], ts[order], made[order])

    def of_block(self, space: Int, block: Int, ts: Int) -> Frame:
        """What first filled a block, just before a time, through the line of forks; ``made`` UNSEEN: nothing did."""
        return frame_of(self._blocks, self._families.lives, self._trace.space_of, space, block, ts)

    def of_page(self, space: Int, page: Int, ts: Int) -> Frame:
        """The copy that stands in place of a base page of the huge one; ``made`` UNSEEN: none does."""
        return frame_of(self._copies, self._families.lives, self._trace.space_of, space, page, ts)

    def split_of(self, space: Int, block: Int, ts: Int) -> Frame:
        """The latest split of a block along the line of forks."""
        return frame_of(self._splits, self._families.lives, self._trace.space_of, space, block, ts)

    def shared(self, frame: Frame, space: Int, block: Int, ts: Int) -> Bools:
        """Does another living address space map any part of the huge page? (since 5.19: mm/memory.c, wp_can_reuse_anon_folio)

        Args:
            frame: From ``of_block``.
            space: Who asks.
            block: int64[m].
            ts: int64[m].
        """
        result: Bools = np.zeros(len(space), np.bool_)
        family = self._families.family
        position, last = family.range_at(space, ts)
        position = family.next_alive(position, last, ts)
        pending = np.flatnonzero(position < last)
        while len(pending):
            other = family.member(position[pending])
            held = self._holds(frame.take(pending), other, block[pending], ts[pending]) & (other != space[pending])
            result[pending[held]] = True
            pending = pending[~held]
            position[pending] = family.next_alive(position[pending] + 1, last[pending], ts[pending])
            pending = pending[position[pending] < last[pending]]
        return result

    def _holds(self, frame: Frame, other: Int, block: Int, ts: Int) -> Bools:
        seen = self.of_block(other, block, ts)
        same: Bools = (seen.owner == frame.owner) & (seen.ts == frame.ts) & (seen.made == frame.made)
        lives = self._families.lives
        few = np.flatnonzero(same) if len(self._replaced_keys) else np.empty(0, np.int64)
        holder, limit, replaced = other[few], ts[few], np.zeros(len(few), np.int64)
        # pages that it replaced itself, and those that it never had because whoever handed the huge page on had replaced them
        while len(few):
            replaced += self._replaced_before(holder, block[few], limit)
            same[few[replaced >= BLOCK_PAGES]] = False
            on = (replaced < BLOCK_PAGES) & (holder != frame.owner[few])
            few, holder, replaced = few[on], holder[on], replaced[on]
            limit, holder = lives.start_ns[holder], self._trace.space_of[lives.parent[holder]]
        return same

    def _replaced_before(self, space: Int, block: Int, ts: Int) -> Int:
        key = (space << self._trace.page_bits) | block
        code = np.minimum(np.searchsorted(self._replaced_keys, key), len(self._replaced_keys) - 1)
        low = self._replaced_head[code]
        first, last = low.copy(), self._replaced_head[code + 1]
        # first position within each range that is not before ``ts``
        while (open_ranges := first < last).any():
            middle = (first + last) >> 1
            below = self._replaced_ts[np.minimum(middle, len(self._replaced_ts) - 1)] < ts
            first = np.where(open_ranges & below, middle + 1, first)
            last = np.where(open_ranges & ~below, middle, last)
        count: Int = np.where(self._replaced_keys[code] == key, first - low, 0)
        return count
