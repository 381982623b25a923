"""Writes to huge pages that a fork write-protected: reused whole, or split and copied page by page.

Sources: mm/huge_memory.c (do_huge_pmd_wp_page), mm/memory.c (do_wp_page, wp_can_reuse_anon_folio).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.attribution.pages import UNSEEN, Frame
from cowtrace.replay.families import Folios
from cowtrace.replay.touches import TOUCH_READ
from cowtrace.replay.trace import BLOCK_PAGES, GONE, KIND, Bools, Small
from cowtrace.replay.work import HUGE_BYTES, Work

#: Since these releases: a write to a shared huge page copies one base page only; the last owner of a base page of a split huge page
#: reuses it.
_SPLITS_SINCE, _REUSES_SINCE = (5, 8), (6, 15)

#: Rounds until copies and holders agree; two are nearly always enough.
_ROUNDS = 4

_COPY, _REUSE, _SPLIT, _WHOLE = (KIND[name] for name in ("cow_copy", "cow_reuse", "thp_split", "thp_reuse"))


@dataclass(slots=True)
class Places:
    """Where and when: address space, block, page, time, number of the block's episode, forks made before; int64[n] each."""

    space: Int
    block: Int
    page: Int
    ts: Int
    number: Int
    epoch: Int

    def take(self, index: Int) -> Places:
        """These rows only."""
        return Places(*(getattr(self, name)[index] for name in self.__slots__))


def after_forks(work: Work, folios: Folios, row: Int, role: Small, where: Places) -> None:
    """Decide faults on huge pages after a fork.

    In each stretch between two forks the first write decides. Nobody else maps the huge page: it is reused whole, and nothing more
    happens. Somebody does: this address space splits its mapping, for good, and every page written is a fault of its own.

    Args:
        work: The scenario.
        folios: Knows who filled the blocks.
        row: Rows of ``Trace.faults``, ordered by (space, block, time).
        role: What each recorded fault tells.
        where: Its place.
    """
    work.drop(row[role == TOUCH_READ])
    writes = np.flatnonzero(role != TOUCH_READ)
    if not len(writes):
        return
    row, where = row[writes], where.take(writes)
    recorded = work.kind[row]
    frame = folios.of_block(where.space, where.block, where.ts)
    heads = np.flatnonzero(np.r_[True, where.number[1:] != where.number[:-1]])
    whole = np.diff(np.r_[heads, len(row)]).max() >= BLOCK_PAGES
    if work.trace.release < _SPLITS_SINCE:
        kind = _copied_whole(folios, where, frame)
    else:
        kind = _decide(work, folios, where, frame, recorded)
        # who copied every page of a huge page holds it no more, which spares others copies, and so on
        for _ in range(_ROUNDS if whole else 0):
            copied = (kind == _COPY) | (kind == _SPLIT)
            folios.set_replaced(where.space[copied], where.page[copied], where.ts[copied])
            before, kind = kind, _decide(work, folios, where, frame, recorded)
            if (before == kind).all():
                break
    changed = kind != recorded
    work.drop(row[kind == GONE])
    at = np.flatnonzero(changed & (kind != GONE))
    work.change(row[at], kind[at])
    if work.trace.release < _SPLITS_SINCE:
        work.copied[row[kind == _COPY]] = HUGE_BYTES


def _first_of_stretch(where: Places) -> Bools:
    """True at the first row between two forks of a block's episode."""
    first: Bools = np.r_[True, (where.number[1:] != where.number[:-1]) | (where.epoch[1:] != where.epoch[:-1])]
    return first


def _copied_whole(folios: Folios, where: Places, frame: Frame) -> Small:
    """Before 5.8: the first write copies all of a shared huge page."""
    first = _first_of_stretch(where)
    heads = np.flatnonzero(first)
    kind = np.full(len(first), GONE, np.int8)
    shared = folios.shared(frame.take(heads), where.space[heads], where.block[heads], where.ts[heads])
    kind[heads] = np.where(shared, _COPY, _WHOLE)
    return kind


