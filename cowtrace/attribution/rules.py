"""From the facts of one fault to what the kernel did. Plain rules, one fault at a time: this is the specification.

The fast path calls ``decide`` once for every distinct combination of facts (a few hundred in any recording) and looks the rest up.
Paths and signatures: mm/memory.c (do_anonymous_page, do_wp_page, do_cow_fault, do_swap_page), mm/huge_memory.c
(do_huge_pmd_anonymous_page, do_huge_pmd_wp_page), mm/hugetlb.c, mm/ksm.c, mm/filemap.c; verified on 6.18.
"""

from __future__ import annotations

from cowtrace.attribution import facts as F
from cowtrace.attribution.facts import NO, YES, Facts
from cowtrace.attribution.mappings import ANONYMOUS, FILE_PRIVATE, FILE_SHARED, HUGETLB, SHMEM, SPECIAL
from cowtrace.attribution.rules_entry import by_exception, is_entry_only
from cowtrace.attribution.rules_path import as_told_by_path, by_path
from cowtrace.attribution.rules_touch import first_touch
from cowtrace.attribution.rules_write import huge_page, replaced, same_page, split, write_protected
from cowtrace.attribution.verdict import Verdict, unknown, verdict


def decide(f: Facts) -> Verdict:
    """The kind of one fault."""
    if f.exited == NO:
        return verdict("failed", "join", 0.95)
    if f.path:
        told = by_path(f)
        if told is not None:
            return told
        f = as_told_by_path(f)
    if is_entry_only(f):
        return by_exception(f)
    if f.lost_race == YES:
        return verdict("spurious", "frames", 0.8)
    if f.before in (F.NONE, F.ZERO, F.PAGE, F.HUGE_ZERO, F.HUGE) and f.after in (F.NONE, F.ZERO, F.PAGE, F.HUGE_ZERO, F.HUGE):
        return _by_frames(f)
    if f.present == NO:
        return first_touch(f, "errcode" if f.before == F.NOT_RECORDED else "frames")
    if f.present == YES:
        return write_protected(f)
    return _blind(f)


def _by_frames(f: Facts) -> Verdict:
    match f.before, f.after:
        case F.NONE, F.ZERO:
            return unknown("special") if f.vma == SPECIAL else verdict("zero_page", "frames", 0.98)
        case F.NONE, F.HUGE_ZERO:
            return verdict("thp_zero_page", "frames", 0.99)
        case F.NONE, F.PAGE | F.HUGE:
            return first_touch(f, "frames")
        case F.ZERO, F.PAGE:
            # a NUMA hint also hides the frame from the probe, but allocates nothing on the same node
            return verdict("numa_hint", "join", 0.7) if f.alloc == F.ALLOC_NONE else verdict("zero_page_cow", "frames", 0.97)
        case F.HUGE_ZERO, F.HUGE:
            return verdict("thp_zero_page_cow", "frames", 0.99)
        case F.HUGE_ZERO, F.PAGE:
            # up to 6.12 the huge zero page is split into base zero pages, of which one is replaced
            return verdict("zero_page_cow", "frames", 0.97)
        case F.PAGE, F.PAGE:
            return same_page(f) if f.same_frame == YES else replaced(f, "frames")
        case F.HUGE, F.PAGE:
            return split(f)
        case F.HUGE, F.HUGE:
            return huge_page(f)
        case (F.ZERO, F.ZERO) | (F.HUGE_ZERO, F.HUGE_ZERO):
            return unknown("special") if f.vma == SPECIAL else verdict("spurious", "frames", 0.8)
    # the mapping changed hands in between (reclaim, collapse, unmap by another thread)
    return unknown("spurious")


def _blind(f: Facts) -> Verdict:
    """Neither error code nor page tables: only the mapping, the history and what happened inside."""
    if f.vma == HUGETLB:
        return unknown("hugetlb", "hugetlb_cow")
    if f.vma == SPECIAL:
        return unknown("special")
    if f.vma in (FILE_PRIVATE, FILE_SHARED) and f.writable == NO:
        return verdict("file_read", "state", 0.9, wrote=NO)
    if f.vma == SHMEM:
        return verdict("shmem", "state", 0.8)
    if f.vma == FILE_SHARED:
        return unknown("file_read", "file_mkwrite")
    if f.vma == FILE_PRIVATE:
        alone = f.sharing == F.EXCLUSIVE and f.complete == YES
        return unknown("file_read", "file_cow") if alone else unknown("file_read", "file_cow", "cow_copy", "cow_reuse")
    if f.vma in ANONYMOUS:
        if f.alloc == F.ALLOC_HUGE:
            return unknown("thp_zero", "thp_zero_page_cow")
        if f.alloc == F.ALLOC_MID:
            return verdict("mthp_zero", "join", 0.95)
        if f.alloc == F.ALLOC_ZEROED:
            return unknown("anon_zero", "zero_page_cow")
        if f.major == YES:
            return verdict("swap_in", "join", 0.8)
        left = ["anon_zero", "mthp_zero", "zero_page", "zero_page_cow"] + ([] if f.can_be_huge == NO else ["thp_zero"])
        if f.sharing != F.EXCLUSIVE or f.complete == NO:
            left += ["cow_copy", "cow_reuse"] + ([] if f.can_be_huge == NO else ["thp_split"])
        return unknown(*left)
    return unknown("anon_zero", "zero_page", "cow_copy", "cow_reuse", "file_read", "file_cow", "shmem")
