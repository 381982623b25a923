"""How many base pages of a huge page a program touched: estimates with bounds, and what they rest on."""

from __future__ import annotations

import numpy as np

from cowtrace.replay.occupancy import Seen, seen_in
from cowtrace.replay.touches import HUGE_REUSE, HUGE_SPLIT, TOUCH_WRITE, WRITE, Anon
from cowtrace.replay.trace import BLOCK_PAGES, Bools, Small, Trace

#: A touch of another page of a fresh huge page takes about this long: a cache miss and a loop.
_TOUCH_NS = 20
#: Share of pages touched in a block that the program went past, and in the last one, with lower bounds; the upper one is all.
_PASSED, _LAST = (0.98, 0.3), (0.5, 0.02)
#: Below this density of base pages a program counts as striding.
_SPARSE = 0.3
#: Lower bound where nothing says how densely the program touches memory.
_NO_CLUE = 0.02
#: So many pages must have been touched one by one before their density counts, in blocks with at least so many.
_ENOUGH, _BLOCK_ENOUGH = 256, 16
#: So many looks into blocks of one name tell how its other blocks are filled; of a block's life, so much may be unseen.
_LOOKS_ENOUGH, _MOST_UNSEEN = 3, 0.5
#: Upper share of the pages that hold only zeros and yet were read or written, with zeros.
_WRITTEN_WITH_ZEROS = 0.1

Estimate = tuple[Small, Small, Small, str]


def touched_pages(trace: Trace, anon: Anon, fills: Anon) -> Estimate:
    """Pages touched in each huge page that was filled.

    Args:
        trace: The trace.
        anon: All faults on anonymous memory.
        fills: The first touches among them that got a huge page.

    Returns:
        (value, low, high, why): pages from 1 to 512 each.
    """
    passed = _went_on(trace, anon, fills)
    density, known = _density(trace, anon, fills)
    # gaps between small objects say nothing of large blocks, but a program that strides does so everywhere
    sparse = known & (density < _SPARSE)
    share = np.where(sparse, density, np.where(passed, _PASSED[0], _LAST[0]))
    low = np.where(sparse, density / 4, np.where(known, np.where(passed, _PASSED[1], _LAST[1]), _NO_CLUE))
    low = np.where(passed | known, low, 1 / BLOCK_PAGES)
    seen = seen_in(trace, anon, fills)
    if seen is not None:
        mean, least, learned = _of_name(trace, fills, seen, passed)
        share = np.where(learned, np.where(passed, mean, _LAST[0] * mean), share)
        low = np.where(learned, np.where(passed, least, np.minimum(least, _LAST[1])), low)
    about = _by_time(trace, fills)
    value = np.clip(np.minimum(share * BLOCK_PAGES, about), 1, BLOCK_PAGES)
    # a program may come back to a block that it swept past, so the sweep bounds the estimate only
    high = np.full(len(passed), float(BLOCK_PAGES))
    low = np.clip(np.minimum(low * BLOCK_PAGES, value), 1, BLOCK_PAGES)
    why = (
        f"touches hidden in {len(passed)} huge pages: {int(passed.sum())} were followed by the next block, "
        f"density known for {int(known.sum())}, swept past quickly {int((about < BLOCK_PAGES).sum())}"
    )
    if seen is None:
        return value, low, high, f"{why}; `cowtrace record --occupancy` would have looked into them"
    # what was written stays written; the rest is as likely to be written later as it was without a look
    sure = np.clip(seen.written, 1, BLOCK_PAGES)
    value = np.where(seen.looked, sure + np.maximum(value - sure, 0) * seen.unseen, value)
    low = np.where(seen.looked, sure, low)
    high = np.where(seen.looked, sure + np.maximum(high - sure, 0) * np.maximum(seen.unseen, _WRITTEN_WITH_ZEROS), high)
    return value, low, high, f"{why}; looked into {int(seen.looked.sum())} of them while they lived"


def _of_name(trace: Trace, fills: Anon, seen: Seen, passed: Bools) -> tuple[Small, Small, Bools]:
    """Share of pages written in blocks of processes of the same name that were looked into, full or late in their life.

    Where enough of the process's own were, the one filled last before and the one filled first after speak for a block: programs fill
    memory in stretches of one kind.

    Returns:
        (share, tenth percentile, enough blocks were looked into) for each fill.
    """
    names = np.array(trace.life_comm, dtype=object)[fills.space].astype(str)
    mean, least, learned = np.ones(len(names)), np.ones(len(names)), np.zeros(len(names), np.bool_)
    # a block that was looked into early says how far it was then, unless it was full
    ripe = seen.looked & passed & ((seen.written >= BLOCK_PAGES) | (seen.unseen <= _MOST_UNSEEN))
    for name in np.unique(names[ripe]).tolist():
        mine = names == name
        share = seen.written[mine & ripe] / BLOCK_PAGES
        if len(share) >= _LOOKS_ENOUGH:
            mean[mine], least[mine], learned[mine] = share.mean(), np.quantile(share, 0.1), True
    for space in np.unique(fills.space[ripe]).tolist():
        mine, told = np.flatnonzero(fills.space == space), np.flatnonzero((fills.space == space) & ripe)
        if len(told) < _LOOKS_ENOUGH:
            continue
        told = told[np.argsort(fills.ts_ns[told], kind="stable")]
        after = np.searchsorted(fills.ts_ns[told], fills.ts_ns[mine])
        written = seen.written[told] / BLOCK_PAGES
        mean[mine] = (written[np.maximum(after - 1, 0)] + written[np.minimum(after, len(told) - 1)]) / 2
    return mean, least, learned


