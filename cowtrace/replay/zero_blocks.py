"""Blocks that are read first: they map the huge zero page, and get a huge page at the first write (since 6.13, do_huge_zero_wp_pmd)."""

from __future__ import annotations

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.attribution.pages import HUGE_FRAME, ZERO_FRAME
from cowtrace.replay.episodes import Episodes
from cowtrace.replay.families import Folios
from cowtrace.replay.touches import TOUCH_READ
from cowtrace.replay.trace import Bools, Small


def refills(folios: Folios, parts: Episodes, space: Int, block: Int, ts: Int, role: Small, zero: Bools) -> tuple[Bools, Bools]:
    """First writes to the huge zero page, own or inherited; they enter the log of blocks.

    Args:
        folios: Knows the blocks that were filled so far, those with the zero page among them.
        parts: Episodes; the other columns are in their order.
        space: Address space of each row.
        block: int64[n].
        ts: int64[n].
        role: What the rows tell.
        zero: bool per row: maps the huge zero page.

    Returns:
        (rows that get a huge page for it, rows before that which no longer happen).
    """
    head = np.flatnonzero(np.r_[True, parts.number[1:] != parts.number[:-1]])
    size = np.diff(np.r_[head, len(zero)])
    group = np.repeat(np.arange(len(head)), size)
    is_zero = zero[head]
    refill = np.zeros(len(zero), np.bool_)
    depth = folios.depth[space[head]]
    writes = (role != TOUCH_READ) & ~parts.again
    for level in np.unique(depth).tolist():
        # a child's blocks are what its parent had made of them when it forked
        asks = np.flatnonzero((depth == level) & ~parts.own[head])
        if len(asks):
            at = head[asks]
            is_zero[asks] = folios.of_block(space[at], block[at], ts[at]).made == ZERO_FRAME
        rows = np.flatnonzero(writes & (is_zero & (depth == level))[group])
        first = rows[np.r_[True, group[rows][1:] != group[rows][:-1]]] if len(rows) else rows
        refill[first] = True
        folios.add_blocks(space[first], block[first], ts[first], np.full(len(first), HUGE_FRAME))
    reached = np.cumsum(refill)
    before = is_zero[group] & (reached - np.repeat(reached[head] - refill[head], size) == 0) & ~zero
    return refill, before
