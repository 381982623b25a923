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
from cowtrace.replay.trace import GONE, KIND, Bools, Small
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
    if len(writes) < len(row):
        row, where = row[writes], where.take(writes)
    recorded = work.kind[row]
    heads = np.flatnonzero(np.r_[True, where.number[1:] != where.number[:-1]])
    size = np.diff(np.r_[heads, len(row)])
    frame = folios.of_block(where.space[heads], where.block[heads], where.ts[heads])
    stretches = _stretches(where, np.repeat(np.arange(len(heads)), size))
    if work.trace.release < _SPLITS_SINCE:
        kind = _copied_whole(folios, where, frame, stretches)
    else:
        kind, of_folio = _decide(work, folios, where, frame, stretches, recorded)
        # who copied every page of a huge page holds it no more, which spares others copies, and so on
        for _ in range(_ROUNDS if folios.replaces_whole(where.space[heads], where.block[heads], size) else 0):
            folios.set_replaced(where.space[of_folio], where.block[of_folio], where.ts[of_folio])
            before = kind
            kind, of_folio = _decide(work, folios, where, frame, stretches, recorded)
            if (before == kind).all():
                break
    changed = kind != recorded
    work.drop(row[kind == GONE])
    at = np.flatnonzero(changed & (kind != GONE))
    work.change(row[at], kind[at])
    if work.trace.release < _SPLITS_SINCE:
        work.copied[row[kind == _COPY]] = HUGE_BYTES


@dataclass(slots=True)
class Stretches:
    """Rows of a block's episode between two forks.

    Attributes:
        first: True at the first row of each stretch.
        heads: Those rows.
        episode: Number of the episode of each row; rows of the frames.
    """

    first: Bools
    heads: Int
    episode: Int


def _stretches(where: Places, episode: Int) -> Stretches:
    first = np.r_[True, (episode[1:] != episode[:-1]) | (where.epoch[1:] != where.epoch[:-1])]
    return Stretches(first, np.flatnonzero(first), episode)


def _ask(folios: Folios, where: Places, frame: Frame, stretches: Stretches, at: Int) -> Bools:
    """Is the huge page behind each of these rows shared then."""
    return folios.shared(frame.take(stretches.episode[at]), where.space[at], where.block[at], where.ts[at])


def _copied_whole(folios: Folios, where: Places, frame: Frame, stretches: Stretches) -> Small:
    """Before 5.8: the first write copies all of a shared huge page."""
    kind = np.full(len(stretches.first), GONE, np.int8)
    kind[stretches.heads] = np.where(_ask(folios, where, frame, stretches, stretches.heads), _COPY, _WHOLE)
    return kind


def _decide(work: Work, folios: Folios, where: Places, frame: Frame, stretches: Stretches, recorded: Small) -> tuple[Small, Bools]:
    """Kind of each write, as recorded for base pages of their own; and whether it copied a page of the huge page."""
    folios.forget_splits()
    splits = np.zeros(len(stretches.first), np.bool_)
    splits[stretches.heads] = _ask(folios, where, frame, stretches, stretches.heads)
    opening = np.flatnonzero(splits)
    opening = opening[np.r_[True, stretches.episode[opening][1:] != stretches.episode[opening][:-1]]] if len(opening) else opening
    folios.add_splits(where.space[opening], where.block[opening], where.ts[opening])
    # a child of a process that had split already never had a huge mapping
    episode = np.flatnonzero(np.r_[True, stretches.episode[1:] != stretches.episode[:-1]])
    space = where.space[episode]
    born = work.trace.lives.start_ns[space]
    above = folios.split_of(space, where.block[episode], np.minimum(born + 1, where.ts[episode]))
    was_split = (above.made != UNSEEN) & (above.ts > frame.ts) & (frame.owner != space)
    since = np.where(was_split, episode, len(splits))
    mine = stretches.episode[opening]
    since[mine] = np.minimum(since[mine], opening)
    pieces = np.arange(len(splits)) >= since[stretches.episode]
    opening = opening[~was_split[mine]]
    kind = np.where(stretches.first, np.int8(_WHOLE), np.int8(GONE))
    kind[pieces] = recorded[pieces]
    of_folio = _base_writes(work, folios, np.flatnonzero(pieces), where, frame, stretches, kind)
    kind[opening] = _SPLIT
    return kind, of_folio


def _base_writes(work: Work, folios: Folios, at: Int, where: Places, frame: Frame, stretches: Stretches, kind: Small) -> Bools:
    """Writes to base pages of split huge pages: a copy while anybody else maps any part of it (since 6.15, before: always).

    A page that was copied since is a base page of its own and stays as recorded. Parents go before their children, whose pages
    depend on what the parent had copied when it forked.

    Returns:
        bool per row: copied a page of the huge page.
    """
    of_folio = np.zeros(len(kind), np.bool_)
    depth = folios.depth[where.space[at]] if len(at) else at
    last = int(depth.max()) if len(at) else 0
    for level in range(last + 1):
        now = at[depth == level] if last else at
        always = work.trace.release < _REUSES_SINCE
        shared = np.ones(len(now), np.bool_) if always else _shared(folios, now, where, frame, stretches)
        small = _after_a_copy((where.space[now] << work.trace.page_bits) | where.page[now], shared)
        inherits = np.flatnonzero(frame.owner[stretches.episode[now]] != where.space[now]) if folios.has_copies else now[:0]
        if len(inherits):
            rows = now[inherits]
            older = folios.of_page(where.space[rows], where.page[rows], where.ts[rows])
            small[inherits] |= (older.made != UNSEEN) & (older.ts > frame.ts[stretches.episode[rows]])
        kind[now[~small]] = np.where(shared[~small], _COPY, _REUSE)
        copied = now[shared & ~small]
        of_folio[copied] = True
        if level < last:
            folios.add_copies(where.space[copied], where.page[copied], where.ts[copied])
    return of_folio


def _shared(folios: Folios, at: Int, where: Places, frame: Frame, stretches: Stretches) -> Bools:
    """Whether the huge page is still shared at each write; between two forks others only go away: where first and last agree, all do."""
    if not len(at):
        return np.zeros(0, np.bool_)
    number = np.cumsum(stretches.first)[at]
    head = np.flatnonzero(np.r_[True, number[1:] != number[:-1]])
    size = np.diff(np.r_[head, len(at)])
    first, last = (_ask(folios, where, frame, stretches, at[rows]) for rows in (head, head + size - 1))
    shared: Bools = np.repeat(last, size)
    unsure = np.flatnonzero(np.repeat(first != last, size))
    shared[unsure] = _ask(folios, where, frame, stretches, at[unsure])
    return shared


def _after_a_copy(key: Int, shared: Bools) -> Bools:
    """True where an earlier row of the same page found the huge page shared, so the page was copied then; rows in time order per key."""
    order = np.argsort(key, kind="stable")
    head = np.flatnonzero(np.r_[True, key[order][1:] != key[order][:-1]]) if len(key) else order
    seen = np.cumsum(shared[order])
    before: Int = seen - shared[order] - np.repeat(seen[head] - shared[order][head], np.diff(np.r_[head, len(key)]))
    result: Bools = np.zeros(len(key), np.bool_)
    result[order] = before > 0
    return result
