"""What other addresses would have given: the kernel places heap and mappings at random pages, and huge pages depend on alignment."""

from __future__ import annotations

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.replay.eligible import roots
from cowtrace.replay.families import Families
from cowtrace.replay.touches import TOUCH_READ, TOUCH_WRITE, Anon
from cowtrace.replay.trace import BLOCK_PAGES, HUGE_SHIFT, PAGE_SHIFT, Bools, Trace
from cowtrace.replay.work import Layout, Work

#: Alternatives tried when few faults depend on alignment; fewer with many, whose sum varies little.
_LAYOUTS, _ROWS_IN_ALL = 32, 4_000_000
_RANDOMIZE = "proc/sys/kernel/randomize_va_space"


def try_layouts(work: Work, anon: Anon, may: Bools, families: Families) -> None:
    """Count first touches that vanish under other placements of the mappings that are placed at random.

    Args:
        work: The scenario; gets ``layouts``.
        anon: Faults on anonymous memory.
        may: bool per row: policy and mapping allow a huge page there, with the recorded addresses.
        families: Who forked whom.
    """
    trace = work.trace
    extents = trace.extents
    pinned = _pinned(trace)
    loose = (extents.end - extents.start >= 1 << HUGE_SHIFT) & ~pinned
    if not loose.any() or trace.settings.get(_RANDOMIZE) == "0":
        return
    # a child's blocks depend on what its parent had touched: only the heads of families are tried
    root = roots(trace)
    involved = np.zeros(len(root) + 1, np.bool_)
    involved[np.unique(trace.space_of[extents.mm[loose]])] = True
    involved[np.append(root != np.arange(len(root)), True)] = False
    touch = (anon.role == TOUCH_WRITE) | (anon.role == TOUCH_READ)
    at = np.flatnonzero(touch & involved[anon.space])
    if not len(at):
        return
    part = anon.take(at)
    epoch = families.epoch(part.space, part.ts_ns)
    distinct, code = np.unique(part.space, return_inverse=True)
    barred = anon.fits[at] & ~may[at]
    fixed = pinned[part.extent]
    reference = _vanishing(trace, part, epoch, np.zeros(len(at), np.int64), barred, fixed)
    rng = np.random.default_rng(0)
    for _ in range(max(4, min(_LAYOUTS, _ROWS_IN_ALL // len(at)))):
        shift = np.where(fixed, 0, rng.integers(0, BLOCK_PAGES, len(distinct))[code])
        change = reference.astype(np.int64) - _vanishing(trace, part, epoch, shift, barred, fixed)
        moved = np.flatnonzero(change)
        row = part.row[moved]
        work.layouts.append(Layout(trace.faults.group[row], trace.faults.kind[row].astype(np.int64), change[moved]))
    work.assume("Mappings that the kernel places at random pages would be placed anew: the interval holds their other alignments.")


def _vanishing(trace: Trace, part: Anon, epoch: Int, shift: Int, barred: Bools, fixed: Bools) -> Bools:
    """bool per first touch: a huge page that an earlier one of the same block got holds it already, with mappings moved by ``shift``."""
    extents = trace.extents
    block = (part.page + shift) >> (HUGE_SHIFT - PAGE_SHIFT)
    first = extents.start[part.extent] + (shift << PAGE_SHIFT)
    last = extents.end[part.extent] + (shift << PAGE_SHIFT)
    fits = (first <= block << HUGE_SHIFT) & ((block + 1) << HUGE_SHIFT <= last) & ~barred
    # what moves and what does not never share a block
    key = ((part.space << trace.page_bits) | block) << 1 | fixed
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    head = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    size = np.diff(np.r_[head, len(order)])
    huge = np.repeat(fits[order[head]], size) & (epoch[order] == np.repeat(epoch[order[head]], size))
    huge[head] = False
    result: Bools = np.zeros(len(order), np.bool_)
    result[order] = huge
    return result


def _pinned(trace: Trace) -> Bools:
    """bool per mapping range: its place does not depend on chance modulo 2 MiB.

    Since 6.7 anonymous mappings of whole huge pages are aligned (mm/mmap.c: thp_get_unmapped_area); allocators align theirs; and what was
    placed directly below an aligned mapping has a fixed place too.
    """
    extents = trace.extents
    one = (1 << HUGE_SHIFT) - 1
    # where libraries end up depends on gaps between them, so what lies below them has no fixed place
    anonymous = np.array([kind in ("anon", "heap", "stack") for kind in trace.vmas.kind] + [False])[extents.vma]
    wide = anonymous & (extents.end - extents.start >= 1 << HUGE_SHIFT)
    pinned: Bools = wide & (((extents.start & one) == 0) | ((extents.end & one) == 0))
    pinned |= pinned_vmas(pinned, extents.vma)
    start = (extents.mm << 47) ^ extents.start
    end = (extents.mm << 47) ^ extents.end
    for _ in range(64):
        more = pinned | (anonymous & np.isin(end, start[pinned]))
        more |= pinned_vmas(more, extents.vma)
        if (more == pinned).all():
            break
        pinned = more
    return pinned


def pinned_vmas(pinned: Bools, vma: Int) -> Bools:
    """What is true of one state of a mapping is true of all its states."""
    if not len(vma) or vma.max() < 0:
        return pinned
    of_vma = np.zeros(int(vma.max()) + 2, np.bool_)
    of_vma[vma[pinned]] = True
    of_vma[-1] = False
    result: Bools = of_vma[vma]
    return result
