"""Huge pages that no event shows: found by what later faults betray.

With error codes only, a first write looks alike for a base page and a huge one. But a later write to a *present* page that never faulted in
by itself, in a mapping watched from its start, means that an earlier fault in the same block mapped more than its own page.
"""

from __future__ import annotations

import numpy as np

from cowtrace.attribution import facts as F
from cowtrace.attribution.asof import Int
from cowtrace.attribution.facts import NO, YES
from cowtrace.attribution.mappings import ANON, HEAP, STACK
from cowtrace.attribution.observe import Observed
from cowtrace.attribution.pages import BLOCK_SHIFT, UNSEEN, Frame

#: Pages of one block that fault in one by one, from which on the block is not mapped huge: a huge page of which a few pages were given
#: back (MADV_DONTNEED) has such faults too.
_SEVERAL_PAGES = 4


def huge_first_touches(
    seen: Observed, block: Int, block_bits: int, betrayer: Int, frame: Frame, watched: np.ndarray, near: Int | int
) -> Int:
    """Rows whose fault must have mapped a whole huge block.

    Args:
        seen: Direct facts of the batch.
        block: (space, block) key of each row.
        block_bits: Width of the block number in it.
        betrayer: Rows with a known address space that write to something present.
        frame: Page-level frame of each of ``betrayer``.
        watched: bool per betrayer: the address space was watched from its start.
        near: YES for rows in blocks where several pages faulted in one by one.
    """
    anonymous = np.isin(seen.vma, (ANON, HEAP, STACK)) & (seen.can_be_huge == YES)
    tells = (frame.made == UNSEEN) & watched & anonymous[betrayer] & (np.broadcast_to(seen.write, len(block))[betrayer] == YES)
    if not tells.any():
        return np.empty(0, np.int64)
    # the first touch was made where the line of forks begins
    number = block[betrayer[tells]] & ((1 << block_bits) - 1)
    wanted = np.unique((frame.owner[tells] << block_bits) | number)
    first = np.flatnonzero((seen.present == NO) & (seen.write == YES) & anonymous & (near == NO) & (seen.after == F.NOT_RECORDED))
    first = first[np.isin(block[first], wanted)]
    order = np.lexsort((seen.ts_ns[first], block[first]))
    first = first[order]
    alone = np.r_[True, block[first][1:] != block[first][:-1]] if len(first) else np.empty(0, np.bool_)
    return first[alone]


def neighbours(seen: Observed, key: Int, by_page: Int, space: Int) -> Int:
    """YES where several pages of a huge block were faulted in one by one within this batch, more than a few given back and touched again.

    Args:
        seen: Direct facts of the batch.
        key: (space, page) key of each row.
        by_page: Rows ordered by key.
        space: Address space of each row, -1 unknown.
    """
    result = np.full(len(key), NO)
    touched = by_page[((space >= 0) & (seen.present != YES))[by_page]]
    if not len(touched):
        return result
    page = key[touched]
    block = page >> BLOCK_SHIFT
    first = np.flatnonzero(np.r_[True, block[1:] != block[:-1]])
    pages = np.add.reduceat(np.r_[True, page[1:] != page[:-1]].astype(np.int64), first)
    result[touched] = np.where(np.repeat(pages, np.diff(np.r_[first, len(touched)])) >= _SEVERAL_PAGES, YES, NO)
    return result
