"""When a huge block of an address space is empty, and whether a huge page may fill it then.

A huge page comes at a first touch only while the block has no page table (mm/memory.c, __handle_mm_fault: pmd_none). An *episode* is the
time from one first touch of an empty block to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cowtrace.attribution.asof import ALWAYS, AsOf, Int
from cowtrace.replay.touches import TOUCH_READ, TOUCH_WRITE, Anon
from cowtrace.replay.trace import HUGE_SHIFT, Bools, Trace

MADV_DONTNEED = 4  # include/uapi/asm-generic/mman-common.h


@dataclass(slots=True)
class Episodes:
    """Rows of an ``Anon`` ordered by (space, block, time).

    Attributes:
        order: Rows of the Anon in that order; the other arrays follow it.
        key: (space << page_bits) | block.
        starts: The row touches an empty block.
        number: Number of the episode; rows before a block's first own episode have that of the group with ``own`` False.
        own: The episode began in this address space (else the block came from the parent or from before the recording).
        again: The same page was touched in this episode before, so it was given back meanwhile.
    """

    order: Int
    key: Int
    starts: Bools
    number: Int
    own: Bools
    again: Bools


def episodes(trace: Trace, anon: Anon, inherited: Callable[[Int], Bools]) -> Episodes:
    """Find the episodes.

    Args:
        trace: The trace.
        anon: Faults on anonymous memory.
        inherited: Tells of rows, each the first of its block in its address space: did the block hold pages of the parent at birth.
    """
    key = (anon.space << trace.page_bits) | (anon.page >> 9)
    order = np.argsort(key, kind="stable")
    key, ts, page, extent = key[order], anon.ts_ns[order], anon.page[order], anon.extent[order]
    first = np.r_[True, key[1:] != key[:-1]]
    before = np.r_[ALWAYS, ts[:-1]]
    before[first] = ALWAYS
    since = trace.extents.ts_ns[extent]
    emptied = _emptied(trace, key, ts, since)
    role = anon.role[order]
    # a write to a present page says nothing of the kind
    previous, again = _touched_before(key, page, ts, (role == TOUCH_WRITE) | (role == TOUCH_READ))
    # a page touched again in a mapping made after its last touch: the whole mapping was replaced
    emptied[again] = np.maximum(emptied[again], np.where(since[again] > previous[again], since[again], ALWAYS))
    starts = (emptied > before) & anon.fits[order]
    head = np.flatnonzero(first)
    starts[head] |= ~inherited(order[head])
    number = np.cumsum(starts | first)
    # own once the group had a start
    started = np.maximum.accumulate(np.where(starts, np.arange(len(key)), -1))
    own = started >= np.repeat(head, np.diff(np.r_[head, len(key)]))
    again &= own & (previous >= ts[np.maximum(started, 0)])
    return Episodes(order, key, starts, number, own, again)


def _touched_before(key: Int, page: Int, ts: Int, touch: Bools) -> tuple[Int, Bools]:
    """Time of the previous touch of the same page of the same space, and whether there is one; for touches."""
    previous = np.full(len(key), ALWAYS)
    rows = np.flatnonzero(touch)
    offset = page[rows] & 511
    order = np.lexsort((offset, key[rows])) if len(rows) else rows
    sorted_rows = rows[order]
    same = (key[sorted_rows[1:]] == key[sorted_rows[:-1]]) & (page[sorted_rows[1:]] == page[sorted_rows[:-1]])
    previous[sorted_rows[1:][same]] = ts[sorted_rows[:-1][same]]
    return previous, previous != ALWAYS


def _emptied(trace: Trace, key: Int, ts: Int, since: Int) -> Int:
    """Time of the latest call before each row that emptied its block.

    munmap counts when the mapping there is of a later record; MADV_DONTNEED when it spans the block (mm/memory.c: zap_huge_pmd).
    """
    calls = trace.calls
    unmaps = np.array([call == "munmap" for call in calls.call], np.bool_)
    drops = calls.advice == MADV_DONTNEED
    picked = np.flatnonzero((unmaps | drops) & (calls.mm >= 0))
    result = np.full(len(key), ALWAYS)
    if not len(picked) or not len(key):
        return result
    blocks = key[np.r_[True, key[1:] != key[:-1]]]
    space = trace.space_of[calls.mm[picked]] << trace.page_bits
    start, end = calls.addr[picked], calls.addr[picked] + calls.size_bytes[picked]
    whole = drops[picked]
    one = (1 << HUGE_SHIFT) - 1
    low = np.searchsorted(blocks, space | np.where(whole, (start + one) >> HUGE_SHIFT, start >> HUGE_SHIFT))
    high = np.searchsorted(blocks, space | np.where(whole, end >> HUGE_SHIFT, (end + one) >> HUGE_SHIFT))
    count = np.maximum(high - low, 0)
    call = np.repeat(picked, count)
    block = np.repeat(low, count) + np.arange(len(call)) - np.repeat(np.cumsum(count) - count, count)
    when = calls.ts_ns[call]
    code = np.cumsum(np.r_[True, key[1:] != key[:-1]]) - 1
    found = AsOf(block, when).find(code, ts)
    at = np.maximum(found, 0)
    if len(when):
        result = np.where((found >= 0) & (drops[call[at]] | (since > when[at])), when[at], ALWAYS)
    return result
