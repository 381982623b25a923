"""Rules for writes to something mapped (mm/memory.c: do_wp_page; mm/huge_memory.c: do_huge_pmd_wp_page; mm/hugetlb.c; mm/ksm.c)."""

from __future__ import annotations

from cowtrace.attribution import facts as F
from cowtrace.attribution.facts import NO, YES, Facts
from cowtrace.attribution.mappings import ANONYMOUS, FILE_PRIVATE, FILE_SHARED, HUGETLB, SHMEM, SPECIAL
from cowtrace.attribution.mappings import UNKNOWN as UNKNOWN_MAPPING
from cowtrace.attribution.pages import ANON_FRAME, FILE_FRAME, HUGE_FRAME, UNSEEN, ZERO_FRAME
from cowtrace.attribution.verdict import Verdict, unknown, verdict


def same_page(f: Facts) -> Verdict:
    """A base page was mapped before and the same one after."""
    if f.vma == FILE_SHARED:
        return verdict("spurious", "frames", 0.8) if f.write == NO else verdict("file_mkwrite", "frames", 0.97)
    if f.write == NO or f.vma in (SHMEM, SPECIAL) or f.present == NO:
        return verdict("spurious", "frames", 0.8)
    if f.vma == HUGETLB:
        return verdict("hugetlb", "frames", 0.95, zeroed=0)
    if f.vma in ANONYMOUS or f.vma == FILE_PRIVATE:
        # a private mapping never makes a page-cache page writable, so the page is anonymous
        return verdict("cow_reuse", "frames", 0.95)
    return unknown("cow_reuse", "file_mkwrite")


def replaced(f: Facts, evidence: str) -> Verdict:
    """A base page was mapped and another one is now: a copy. Of what?"""
    if f.alloc == F.ALLOC_NONE or f.vma in (FILE_SHARED, SHMEM):
        # migrated, or copied by another thread while this one waited
        return verdict("spurious", "join" if f.alloc == F.ALLOC_NONE else evidence, 0.7)
    if f.rss != F.RSS_UNKNOWN and f.rss & F.RSS_FILE:
        return verdict("file_cow", "join", 0.98)
    if f.vma in ANONYMOUS:
        if f.origin == ANON_FRAME and f.sharing == F.EXCLUSIVE and f.complete == YES:
            return verdict("ksm_copy", "state", 0.8)
        return verdict("cow_copy", evidence, 0.97)
    if f.rss != F.RSS_UNKNOWN and f.rss == 0 and f.alloc == F.ALLOC_PLAIN:
        return verdict("cow_copy", "join", 0.95)
    if f.origin == ANON_FRAME:
        return verdict("cow_copy", "state", 0.9)
    if f.cache != F.CACHE_UNKNOWN:
        return verdict("file_cow" if f.cache == F.CACHE_PAGE else "cow_copy", "frames", 0.93)
    if f.origin == FILE_FRAME or (f.vma == FILE_PRIVATE and f.complete == YES and (f.origin == UNSEEN or f.sharing == F.EXCLUSIVE)):
        return verdict("file_cow", "state", 0.9)
    return unknown("file_cow", "cow_copy")


def split(f: Facts) -> Verdict:
    """A huge mapping before, a base page after."""
    if f.vma == FILE_PRIVATE:
        return verdict("file_cow", "frames", 0.97) if f.same_frame == NO else verdict("file_read", "frames", 0.7, wrote=NO)
    if f.vma in (FILE_SHARED, SHMEM):
        return verdict("file_mkwrite" if f.vma == FILE_SHARED else "shmem", "frames", 0.8)
    if f.vma in ANONYMOUS or (f.rss != F.RSS_UNKNOWN and not f.rss & F.RSS_FILE):
        return verdict("thp_split", "frames", 0.98, copied=1 if f.same_frame == NO else 0)
    return unknown("thp_split", "file_cow")


