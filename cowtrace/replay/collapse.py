"""What huge pages make of recorded base-page faults: the first touch takes 2 MiB, the following ones vanish, forks split.

Sources: mm/memory.c (__handle_mm_fault, do_wp_page), mm/huge_memory.c (do_huge_pmd_anonymous_page, do_huge_pmd_wp_page).
"""

from __future__ import annotations

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.attribution.pages import ANON_FRAME, HUGE_FRAME, UNSEEN, ZERO_FRAME
from cowtrace.replay.eligible import roots
from cowtrace.replay.episodes import Episodes, episodes
from cowtrace.replay.families import Families, Folios
from cowtrace.replay.splits import Places, after_forks
from cowtrace.replay.touches import TOUCH_READ, TOUCH_WRITE, Anon
from cowtrace.replay.trace import Bools
from cowtrace.replay.work import Work
from cowtrace.replay.zero_blocks import refills

#: Since this release a write to the huge zero page allocates a huge page (mm/huge_memory.c, do_huge_zero_wp_pmd).
_ZERO_PAGE_SINCE = (6, 13)


def collapse(work: Work, anon: Anon, eligible: Bools, families: Families) -> Int:
    """Let huge pages fill what they can.

    Args:
        work: The scenario.
        anon: Faults on anonymous memory that still happen.
        eligible: bool per row: a huge page may come there (policy, advice, mapping covers the block).
        families: Who forked whom.

    Returns:
        Rows of ``Trace.faults`` that now fill a huge page.
    """
    trace = work.trace
    touch = (anon.role == TOUCH_WRITE) | (anon.role == TOUCH_READ)
    if not (touch & eligible).any():
        return np.empty(0, np.int64)
    anon, eligible = _concerned(work, anon, eligible, touch)
    parts = episodes(trace, anon, lambda rows: _inherited(families, anon, rows))
    order = parts.order
    space, page, ts, role = (column[order] for column in (anon.space, anon.page, anon.ts_ns, anon.role))
    row, may, block = anon.row[order], eligible[order], page >> 9
    fill = parts.starts & ((role == TOUCH_WRITE) | (role == TOUCH_READ)) & may
    zero = fill & (role == TOUCH_READ)
    if trace.release < _ZERO_PAGE_SINCE:
        fill &= ~zero
        _split_zero_pages(work, parts, row, role, zero)
        zero[:] = False
    folios = Folios(families)
    start = parts.starts
    made = np.where(zero, ZERO_FRAME, np.where(fill, HUGE_FRAME, ANON_FRAME))
    folios.add_blocks(space[start], block[start], ts[start], made[start])
    number, own, before = parts.number, parts.own, np.zeros(len(row), np.bool_)
    if zero.any():
        refill, before = refills(folios, parts, space, block, ts, role, zero)
        work.drop(row[before])
        work.change(row[zero], "thp_zero_page")
        work.change(row[refill], "thp_zero_page_cow")
        fill = (fill & ~zero) | refill
        number = np.cumsum(refill | np.r_[True, number[1:] != number[:-1]])
        own = own | (np.maximum.accumulate(np.where(refill, number, 0)) == number)
    huge = _latest(fill, number)
    head = np.flatnonzero(np.r_[True, number[1:] != number[:-1]])
    size = np.diff(np.r_[head, len(number)])
    # blocks that came with a fork
    foreign = np.zeros(len(row), np.bool_)
    came = np.flatnonzero(~own[head])
    if len(came):
        at = head[came]
        is_huge = np.zeros(len(head), np.bool_)
        is_huge[came] = folios.of_block(space[at], block[at], ts[at]).made == HUGE_FRAME
        foreign = np.repeat(is_huge, size) & ~own & ~before
    epoch = families.epoch(space, ts)
    fresh = huge & own & (epoch == np.repeat(epoch[head], size))
    work.drop(row[fresh & ~fill & ~parts.again])
    work.change(row[fill & (role == TOUCH_WRITE) & parts.starts], "thp_zero")
    shared_era = (huge & own & ~fresh) | foreign
    shared_era &= ~parts.again
    if shared_era.any():
        at = np.flatnonzero(shared_era)
        where = Places(space[at], block[at], page[at], ts[at], number[at], epoch[at])
        after_forks(work, folios, row[at], role[at], where)
    filled: Int = row[fill]
    return filled


def _concerned(work: Work, anon: Anon, eligible: Bools, touch: Bools) -> tuple[Anon, Bools]:
    """Only rows in blocks that may become huge in some address space of the family."""
    import polars as pl

    root = roots(work.trace)
    key = (root[anon.space] << work.trace.page_bits) | (anon.page >> 9)
    wanted = pl.Series(key[touch & eligible]).unique()
    keep = pl.Series(key).is_in(wanted.implode()).to_numpy()
    return (anon, eligible) if keep.all() else (anon.take(keep), eligible[keep])


def _inherited(families: Families, anon: Anon, rows: Int) -> Bools:
    """Did the address space get pages of this block from its parent at birth; ``rows`` are the first of each block of each space."""
    result = np.zeros(len(rows), np.bool_)
    child = np.flatnonzero(families.inherits[anon.space[rows]])
    if len(child):
        folios = Folios(families)
        folios.add_blocks(anon.space[rows], anon.page[rows] >> 9, anon.ts_ns[rows], np.full(len(rows), ANON_FRAME))
        asks = rows[child]
        born = families.lives.start_ns[anon.space[asks]]
        result[child] = folios.of_block(anon.space[asks], anon.page[asks] >> 9, born + 1).made != UNSEEN
    return result


def _latest(flag: Bools, number: Int) -> Bools:
    """Is the flag set at the first row of each row's episode."""
    head = np.flatnonzero(np.r_[True, number[1:] != number[:-1]])
    return np.repeat(flag[head], np.diff(np.r_[head, len(number)]))


def _split_zero_pages(work: Work, parts: Episodes, row: Int, role: Int, fill: Bools) -> None:
    """Before 6.13 the first write splits the huge zero page: all reads but the first vanish, every page written is zeroed by itself."""
    if not fill.any():
        return
    inside = _latest(fill, parts.number) & ~parts.again
    work.drop(row[inside & ~fill & (role == TOUCH_READ)])
    work.change(row[fill], "thp_zero_page")
    work.change(row[inside & (role == TOUCH_WRITE)], "zero_page_cow")
