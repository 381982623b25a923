"""Rules for faults that found nothing mapped (mm/memory.c: do_anonymous_page, do_fault, do_swap_page; mm/huge_memory.c; mm/hugetlb.c)."""

from __future__ import annotations

from cowtrace.attribution import facts as F
from cowtrace.attribution.facts import NO, UNKNOWN, YES, Facts
from cowtrace.attribution.mappings import ANONYMOUS, FILE_PRIVATE, FILE_SHARED, HUGETLB, SHMEM, SPECIAL
from cowtrace.attribution.verdict import Verdict, unknown, verdict


def first_touch(f: Facts, evidence: str) -> Verdict:
    """Nothing was mapped."""
    if f.vma == HUGETLB:
        return verdict("hugetlb", evidence, 0.99)
    if f.vma == SPECIAL:
        return unknown("special")
    if f.vma == SHMEM:
        zeroed = {F.ALLOC_NONE: 0, F.ALLOC_ZEROED: 1, F.ALLOC_PLAIN: 1, F.ALLOC_MID: 3, F.ALLOC_HUGE: 2}.get(f.alloc, -1)
        return verdict("shmem", evidence, 0.97, zeroed=zeroed)
    if f.rss != F.RSS_UNKNOWN and f.rss & F.RSS_SWAP:
        # a shared slot written to is copied in the same fault
        return verdict("swap_in", "join", 0.98, copied=-1)
    if f.vma in ANONYMOUS:
        return _first_anonymous(f, evidence)
    if f.vma == FILE_PRIVATE:
        return _first_private_file(f, evidence)
    if f.vma == FILE_SHARED:
        if f.write == YES:
            return verdict("file_mkwrite", evidence, 0.97)
        if f.write == NO or f.writable == NO:
            return verdict("file_read", evidence, 0.97, wrote=NO)
        return unknown("file_read", "file_mkwrite")
    return _first_unknown_mapping(f)


def _first_anonymous(f: Facts, evidence: str) -> Verdict:
    huge_after = f.after in (F.HUGE, F.BIG)
    if f.alloc == F.ALLOC_HUGE or (huge_after and f.after == F.HUGE):
        return verdict("thp_zero", evidence if huge_after else "join", 0.99)
    if f.uffd == YES and f.alloc in (F.ALLOC_ZEROED, F.ALLOC_MID):
        # a write allocates before it finds the range registered, gives the page back and waits: then nothing is counted here
        if f.rss == F.RSS_UNKNOWN:
            return unknown("anon_zero", "mthp_zero", "uffd")
        if not f.rss & F.RSS_ANON:
            return verdict("uffd", "join", 0.95)
    if f.alloc == F.ALLOC_MID:
        return verdict("mthp_zero", "join", 0.99)
    if f.alloc == F.ALLOC_ZEROED:
        return verdict("anon_zero", "join", 0.99)
    if f.alloc == F.ALLOC_PLAIN:
        return verdict("swap_in", "join", 0.9) if f.major == YES else unknown("swap_in", "anon_zero")
    if f.alloc == F.ALLOC_NONE:
        return _nothing_allocated(f)
    # allocations are not recorded
    if f.major == YES:
        return unknown("swap_in", "uffd") if f.uffd == YES else verdict("swap_in", "join", 0.9)
    if f.after == F.PAGE:
        if f.write == NO:
            return unknown("swap_in", "uffd", "spurious")
        return unknown("anon_zero", "uffd") if f.uffd == YES else verdict("anon_zero", evidence, 0.9)
    if huge_after:
        if f.write == UNKNOWN:
            return unknown("thp_zero", "thp_zero_page")
        # without page tables it is a later fault in the block that tells
        source = "state" if f.before == F.NOT_RECORDED else evidence
        return verdict("thp_zero" if f.write == YES else "thp_zero_page", source, 0.8 if source == "state" else 0.9)
    base_only = f.can_be_huge == NO or f.neighbours == YES or f.after == F.BASE
    if f.write == YES:
        return verdict("anon_zero", evidence, 0.85) if base_only else unknown("anon_zero", "mthp_zero", "thp_zero")
    if f.write == NO:
        return verdict("zero_page", evidence, 0.85) if base_only else unknown("zero_page", "thp_zero_page")
    return unknown("anon_zero", "mthp_zero", "zero_page") if base_only else unknown("anon_zero", "mthp_zero", "thp_zero", "zero_page")


