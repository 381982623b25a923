"""What base pages make of recorded huge faults: touches that a huge page hid come back, between one and 512 for each.

Which pages of a huge page were touched is not in any event. Clues: whether the program went on to the next block, how densely it touches
the blocks that it got in base pages, how soon its next fault came, and how many pages it wrote where a fork had split huge pages.
"""

from __future__ import annotations

import numpy as np

from cowtrace.attribution import facts
from cowtrace.attribution.asof import Int
from cowtrace.attribution.pages import ANON_FRAME, HUGE_FRAME, PageHistory, frame_of
from cowtrace.attribution.sharing import Sharing
from cowtrace.replay.density import reused_pages, touched_pages
from cowtrace.replay.families import Families, Folios
from cowtrace.replay.touches import (
    HUGE_FILL,
    HUGE_REUSE,
    HUGE_SPLIT,
    HUGE_ZERO,
    HUGE_ZERO_WRITE,
    TOUCH_READ,
    TOUCH_WRITE,
    WRITE,
    Anon,
)
from cowtrace.replay.trace import KIND, Bools
from cowtrace.replay.work import Extra, Work


def unfold(work: Work, anon: Anon, families: Families, stays: Bools) -> None:
    """Let huge pages be base pages.

    Args:
        work: The scenario.
        anon: Faults on anonymous memory that still happen.
        families: Who forked whom.
        stays: bool per row: huge pages stay allowed there.
    """
    anon = _blocks_that_change(work, anon, stays)
    _hidden(work, anon, HUGE_FILL, "anon_zero")
    _hidden(work, anon, HUGE_ZERO, "zero_page")
    _hidden(work, anon, HUGE_ZERO_WRITE, "zero_page_cow")
    reuse = anon.take(anon.role == HUGE_REUSE)
    if len(reuse.row):
        value, low, high, why = reused_pages(work.trace, anon, reuse)
        work.change(reuse.row, "cow_reuse")
        work.extras.append(Extra(reuse.row, KIND["cow_reuse"], value - 1, low - 1, high - 1, why))
    _rejudge(work, anon, families)
    work.leave_out("Page table walks and TLB misses, which cost more with small pages and are not in page faults.")


def _hidden(work: Work, anon: Anon, role: int, kind: str) -> None:
    fills = anon.take(anon.role == role)
    if not len(fills.row):
        return
    value, low, high, why = touched_pages(work.trace, anon, fills)
    work.change(fills.row, kind)
    work.extras.append(Extra(fills.row, KIND[kind], value - 1, low - 1, high - 1, why))


def _blocks_that_change(work: Work, anon: Anon, stays: Bools) -> Anon:
    if not stays.any():
        return anon
    bits = work.trace.page_bits
    key = (anon.space << bits) | (anon.page >> 9)
    filled = (anon.role >= HUGE_FILL) & (anon.role != WRITE)
    staying = np.unique(key[filled & stays])
    return anon.take(~np.isin(key, staying))


def _rejudge(work: Work, anon: Anon, families: Families) -> None:
    """Copies and reuses in split huge pages: base pages are judged one by one, so more of them are the last owner's."""
    touch = (anon.role == TOUCH_WRITE) | (anon.role == TOUCH_READ)
    fill = anon.role == HUGE_FILL
    folios = Folios(families)
    at = np.flatnonzero(fill | touch)
    folios.add_blocks(anon.space[at], anon.page[at] >> 9, anon.ts_ns[at], np.where(fill[at], HUGE_FRAME, ANON_FRAME))
    writes = np.flatnonzero((anon.role == WRITE) | (anon.role == HUGE_SPLIT))
    if not len(writes):
        return
    frame = folios.of_block(anon.space[writes], anon.page[writes] >> 9, anon.ts_ns[writes])
    writes = writes[frame.made == HUGE_FRAME]
    if not len(writes):
        return
    part = anon.take(writes)
    shared = _shared_pages(work, families, part)
    work.change(part.row[shared], "cow_copy")
    work.change(part.row[~shared], "cow_reuse")
    work.assume(
        "Pages that a child wrote in huge pages of its parent had been touched by the parent, so they are copies and not first touches."
    )


def _shared_pages(work: Work, families: Families, part: Anon) -> Bools:
    """Does another address space still map the base page, when pages are judged one by one."""
    trace = work.trace
    bits = trace.page_bits
    key = (part.space << bits) | part.page
    log, none = PageHistory(bits), PageHistory(bits)
    order = np.lexsort((part.ts_ns, key))
    log.add(key[order], part.ts_ns[order], np.full(len(order), ANON_FRAME))
    sharing = Sharing(families.lives, trace.space_of, log, none)
    frame = frame_of(log, families.lives, trace.space_of, part.space, part.page, part.ts_ns)
    state: Int = sharing.state(frame, part.space, part.page, part.ts_ns, holders=True)
    result: Bools = state == facts.SHARED
    return result
