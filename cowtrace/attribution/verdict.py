"""From the facts of one fault to what the kernel did. Plain rules, one fault at a time: this is the specification.

The fast path calls ``decide`` once for every distinct combination of facts (a few hundred in any recording) and looks the rest up.
Paths and signatures: mm/memory.c (do_anonymous_page, do_wp_page, do_cow_fault, do_swap_page), mm/huge_memory.c
(do_huge_pmd_anonymous_page, do_huge_pmd_wp_page), mm/hugetlb.c, mm/ksm.c, mm/filemap.c; verified on 6.18.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cowtrace.attribution import facts as F
from cowtrace.attribution.facts import NO, UNKNOWN, YES, Facts
from cowtrace.attribution.mappings import ANON, FILE_PRIVATE, FILE_SHARED, HEAP, HUGETLB, SHMEM, SPECIAL, STACK
from cowtrace.attribution.pages import ANON_FRAME, FILE_FRAME, HUGE_FRAME, UNSEEN, ZERO_FRAME

ANONYMOUS = (ANON, HEAP, STACK)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the kernel did.

    Attributes:
        kind: As in schema KINDS.
        evidence: As in schema EVIDENCE.
        confidence: 0..1; how sure the rule is given its facts, from the races and look-alikes it can't exclude.
        possible: For unknown: the kinds left.
        copied, zeroed: Size class: 0 nothing, 1 a base page, 2 a huge page, 3 the allocated folio, -1 can't tell.
        wrote: YES/NO/UNKNOWN, implied by the kind.
    """

    kind: str
    evidence: str
    confidence: float
    possible: str | None = None
    copied: int = 0
    zeroed: int = 0
    wrote: int = UNKNOWN


_COPIES = {"cow_copy": 1, "ksm_copy": 1, "file_cow": 1, "hugetlb_cow": 2, "thp_split": 1}
_ZEROES = {"anon_zero": 1, "zero_page_cow": 1, "thp_zero": 2, "thp_zero_page_cow": 2, "mthp_zero": 3}
_WRITES = {*_COPIES, "cow_reuse", "thp_reuse", "file_mkwrite", "zero_page_cow", "thp_zero_page_cow", "anon_zero", "mthp_zero", "thp_zero"}
_READS = {"zero_page", "thp_zero_page"}
# of these the kind alone does not tell how much was filled
_OPEN_ZEROES = {"shmem", "hugetlb", "uffd", "swap_in"}


def verdict(kind: str, evidence: str, confidence: float, **changes: int) -> Verdict:
    """A verdict with the amounts that its kind implies."""
    wrote = YES if kind in _WRITES else NO if kind in _READS else UNKNOWN
    values: dict[str, Any] = {"copied": _COPIES.get(kind, 0), "zeroed": -1 if kind in _OPEN_ZEROES else _ZEROES.get(kind, 0), "wrote": wrote}
    return Verdict(kind, evidence, confidence, **(values | changes))


def unknown(*possible: str) -> Verdict:
    """No verdict; these kinds are left."""
    return Verdict("unknown", "none", 0.0, "|".join(possible) or None, copied=-1, zeroed=-1)


def decide(f: Facts) -> Verdict:
    """The kind of one fault."""
    if f.exited == NO:
        return verdict("failed", "join", 0.95)
    if f.lost_race == YES:
        return verdict("spurious", "frames", 0.8)
    if f.before in (F.NONE, F.ZERO, F.PAGE, F.HUGE_ZERO, F.HUGE) and f.after in (F.NONE, F.ZERO, F.PAGE, F.HUGE_ZERO, F.HUGE):
        return _by_frames(f)
    if f.present == NO:
        return _first_touch(f, "errcode" if f.before == F.NOT_RECORDED else "frames")
    if f.present == YES:
        return _write_protected(f)
    return _blind(f)


def _by_frames(f: Facts) -> Verdict:
    match f.before, f.after:
        case F.NONE, F.ZERO:
            return unknown("special") if f.vma == SPECIAL else verdict("zero_page", "frames", 0.98)
        case F.NONE, F.HUGE_ZERO:
            return verdict("thp_zero_page", "frames", 0.99)
        case F.NONE, F.PAGE | F.HUGE:
            return _first_touch(f, "frames")
        case F.ZERO, F.PAGE:
            # a NUMA hint also hides the frame from the probe, but allocates nothing on the same node
            return verdict("numa_hint", "join", 0.7) if f.alloc == F.ALLOC_NONE else verdict("zero_page_cow", "frames", 0.97)
        case F.HUGE_ZERO, F.HUGE:
            return verdict("thp_zero_page_cow", "frames", 0.99)
        case F.HUGE_ZERO, F.PAGE:
            # up to 6.12 the huge zero page is split into base zero pages, of which one is replaced
            return verdict("zero_page_cow", "frames", 0.97)
        case F.PAGE, F.PAGE:
            return _same_page(f) if f.same_frame == YES else _replaced(f, "frames")
        case F.HUGE, F.PAGE:
            return _split(f)
        case F.HUGE, F.HUGE:
            return _huge_page(f)
        case (F.ZERO, F.ZERO) | (F.HUGE_ZERO, F.HUGE_ZERO):
            return unknown("special") if f.vma == SPECIAL else verdict("spurious", "frames", 0.8)
    # the mapping changed hands in between (reclaim, collapse, unmap by another thread)
    return unknown("spurious")


def _first_touch(f: Facts, evidence: str) -> Verdict:
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
        # a write allocates before it finds the range registered, gives the page back and waits for the monitor's: then nothing is counted here
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
        return verdict("spurious", "join", 0.7) if f.rss not in (F.RSS_UNKNOWN,) and not f.rss & F.RSS_ANON else unknown("swap_in", "spurious")
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


def _same_page(f: Facts) -> Verdict:
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


def _replaced(f: Facts, evidence: str) -> Verdict:
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
    if f.origin == FILE_FRAME or (f.vma == FILE_PRIVATE and f.complete == YES and (f.origin == UNSEEN or f.sharing == F.EXCLUSIVE)):
        return verdict("file_cow", "state", 0.9)
    return unknown("file_cow", "cow_copy")


def _split(f: Facts) -> Verdict:
    """A huge mapping before, a base page after."""
    if f.vma == FILE_PRIVATE:
        return verdict("file_cow", "frames", 0.97) if f.same_frame == NO else verdict("file_read", "frames", 0.7, wrote=NO)
    if f.vma in (FILE_SHARED, SHMEM):
        return verdict("file_mkwrite" if f.vma == FILE_SHARED else "shmem", "frames", 0.8)
    if f.vma in ANONYMOUS or (f.rss != F.RSS_UNKNOWN and not f.rss & F.RSS_FILE):
        return verdict("thp_split", "frames", 0.98, copied=1 if f.same_frame == NO else 0)
    return unknown("thp_split", "file_cow")


def _huge_page(f: Facts) -> Verdict:
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


def _write_protected(f: Facts) -> Verdict:
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
        return _replaced(f, "join")
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
    if f.vma in ANONYMOUS or f.origin == ANON_FRAME:
        if f.sharing == F.SHARED:
            return verdict("cow_copy", "state", 0.85 if f.origin == ANON_FRAME else 0.7)
        if f.sharing == F.LAST_OWNER:
            return verdict("cow_reuse", "state", 0.85 if f.origin == ANON_FRAME else 0.7)
        if f.sharing == F.EXCLUSIVE and f.origin == ANON_FRAME:
            return unknown("cow_reuse", "ksm_copy", "spurious")
    return unknown("cow_copy", "cow_reuse", "file_cow", "zero_page_cow")


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