def reused_pages(trace: Trace, anon: Anon, reuses: Anon) -> Estimate:
    """Pages written after each reuse of a whole huge page, until the next fork."""
    writes = anon.role == WRITE
    key = (anon.space[writes] << trace.page_bits) | (anon.page[writes] >> 9)
    distinct, count = np.unique(key, return_counts=True)
    of_space = distinct >> trace.page_bits
    share = np.full(len(reuses.row), 0.5)
    known = np.isin(reuses.space, of_space)
    for space in np.unique(reuses.space[known]).tolist():
        share[reuses.space == space] = min(1.0, float(count[of_space == space].mean()) / BLOCK_PAGES)
    value = np.clip(share * BLOCK_PAGES, 1, BLOCK_PAGES)
    low, high = np.ones(len(value)), np.full(len(value), float(BLOCK_PAGES))
    return value, low, high, f"writes hidden in {len(value)} huge pages that their last owner reused whole after a fork"


def _went_on(trace: Trace, anon: Anon, fills: Anon) -> Bools:
    """True where the program later touched the next block up or down, or another new one of the same mapping: it was done with this one."""
    bits = trace.page_bits
    first = np.flatnonzero((anon.role != WRITE) & (anon.role != HUGE_SPLIT) & (anon.role != HUGE_REUSE))
    key, ts = (anon.space[first] << bits) | (anon.page[first] >> 9), anon.ts_ns[first]
    order = np.argsort(key, kind="stable")
    key, ts = key[order], ts[order]
    # rows are in time order within a block: the last one of a block is its latest touch
    last = np.flatnonzero(np.r_[key[1:] != key[:-1], True])
    mine = (fills.space << bits) | (fills.page >> 9)
    result = np.zeros(len(mine), np.bool_)
    for step in (1, -1):
        at = last[np.minimum(np.searchsorted(key[last], mine + step), len(last) - 1)]
        result |= (key[at] == mine + step) & (ts[at] > fills.ts_ns)
    vma = (fills.space << 32) + trace.extents.vma[fills.extent] + 1
    latest = np.lexsort((fills.ts_ns, vma))
    more = np.zeros(len(mine), np.bool_)
    more[latest[:-1]] = vma[latest][1:] == vma[latest][:-1]
    return result | (more & (trace.extents.vma[fills.extent] >= 0))


def _density(trace: Trace, anon: Anon, fills: Anon) -> tuple[Small, Bools]:
    """Share of pages touched between the first and the last touched one, in blocks of base pages of processes of the same name."""
    bits = trace.page_bits
    names = np.array(trace.life_comm, dtype=object)
    distinct_names, comm_of = np.unique(names.astype(str), return_inverse=True)
    touch = anon.role == TOUCH_WRITE
    space, page = anon.space[touch], anon.page[touch]
    key = (space << bits) | page
    key = np.unique(key)
    block = key >> 9
    head = np.flatnonzero(np.r_[True, block[1:] != block[:-1]]) if len(key) else np.empty(0, np.int64)
    density, known = np.ones(len(fills.row)), np.zeros(len(fills.row), np.bool_)
    if not len(head):
        return density, known
    size = np.diff(np.r_[head, len(key)])
    span = key[head + size - 1] - key[head] + 1
    comm = comm_of[key[head] >> bits]
    full = size >= _BLOCK_ENOUGH
    pages = np.bincount(comm[full], weights=size[full], minlength=len(distinct_names))
    spans = np.bincount(comm[full], weights=span[full], minlength=len(distinct_names))
    of_fill = comm_of[fills.space]
    known = pages[of_fill] >= _ENOUGH
    density = np.where(known, pages[of_fill] / np.maximum(spans[of_fill], 1), 1.0)
    return density, known


def _by_time(trace: Trace, fills: Anon) -> Small:
    """About so many pages can have been touched before the process went on to the next block; infinite where it did something else."""
    faults = trace.faults
    about = np.full(len(fills.row), np.inf)
    order = np.argsort(faults.mm, kind="stable")
    mm, ts, duration, page = faults.mm[order], faults.ts_ns[order], faults.duration_ns[order], faults.page[order]
    gap = ts[1:] - ts[:-1] - np.maximum(duration[:-1], 0)
    valid = (mm[1:] == mm[:-1]) & (duration[:-1] >= 0) & (gap > 0)
    if not valid.any():
        return about
    # what the recorder itself takes between two faults
    least = float(np.quantile(gap[valid], 0.02))
    swept = valid & (np.abs((page[1:] >> 9) - (page[:-1] >> 9)) == 1)
    after = np.full(len(faults), np.inf)
    after[order[:-1][swept]] = gap[swept]
    return 1 + np.maximum(after[fills.row] - least, 0) / _TOUCH_NS
