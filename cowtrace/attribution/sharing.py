"""Who else holds a page's frame, and which fork is to be charged for it (rules R1..R7 of copy-on-write since 5.19).

A page that its owner made (first touch, copy, reuse) is exclusive until the owner forks. After that it is shared as long as a living
address space of the family still shows the same frame; the last one left reuses it. 4 KiB pages are judged one by one.
"""

from __future__ import annotations

import numpy as np

from cowtrace.attribution.asof import ALWAYS, Int
from cowtrace.attribution.facts import EXCLUSIVE, LAST_OWNER, SHARED, SHARING_UNKNOWN
from cowtrace.attribution.history import EXECED, FORKED, NEVER, SEEN, Lives
from cowtrace.attribution.pages import BLOCK_PAGES, BLOCK_SHIFT, Family, Forks, Frame, PageHistory, frame_of


class Sharing:
    """Sharing questions over the present state of the process history; made anew when that changes."""

    def __init__(self, lives: Lives, space_of: Int, pages: PageHistory, blocks: PageHistory) -> None:
        self.lives = lives
        self.space_of = space_of
        self.pages = pages
        self.blocks = blocks
        self.family = Family(lives, space_of)
        self.forks = Forks(lives, space_of)
        forked = np.flatnonzero(lives.how == FORKED)
        self.fork_id = np.full(len(lives.how), -1, np.int64)
        self.fork_id[forked] = np.arange(len(forked))
        self.watched = _watched_from_start(lives)
        forked = forked[lives.parent[forked] >= 0]
        self.first_fork_ns = np.full(len(lives.how), NEVER)
        np.minimum.at(self.first_fork_ns, space_of[lives.parent[forked]], lives.start_ns[forked])

    def state(self, frame: Frame, space: Int, page: Int, ts: Int, *, holders: bool) -> Int:
        """SHARING_UNKNOWN .. LAST_OWNER for pages just before ``ts``.

        Args:
            frame: Their frames.
            space: int64[m].
            page: int64[m].
            ts: int64[m].
            holders: Look for other holders; without it only EXCLUSIVE is told from the rest.
        """
        result = np.full(len(space), SHARING_UNKNOWN)
        own = np.flatnonzero(frame.owner == space)
        first, last = self.forks.window(space[own], frame.ts[own], ts[own])
        alone = own[first == last]
        result[alone] = EXCLUSIVE
        if holders:
            rest = np.flatnonzero(result != EXCLUSIVE)
            result[rest] = self._search(frame.take(rest), space[rest], page[rest], ts[rest])
        return result

    def _search(self, frame: Frame, space: Int, page: Int, ts: Int) -> Int:
        """Walk the living members of the family until one shows the same frame."""
        result = np.full(len(space), LAST_OWNER)
        position, last = self.family.range_at(space, ts)
        position = self.family.next_alive(position, last, ts)
        pending = np.flatnonzero(position < last)
        while len(pending):
            other = self.family.member(position[pending])
            same = self._same_frame(frame.take(pending), other, page[pending], ts[pending]) & (other != space[pending])
            result[pending[same]] = SHARED
            pending = pending[~same]
            position[pending] = self.family.next_alive(position[pending] + 1, last[pending], ts[pending])
            pending = pending[position[pending] < last[pending]]
        return result

    def _same_frame(self, frame: Frame, other: Int, page: Int, ts: Int) -> np.ndarray:
        """bool: does ``other`` still hold the frame."""
        seen = frame_of(self.pages, self.lives, self.space_of, other, page, ts)
        same: np.ndarray = (seen.owner == frame.owner) & (seen.ts == frame.ts)
        huge = np.flatnonzero(frame.by_block)
        if len(huge):
            # a folio is held as long as one page of it is mapped, so whoever replaced fewer than all its pages still shares all
            block = page[huge] >> BLOCK_SHIFT
            whole = frame_of(self.blocks, self.lives, self.space_of, other[huge], block, ts[huge])
            replaced = self.pages.count_from(other[huge], block << BLOCK_SHIFT, BLOCK_PAGES)
            same[huge] = (whole.owner == frame.owner[huge]) & (whole.ts == frame.ts[huge]) & (replaced < BLOCK_PAGES)
        return same

    def charge(self, frame: Frame, space: Int, ts: Int, copied: np.ndarray) -> tuple[Int, Int]:
        """The fork that made the page shared.

        The child pays under its own fork for what it inherited. The parent pays for a copy under its oldest fork since whose child still
        lives, for a reuse under its latest fork since.

        Returns:
            (fork_id or -1, side: 0 parent, 1 child).
        """
        inherited = frame.owner != space
        by_birth = np.where(inherited, self.fork_id[space], -1)
        first, last = self.forks.window(space, np.where(inherited, ALWAYS, frame.ts), ts)
        oldest = self.forks.oldest_alive(first, last, ts)
        chosen = np.where(copied & (oldest < last), oldest, last - 1)
        any_fork = last > first
        child = self.forks.child[np.minimum(np.maximum(chosen, 0), max(len(self.forks.child) - 1, 0))] if len(self.forks.child) else space
        by_window = np.where(any_fork, self.fork_id[child], -1)
        return np.where(by_birth >= 0, by_birth, by_window), (by_birth >= 0).astype(np.int64)


def _watched_from_start(lives: Lives) -> np.ndarray:
    """True for address spaces whose whole history since exec is in the recording."""
    watched: np.ndarray = lives.how == EXECED
    while True:
        inherits = (lives.parent >= 0) & (lives.how != EXECED) & (lives.how != SEEN)
        grown = watched | (inherits & watched[np.maximum(lives.parent, 0)])
        if (grown == watched).all():
            return watched
        watched = grown
