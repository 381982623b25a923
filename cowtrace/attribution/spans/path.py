"""From the marks of a fault to the path that the kernel took. Plain rules, for each distinct combination of marks once.

A function that never occurs in the recording was perhaps not traced, or compiled into its caller: its absence says nothing. One that
occurs elsewhere and not here was not called here. Paths: mm/memory.c, mm/huge_memory.c, mm/hugetlb.c of 4.4 to 7.2.
"""

from __future__ import annotations

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.attribution.spans import functions as C
from cowtrace.attribution.spans import marks as M

# What the kernel did; P_… without an outcome: the recording can't tell which.
(
    NO_CALL, NOT_CALLED, FAILED, PLAIN, ANON, ANON_FILLED, ZERO_MAPPED, FILE, FILE_COPIED, FILE_MAPPED, FILE_SHARED, SHMEM, WP, WP_COPIED,
    WP_REUSED, WP_MADE_WRITABLE, NOTHING_DONE, SWAP, THP, THP_FILLED, THP_WP, THP_REUSED, THP_ZERO_REPLACED, SPLIT, SPLIT_COPIED,
    SPLIT_REUSED, HUGETLB, HUGETLB_FILLED, HUGETLB_COPIED, HUGETLB_REUSED, NUMA, UFFD, NEW_PAGE,
    ZERO_REPLACED, ANON_LARGE,
) = range(35)  # fmt: skip
PATHS = 35

#: Paths on which something was mapped before.
PRESENT = frozenset(
    {WP, WP_COPIED, WP_REUSED, WP_MADE_WRITABLE, ZERO_REPLACED, THP_WP, THP_REUSED, THP_ZERO_REPLACED, SPLIT, SPLIT_COPIED, SPLIT_REUSED}
)
#: Paths on which nothing was.
ABSENT = frozenset(
    {ANON, ANON_FILLED, ANON_LARGE, NEW_PAGE, ZERO_MAPPED, FILE, FILE_COPIED, FILE_MAPPED, FILE_SHARED, SHMEM, SWAP, THP, THP_FILLED}
)

_FILE_CALLS = sum(
    1 << part for part in (C.FAULT, C.COW_FAULT, C.READ_FAULT, C.SHARED_FAULT, C.CALL_FAULT, C.FILEMAP, C.SHMEM, C.MAP_AROUND, C.FINISH)
)
_NEW = 1 << C.NEW_ANON | 1 << C.ALLOC


def paths(marks: Int, shown: int) -> Int:
    """Path of each fault.

    Args:
        marks: Marks of its handler calls; 0 without any.
        shown: Marks of all calls in the recording so far.
    """
    distinct, place = np.unique(marks, return_inverse=True)
    found: Int = np.array([path_of(value, shown) for value in distinct.tolist()], np.int64)[place]
    return found


def path_of(marks: int, shown: int) -> int:
    """Path of one fault from its marks."""

    def has(*meanings: int) -> bool:
        return any(marks >> meaning & 1 for meaning in meanings)

    def could(*meanings: int) -> bool:
        return any(shown >> meaning & 1 for meaning in meanings)

    if not marks:
        return NO_CALL
    if marks & M.FAILED:
        return FAILED
    if has(C.HUGETLB, C.HUGETLB_NEW, C.HUGETLB_WP):
        return _hugetlb(has, could)
    if has(C.NUMA):
        return NUMA
    if has(C.THP_WP, C.THP_ZERO_WP):
        return _huge_write(marks, shown)
    if has(C.SWAP):
        return SWAP
    if has(C.WP, C.WP_COPY, C.WP_REUSE, C.WP_SHARED):
        return _write_protected(marks, shown)
    if marks & _FILE_CALLS:
        return _file(marks, shown)
    if has(C.THP_ANON) and not (has(C.ANON) or marks & M.PLAIN_NEW):
        if marks & M.THP_NEW:
            return UFFD if has(C.UFFD) else THP_FILLED
        return UFFD if has(C.UFFD) else THP
    return _anonymous(marks, shown)