def _nothing_allocated(f: Facts) -> Verdict:
    """Anonymous, not mapped before, and the fault allocated no page of its own."""
    if f.after == F.PAGE:
        if f.uffd == YES:
            return verdict("uffd", "join", 0.9)
        if f.major == YES:
            return verdict("swap_in", "join", 0.9)
        return (
            verdict("spurious", "join", 0.7) if f.rss not in (F.RSS_UNKNOWN,) and not f.rss & F.RSS_ANON else unknown("swap_in", "spurious")
        )
    if f.write == YES:
        return verdict("uffd", "join", 0.8) if f.uffd == YES else unknown("swap_in", "spurious", "uffd")
    if f.can_be_huge == NO or f.neighbours == YES or f.after == F.BASE:
        return verdict("zero_page", "join", 0.9)
    return unknown("zero_page", "thp_zero_page")


def _first_private_file(f: Facts, evidence: str) -> Verdict:
    if f.after in (F.HUGE, F.BIG):
        return verdict("file_read", evidence, 0.97, wrote=NO)
    if f.write == YES:
        return verdict("file_cow", evidence if f.write == YES else "errcode", 0.98)
    if f.write == NO or f.writable == NO:
        return verdict("file_read", evidence, 0.97, wrote=NO)
    if f.rss != F.RSS_UNKNOWN and f.rss & (F.RSS_FILE | F.RSS_ANON):
        return verdict("file_read", "join", 0.97, wrote=NO) if f.rss & F.RSS_FILE else verdict("file_cow", "join", 0.97)
    if f.alloc == F.ALLOC_NONE:
        return verdict("file_read", "join", 0.95, wrote=NO)
    if f.alloc == F.ALLOC_PLAIN and f.major == NO:
        return verdict("file_cow", "join", 0.9)
    if f.cache != F.CACHE_UNKNOWN:
        return verdict("file_read", "frames", 0.93, wrote=NO) if f.cache == F.CACHE_PAGE else verdict("file_cow", "frames", 0.93)
    return unknown("file_read", "file_cow")


def _first_unknown_mapping(f: Facts) -> Verdict:
    if f.alloc == F.ALLOC_HUGE:
        return verdict("thp_zero", "join", 0.9)
    if f.alloc == F.ALLOC_MID:
        return unknown("mthp_zero", "file_read", "shmem")
    if f.alloc == F.ALLOC_ZEROED:
        return verdict("anon_zero", "join", 0.95)
    if f.rss != F.RSS_UNKNOWN:
        if f.rss & F.RSS_SHMEM:
            return verdict("shmem", "join", 0.95)
        if f.rss & F.RSS_FILE:
            return unknown("file_read", "file_mkwrite") if f.write != NO else verdict("file_read", "join", 0.95, wrote=NO)
        if f.rss & F.RSS_ANON and f.alloc == F.ALLOC_PLAIN:
            return verdict("file_cow", "join", 0.9)
    if f.after == F.HUGE:
        return unknown("thp_zero", "file_read", "shmem", "hugetlb")
    if f.write == NO:
        return unknown("zero_page", "file_read", "shmem", "swap_in")
    if f.write == YES:
        return unknown("anon_zero", "mthp_zero", "thp_zero", "file_cow", "file_mkwrite", "shmem", "swap_in")
    return unknown("anon_zero", "zero_page", "file_read", "file_cow", "shmem", "swap_in")