def _decide(work: Work, folios: Folios, where: Places, frame: Frame, recorded: Small) -> Small:
    """Kind of each write; as recorded for base pages of their own."""
    space, block, ts, number = where.space, where.block, where.ts, where.number
    folios.forget_splits()
    first = _first_of_stretch(where)
    heads = np.flatnonzero(first)
    splits = np.zeros(len(first), np.bool_)
    splits[heads] = folios.shared(frame.take(heads), space[heads], block[heads], ts[heads])
    episode = np.flatnonzero(np.r_[True, number[1:] != number[:-1]])
    so_far: Int = np.cumsum(splits)
    so_far = so_far - np.repeat(so_far[episode] - splits[episode], np.diff(np.r_[episode, len(first)]))
    opening = splits & (so_far == 1)
    folios.add_splits(space[opening], block[opening], ts[opening])
    # a child of a process that had split already never had a huge mapping
    born = work.trace.lives.start_ns[space]
    above = folios.split_of(space, block, np.minimum(born + 1, ts))
    inherited = (above.made != UNSEEN) & (above.ts > frame.ts) & (frame.owner != space)
    opening &= ~inherited
    pieces = inherited | (so_far > 0)
    kind = np.where(first, _WHOLE, GONE).astype(np.int8)
    kind[pieces] = recorded[pieces]
    _base_writes(work, folios, np.flatnonzero(pieces), where, frame, kind)
    kind[opening] = _SPLIT
    return kind


def _base_writes(work: Work, folios: Folios, at: Int, where: Places, frame: Frame, kind: Small) -> None:
    """Writes to base pages of split huge pages: a copy while anybody else maps any part of it (since 6.15, before: always).

    A page that was copied since is a base page of its own and stays as recorded. Parents go before their children, whose pages
    depend on what the parent had copied when it forked.
    """
    depth = folios.depth[where.space[at]] if len(at) else at
    for level in np.unique(depth).tolist():
        now = at[depth == level]
        always = work.trace.release < _REUSES_SINCE
        shared = np.ones(len(now), np.bool_) if always else _shared(folios, now, where, frame)
        small = _after_a_copy((where.space[now] << work.trace.page_bits) | where.page[now], shared)
        inherits = np.flatnonzero(frame.owner[now] != where.space[now])
        if len(inherits):
            rows = now[inherits]
            older = folios.of_page(where.space[rows], where.page[rows], where.ts[rows])
            small[inherits] |= (older.made != UNSEEN) & (older.ts > frame.ts[rows])
        kind[now[~small]] = np.where(shared[~small], _COPY, _REUSE)
        copied = now[shared & ~small]
        folios.add_copies(where.space[copied], where.page[copied], where.ts[copied])


def _shared(folios: Folios, at: Int, where: Places, frame: Frame) -> Bools:
    """Whether the huge page is still shared at each write; between two forks others only go away: where first and last agree, all do."""
    if not len(at):
        return np.zeros(0, np.bool_)
    part = where.take(at)

    def ask(index: Int) -> Bools:
        return folios.shared(frame.take(at[index]), part.space[index], part.block[index], part.ts[index])

    head = np.flatnonzero(_first_of_stretch(part))
    size = np.diff(np.r_[head, len(at)])
    first, last = ask(head), ask(head + size - 1)
    shared: Bools = np.repeat(last, size)
    unsure = np.flatnonzero(np.repeat(first != last, size))
    shared[unsure] = ask(unsure)
    return shared


def _after_a_copy(key: Int, shared: Bools) -> Bools:
    """True where an earlier row of the same page found the huge page shared, so the page was copied then; rows in time order per key."""
    order = np.argsort(key, kind="stable")
    head = np.flatnonzero(np.r_[True, key[order][1:] != key[order][:-1]]) if len(key) else order
    seen = np.cumsum(shared[order])
    before: Int = seen - shared[order] - np.repeat(seen[head] - shared[order][head], np.diff(np.r_[head, len(key)]))
    result = np.zeros(len(key), np.bool_)
    result[order] = before > 0
    return result