def huge_page(f: Facts) -> Verdict:
    """A huge mapping before and after."""
    if f.vma == HUGETLB:
        return verdict("hugetlb", "frames", 0.97, zeroed=0) if f.same_frame == YES else verdict("hugetlb_cow", "frames", 0.99)
    if f.vma == FILE_SHARED:
        return verdict("file_mkwrite", "frames", 0.95)
    if f.same_frame == YES:
        if f.write == NO or f.vma in (SHMEM, FILE_PRIVATE, SPECIAL):
            return verdict("spurious", "frames", 0.8)
        return verdict("thp_reuse", "frames", 0.97) if f.vma in ANONYMOUS else unknown("thp_reuse", "hugetlb", "file_mkwrite")
    if f.old_thp == YES and f.vma in ANONYMOUS:
        return verdict("cow_copy", "frames", 0.95, copied=2)
    # since 5.8 a fault never copies a whole anonymous huge page; hugetlb always does
    return unknown("spurious") if f.vma in ANONYMOUS else verdict("hugetlb_cow", "frames", 0.8)


def write_protected(f: Facts) -> Verdict:
    """Something was mapped, its frame is not recorded."""
    if f.before == F.BIG and f.after == F.BASE and f.vma in ANONYMOUS:
        return verdict("thp_split", "frames", 0.9, copied=-1)
    if f.write == NO:
        return verdict("spurious", "errcode", 0.7)
    if f.vma == FILE_SHARED:
        return verdict("file_mkwrite", "errcode", 0.95)
    if f.vma in (SHMEM, SPECIAL):
        return verdict("spurious", "errcode", 0.6)
    if f.vma == HUGETLB:
        shared = {F.SHARED: "hugetlb_cow", F.LAST_OWNER: "hugetlb"}.get(f.sharing)
        return verdict(shared, "state", 0.8) if shared else unknown("hugetlb", "hugetlb_cow")
    if f.alloc == F.ALLOC_HUGE:
        return verdict("thp_zero_page_cow", "join", 0.95)
    if f.alloc == F.ALLOC_ZEROED:
        return verdict("zero_page_cow", "join", 0.98)
    if f.alloc == F.ALLOC_PLAIN:
        if f.origin == HUGE_FRAME:
            return verdict("thp_split", "state", 0.85)
        return replaced(f, "join")
    if f.alloc == F.ALLOC_NONE:
        if f.before == F.BIG or f.origin == HUGE_FRAME:
            return verdict("thp_reuse", "join", 0.85)
        return verdict("cow_reuse", "join", 0.9)
    return _by_state(f)


def _by_state(f: Facts) -> Verdict:
    """A write to a present page of a private mapping, nothing recorded of what the kernel did: replay decides."""
    if f.origin == ZERO_FRAME:
        return verdict("zero_page_cow", "state", 0.9)
    if f.origin == FILE_FRAME:
        return verdict("file_cow", "state", 0.9)
    if f.vma == FILE_PRIVATE and f.origin == UNSEEN:
        # present without a fault of its own: mapped by fault-around, so still the file's page
        return verdict("file_cow", "state", 0.85) if f.complete == YES else unknown("file_cow", "cow_copy", "cow_reuse")
    if f.before == F.BIG or f.origin == HUGE_FRAME:
        huge = {F.SHARED: "thp_split", F.LAST_OWNER: "thp_reuse"}.get(f.sharing)
        return verdict(huge, "state", 0.8) if huge else unknown("thp_split", "thp_reuse")
    if f.origin == UNSEEN and f.complete == YES:
        # never touched alone and yet present: part of a larger folio, or populated without a fault
        return unknown("cow_copy", "thp_split") if f.sharing == F.SHARED else unknown("cow_reuse", "thp_reuse", "cow_copy")
    if f.origin == ANON_FRAME and f.before == F.NOT_RECORDED and f.neighbours == NO and (f.can_be_huge == YES or f.vma == UNKNOWN_MAPPING):
        # the only page of its huge block that ever faulted in: it may have come with the whole block
        alone = {F.SHARED: ("cow_copy", "thp_split"), F.LAST_OWNER: ("cow_reuse", "thp_reuse")}.get(f.sharing)
        if alone is not None:
            return unknown(*alone)
    if f.vma in ANONYMOUS or f.origin == ANON_FRAME:
        if f.sharing == F.SHARED:
            return verdict("cow_copy", "state", 0.85 if f.origin == ANON_FRAME else 0.7)
        if f.sharing == F.LAST_OWNER:
            return verdict("cow_reuse", "state", 0.85 if f.origin == ANON_FRAME else 0.7)
        if f.sharing == F.EXCLUSIVE and f.origin == ANON_FRAME:
            return unknown("cow_reuse", "ksm_copy", "spurious")
    return unknown("cow_copy", "cow_reuse", "file_cow", "zero_page_cow")
