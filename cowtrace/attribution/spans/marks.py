"""What a call inside a fault means, as bits: the meaning of the function, and where that matters, of the call around it."""

from __future__ import annotations

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.attribution.spans import functions as C
from cowtrace.attribution.spans.edges import NOT_TOLD

# The first bits are the meanings themselves: 1 << C.ANON and so on. These follow.
_FIRST = C.DUPLICATE + 1
(
    WP_NEW_ANON, WP_FLUSH, WP_ACCESS, SWAP_NEW_ANON, HUGE_ALLOC, HUGE_SPLIT, ALLOC_TOLD, ALLOC_ZEROED, ALLOC_LARGE,
    RETRY, MAJOR, FAILED, RETURNED, WROTE, READ, TRIED, WITHOUT_EXCEPTION, FLAGS_TOLD, UNFINISHED, VMA_LOCKED, TRIED_AGAIN,
    THP_NEW, PLAIN_NEW,
) = (1 << (_FIRST + place) for place in range(23))  # fmt: skip

# include/linux/mm_types.h: enum vm_fault_reason, enum fault_flag (FAULT_FLAG_INTERRUPTIBLE and FAULT_FLAG_DEFAULT since 5.6)
_VM_FAULT_ERROR, _VM_FAULT_MAJOR, _VM_FAULT_RETRY = 0x1 | 0x2 | 0x10 | 0x20 | 0x40 | 0x800, 0x4, 0x400
_FLAG_WRITE, _FLAG_TRIED, _FLAG_INTERRUPTIBLE, _FLAG_UNSHARE, _FLAG_VMA_LOCK = 0x1, 0x20, 0x200, 0x400, 0x1000

#: Functions that tell where a call stands.
CONTEXTS = (C.HMF, C.GUP, C.ANON, C.FAULT, C.COW_FAULT, C.READ_FAULT, C.SHARED_FAULT, C.WP, C.SWAP, C.THP_ANON, C.THP_WP, C.HUGETLB)


def mark_of(meaning: int) -> int:
    """The bit of a meaning."""
    return 1 << meaning


def _table() -> np.ndarray:
    """Marks by (meaning of the call, meaning of the nearest context around it)."""
    table = np.zeros((_FIRST, _FIRST), np.int64)
    for meaning in range(C.HMF + 1, _FIRST):
        table[meaning, :] = 1 << meaning
    table[C.NEW_ANON, C.WP] |= WP_NEW_ANON
    table[C.FLUSH, C.WP] |= WP_FLUSH
    table[C.ACCESS, C.WP] |= WP_ACCESS
    table[C.NEW_ANON, C.SWAP] |= SWAP_NEW_ANON
    for meaning in (C.ALLOC, C.THP_ALLOC, C.NEW_ANON, C.CLEAR_HUGE):
        table[meaning, C.THP_WP] |= HUGE_ALLOC
        table[meaning, C.THP_ANON] |= THP_NEW
    table[C.THP_ZERO_WP, :] |= HUGE_ALLOC
    for outside in (0, C.HMF):
        table[C.NEW_ANON, outside] |= PLAIN_NEW
    table[C.SPLIT, C.THP_WP] |= HUGE_SPLIT
    table[C.HMF, C.GUP] |= WITHOUT_EXCEPTION
    return table


_MARKS = _table()

#: A file's fault method was called, and what it brought was not mapped.
_CALLED, _MAPPED = 1 << C.CALL_FAULT | 1 << C.FILEMAP, 1 << C.FINISH | 1 << C.MAP_AROUND


def unfinished(marks: Int, shown: int) -> Int:
    """UNFINISHED for calls of the fault handler that did not come to an end, as far as the functions that the recording shows tell.

    Args:
        marks: Of each call.
        shown: Marks of all functions that occur in the recording.
    """
    left = np.zeros(len(marks), np.bool_)
    if shown >> C.FINISH & 1:
        left |= (marks & _CALLED != 0) & (marks & _MAPPED == 0)
    if shown & SWAP_NEW_ANON:
        left |= (marks >> C.SWAP & 1 != 0) & (marks & (SWAP_NEW_ANON | 1 << C.WP) == 0)
    result: Int = np.where(left, UNFINISHED, 0).astype(np.int64)
    return result


def contexts(meaning: Int, parent: Int, depth: Int) -> Int:
    """Nearest context around each edge: a meaning, 0 outside of all.

    Args:
        meaning: Of each edge.
        parent: Edge around each edge, -1 none.
        depth: Of each edge.
    """
    is_context = np.zeros(_FIRST, np.bool_)
    is_context[list(CONTEXTS)] = True
    own = np.where(is_context[meaning], meaning, 0)
    around = np.zeros(len(meaning), np.int64)
    order = np.argsort(depth, kind="stable")
    bounds = np.searchsorted(depth[order], np.arange(int(depth.max()) + 2)) if len(depth) else np.zeros(1, np.int64)
    for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        level = order[low:high]
        above = parent[level]
        inside = above >= 0
        level, above = level[inside], above[inside]
        around[level] = np.where(own[above] > 0, own[above], around[above])
    return around


def marks(meaning: Int, around: Int) -> Int:
    """Marks of calls: int64[n]."""
    found: Int = _MARKS[meaning, around]
    return found


def of_return(retval: Int) -> Int:
    """Marks of what ``handle_mm_fault`` returned (vm_fault_t)."""
    told = retval != NOT_TOLD
    result: Int = np.where(told, RETURNED, 0).astype(np.int64)
    result |= np.where(told & (retval & _VM_FAULT_RETRY != 0), RETRY, 0)
    result |= np.where(told & (retval & _VM_FAULT_MAJOR != 0), MAJOR, 0)
    result |= np.where(told & (retval & _VM_FAULT_ERROR != 0), FAILED, 0)
    return result


def of_flags(flags: Int) -> Int:
    """Marks of the flags that ``handle_mm_fault`` was called with; handlers of exceptions ask to be interruptible, others do not."""
    told = flags != NOT_TOLD
    wrote = np.where(flags & _FLAG_WRITE != 0, WROTE, READ)
    result: Int = np.where(told, wrote | FLAGS_TOLD, 0).astype(np.int64)
    result |= np.where(told & (flags & _FLAG_TRIED != 0), TRIED, 0)
    result |= np.where(told & (flags & _FLAG_VMA_LOCK != 0), VMA_LOCKED, 0)
    alone = (flags & _FLAG_INTERRUPTIBLE == 0) | (flags & _FLAG_UNSHARE != 0)
    result |= np.where(told & alone, WITHOUT_EXCEPTION, 0)
    return result