def _hugetlb(has: object, could: object) -> int:
    assert callable(has) and callable(could)
    if has(C.COPY_HUGE):
        return HUGETLB_COPIED
    if has(C.HUGETLB_NEW, C.CLEAR_HUGE):
        return HUGETLB_FILLED
    if has(C.HUGETLB_WP) and could(C.COPY_HUGE) and could(C.HUGETLB_NEW, C.CLEAR_HUGE):
        return HUGETLB_REUSED
    return HUGETLB


def _huge_write(marks: int, shown: int) -> int:
    """do_huge_pmd_wp_page: reuse, or split and on to do_wp_page; since 6.13 a write over the huge zero page allocates."""
    if marks & M.HUGE_ALLOC:
        return THP_ZERO_REPLACED
    if marks >> C.WP & 1:
        outcome = _write_protected(marks, shown)
        return {WP_COPIED: SPLIT_COPIED, WP_REUSED: SPLIT_REUSED, ZERO_REPLACED: ZERO_REPLACED}.get(outcome, SPLIT)
    if marks & (M.HUGE_SPLIT | 1 << C.SPLIT):
        return SPLIT
    return THP_REUSED if shown >> C.WP & 1 or shown >> C.SPLIT & 1 else THP_WP


def _write_protected(marks: int, shown: int) -> int:
    """do_wp_page: a copy flushes the old entry and puts in a new page; a reuse changes the entry; losers of a race do neither."""
    done = M.WP_FLUSH | M.WP_NEW_ANON | 1 << C.FLUSH
    if marks & done:
        # only for the zero page is the new page asked for as zeros
        return ZERO_REPLACED if marks & M.ALLOC_ZEROED and marks & (M.WP_NEW_ANON | M.WP_FLUSH) else WP_COPIED
    if marks & (1 << C.MKWRITE | 1 << C.WP_SHARED):
        return WP_MADE_WRITABLE
    if marks & (M.WP_ACCESS | 1 << C.WP_REUSE):
        return WP_REUSED
    tells_copies = shown & done
    if marks >> C.WP_COPY & 1:
        return NOTHING_DONE if tells_copies else WP_COPIED
    tells_reuses = shown & (M.WP_ACCESS | 1 << C.WP_REUSE)
    if tells_copies and tells_reuses:
        return NOTHING_DONE
    return WP_REUSED if tells_copies or shown >> C.WP_COPY & 1 else WP


def _file(marks: int, shown: int) -> int:
    """do_fault: a private write puts in a new anonymous page, a shared one tells the file system, a read maps what is cached."""
    if marks & (_NEW & ~(1 << C.ALLOC) | 1 << C.COW_FAULT):
        return FILE_COPIED
    if marks >> C.SHMEM & 1:
        return SHMEM
    if marks & (1 << C.MKWRITE | 1 << C.SHARED_FAULT):
        return FILE_SHARED
    if marks & (1 << C.MAP_AROUND | 1 << C.READ_FAULT | M.READ):
        return FILE_MAPPED
    return FILE


def _anonymous(marks: int, shown: int) -> int:
    """do_anonymous_page, which some compilers put into its caller: then nothing of it is seen but the page that it puts in."""
    if marks >> C.UFFD & 1:
        return UFFD
    if not (shown & _FILE_CALLS or marks >> C.ANON & 1):
        # the handlers of files may not have been recorded: then a new page may be a copy of a file's
        return NEW_PAGE if marks & _NEW else NO_CALL
    if marks >> C.NEW_ANON & 1:
        return ANON_LARGE if marks & M.ALLOC_LARGE else ANON_FILLED
    if shown >> C.NEW_ANON & 1:
        if marks >> C.ALLOC & 1:
            return NOTHING_DONE
        if marks >> C.ANON & 1:
            return ZERO_MAPPED
        return NOTHING_DONE if marks & 1 << C.ACCESS else PLAIN
    if marks >> C.ALLOC & 1:
        return ANON_FILLED
    if marks >> C.ANON & 1:
        return ZERO_MAPPED if shown >> C.ALLOC & 1 else ANON
    return PLAIN
