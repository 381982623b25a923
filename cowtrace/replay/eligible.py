"""Which mappings may hold anonymous huge pages: policy, advice, thread stacks (mm/huge_memory.c: __thp_vma_allowable_orders)."""

from __future__ import annotations

import re

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.attribution.history import EXECED, SEEN
from cowtrace.replay.touches import Anon
from cowtrace.replay.trace import HUGE_SHIFT, KIND, PAGE_SHIFT, Bools, Trace

MADV_HUGEPAGE, MADV_NOHUGEPAGE = 14, 15  # include/uapi/asm-generic/mman-common.h
_ENABLED = "sys/kernel/mm/transparent_hugepage/enabled"
_HUGE_KINDS = ("thp_zero", "thp_split", "thp_reuse", "thp_zero_page", "thp_zero_page_cow")
#: Since this release the kernel keeps thread stacks (MAP_STACK) free of huge pages (mm/mmap.c, VM_NOHUGEPAGE).
_NO_HUGE_STACKS_SINCE = (6, 7)


def recorded_mode(trace: Trace) -> tuple[str, str]:
    """The huge-page policy while recording, and where that is known from.

    Returns:
        (``never``, ``madvise`` or ``always``; source).
    """
    found = re.search(r"\[(\w+)\]", trace.settings.get(_ENABLED, ""))
    if found:
        return found[1], "recorded setting"
    codes = [KIND[name] for name in _HUGE_KINDS]
    if np.isin(trace.faults.kind, codes).any():
        return "always", "huge pages in the recording"
    return "never", "no huge page in the recording"


def allowed(trace: Trace, anon: Anon, mode: str) -> Bools:
    """bool per fault: under a policy, a huge page may fill the block around it, as far as the mapping goes.

    Args:
        trace: The trace.
        anon: Faults on anonymous memory.
        mode: ``never``, ``madvise`` or ``always``.
    """
    if mode == "never":
        return np.zeros(len(anon.row), np.bool_)
    advised, barred = _advice(trace, anon)
    may = anon.fits & ~barred & ~_older(trace, anon)
    if mode == "madvise":
        may &= advised
    if trace.release >= _NO_HUGE_STACKS_SINCE:
        may &= ~thread_stacks(trace)[anon.extent]
    return may


def _advice(trace: Trace, anon: Anon) -> tuple[Bools, Bools]:
    """Whether MADV_HUGEPAGE or MADV_NOHUGEPAGE was the last advice for a block before each fault, by any process of its family."""
    advised, barred = (np.zeros(len(anon.row), np.bool_) for _ in range(2))
    calls = trace.calls
    picked = np.flatnonzero(np.isin(calls.advice, (MADV_HUGEPAGE, MADV_NOHUGEPAGE)) & (calls.mm >= 0))
    if not len(picked):
        return advised, barred
    root = roots(trace)
    key = (root[anon.space] << trace.page_bits) | (anon.page >> 9)
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    family = root[trace.space_of[calls.mm[picked]]] << trace.page_bits
    low = np.searchsorted(ordered, family | calls.addr[picked] >> HUGE_SHIFT)
    high = np.searchsorted(ordered, family | (calls.addr[picked] + calls.size_bytes[picked] + (1 << HUGE_SHIFT) - 1) >> HUGE_SHIFT)
    for call, first, last in zip(picked.tolist(), low.tolist(), high.tolist(), strict=True):
        rows = order[first:last]
        if len(rows):
            rows = rows[anon.ts_ns[rows] > calls.ts_ns[call]]
            advised[rows] = calls.advice[call] == MADV_HUGEPAGE
            barred[rows] = calls.advice[call] == MADV_NOHUGEPAGE
    return advised, barred


def roots(trace: Trace) -> Int:
    """mm_id -> the address space at the head of its line of forks."""
    lives = trace.lives
    forked = (lives.parent >= 0) & (lives.how != EXECED) & (lives.how != SEEN)
    root: Int = np.where(forked, lives.parent, np.arange(len(lives.tgid)))
    while True:
        above = root[root]
        if (above == root).all():
            return root
        root = above


def _older(trace: Trace, anon: Anon) -> Bools:
    """Mappings that were there before the recording: what they held then is not known."""
    seen: Bools = (trace.lives.how == SEEN)[roots(trace)[anon.space]]
    if not seen.any():
        return seen
    first = int(trace.faults.ts_ns[0])
    result: Bools = seen & (trace.extents.ts_ns[anon.extent] <= first)
    return result


def thread_stacks(trace: Trace) -> Bools:
    """bool per mapping range: the upper part of an inaccessible mapping made writable at once but for a guard below: a thread's stack."""
    extents = trace.extents
    none = np.array([perms.startswith("---") for perms in extents.perms], np.bool_)
    writable = np.array([perms.startswith("rw") for perms in extents.perms], np.bool_)
    result = np.zeros(len(extents.mm), np.bool_)
    if not none.any():
        return result
    # the guard and the stack together are what was mapped, or merged with an older neighbour below or above
    guards = {(mm, start) for mm, start in zip(extents.mm[none].tolist(), extents.start[none].tolist(), strict=True)}
    for row in np.flatnonzero(writable & (extents.end - extents.start >= 1 << HUGE_SHIFT)).tolist():
        mm, start = int(extents.mm[row]), int(extents.start[row])
        result[row] = any((mm, start - (pages << PAGE_SHIFT)) in guards for pages in (1, 16))
    return result


__all__ = ["allowed", "recorded_mode", "roots", "thread_stacks"]
