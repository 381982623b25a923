"""Rules for faults whose path through the kernel is in the recording: what the functions called mean, with what else is known."""

from __future__ import annotations

from dataclasses import replace

from cowtrace.attribution import facts as F
from cowtrace.attribution.facts import NO, UNKNOWN, YES, Facts
from cowtrace.attribution.mappings import ANON, ANONYMOUS, FILE_PRIVATE, FILE_SHARED, SHMEM
from cowtrace.attribution.pages import ANON_FRAME, FILE_FRAME, HUGE_FRAME, HUGE_ZERO_FRAME, UNSEEN, ZERO_FRAME
from cowtrace.attribution.spans import path as P
from cowtrace.attribution.verdict import Verdict, unknown, verdict

_SURE: dict[int, tuple[str, float]] = {
    P.NOT_CALLED: ("failed", 0.9),
    P.FAILED: ("failed", 0.97),
    P.NUMA: ("numa_hint", 0.97),
    P.UFFD: ("uffd", 0.95),
    P.THP_FILLED: ("thp_zero", 0.99),
    P.THP_REUSED: ("thp_reuse", 0.97),
    P.THP_ZERO_REPLACED: ("thp_zero_page_cow", 0.98),
    P.FILE_COPIED: ("file_cow", 0.98),
    P.ZERO_REPLACED: ("zero_page_cow", 0.98),
    P.ANON_LARGE: ("mthp_zero", 0.98),
    P.NOTHING_DONE: ("spurious", 0.8),
    P.HUGETLB_COPIED: ("hugetlb_cow", 0.99),
    P.HUGETLB_FILLED: ("hugetlb", 0.98),
}


def by_path(f: Facts) -> Verdict | None:
    """The kind of a fault from its path; None where the path leaves all to the other facts."""
    if f.path in _SURE:
        kind, confidence = _SURE[f.path]
        zeroed = {"zeroed": 2} if f.path == P.HUGETLB_FILLED else {}
        return verdict(kind, "span", confidence, **zeroed)
    if f.path in (P.ANON, P.ANON_FILLED, P.ZERO_MAPPED, P.THP, P.PLAIN):
        return _anonymous(f)
    if f.path in (P.FILE, P.FILE_MAPPED, P.FILE_SHARED, P.SHMEM):
        return _file(f)
    if f.path == P.NEW_PAGE:
        return _new_page(f)
    if f.path == P.WP_COPIED:
        return _copied(f)
    if f.path == P.WP_REUSED:
        return _reused(f)
    if f.path == P.WP_MADE_WRITABLE:
        return verdict("file_mkwrite", "span", 0.97)
    if f.path == P.SWAP:
        # a shared slot written to is copied in the same fault
        return verdict("swap_in", "span", 0.97, copied=-1)
    if f.path in (P.SPLIT, P.SPLIT_COPIED, P.SPLIT_REUSED):
        return _split(f)
    if f.path == P.HUGETLB_REUSED:
        return verdict("hugetlb", "span", 0.9, zeroed=0, wrote=YES)
    if f.path == P.HUGETLB:
        return _hugetlb(f)
    return None


def _anonymous(f: Facts) -> Verdict | None:
    if f.path == P.ANON_FILLED:
        if f.alloc_order == F.ORDER_SOME:
            return verdict("mthp_zero", "span", 0.98)
        return verdict("anon_zero", "span", 0.97 if f.alloc_order == F.ORDER_BASE else 0.93)
    if f.path == P.ZERO_MAPPED:
        return verdict("zero_page", "span", 0.97)
    if f.path == P.THP:
        kinds = {YES: "thp_zero", NO: "thp_zero_page"}
        return verdict(kinds[f.write], "span", 0.9) if f.write in kinds else unknown("thp_zero", "thp_zero_page")
    if f.path == P.ANON:
        kinds = {YES: "anon_zero", NO: "zero_page"}
        return verdict(kinds[f.write], "span", 0.88) if f.write in kinds else unknown("anon_zero", "mthp_zero", "zero_page")
    return _plain(f)


def _new_page(f: Facts) -> Verdict:
    """A new anonymous page where nothing was: zero-filled, or a copy of a private file's page."""
    if f.vma in ANONYMOUS:
        return verdict("anon_zero", "span", 0.93)
    if f.vma == FILE_PRIVATE:
        return verdict("file_cow", "span", 0.95)
    return unknown("anon_zero", "mthp_zero", "file_cow", "swap_in")


def _plain(f: Facts) -> Verdict | None:
    """Nothing below the handler that says anything, though its other paths would show: do_anonymous_page in its caller, or no work."""
    if f.present == YES:
        return None if f.write == YES else verdict("spurious", "span", 0.7)
    if f.present == NO and f.write == NO:
        return verdict("zero_page", "span", 0.88)
    if f.present == NO and f.write == YES and f.shows_new == NO:
        return verdict("anon_zero", "span", 0.8)
    return unknown("spurious", "anon_zero") if f.present == NO else unknown("anon_zero", "mthp_zero", "zero_page", "spurious")


def _file(f: Facts) -> Verdict:
    if f.path == P.SHMEM:
        if f.vma == FILE_PRIVATE:
            return verdict("file_read", "span", 0.95, wrote=NO) if f.write == NO else unknown("file_read", "file_cow")
        if f.write == YES and f.shows_new == NO and f.vma != SHMEM:
            return unknown("shmem", "file_cow")
        return verdict("shmem", "span", 0.95)
    if f.vma == SHMEM:
        return verdict("shmem", "span", 0.95)
    # shared memory goes the same way; only its fault method tells it from a file
    shared = f.path == P.FILE_SHARED or (f.path == P.FILE and f.write == YES and f.shows_new == YES)
    if shared and f.vma not in (FILE_SHARED, FILE_PRIVATE) and f.shows_shmem == NO:
        return unknown("file_mkwrite", "shmem")
    if f.path == P.FILE_SHARED:
        return verdict("file_mkwrite", "span", 0.95)
    if f.path == P.FILE_MAPPED or f.write == NO:
        return verdict("file_read", "span", 0.95, wrote=NO)
    if f.write == UNKNOWN:
        return unknown("file_read", "file_cow", "file_mkwrite", "shmem")
    # a write: only a private mapping puts in a page of its own
    if f.vma == FILE_PRIVATE:
        return verdict("file_cow", "span", 0.95)
    if f.shows_new == YES:
        return verdict("file_mkwrite", "span", 0.85)
    return verdict("file_mkwrite", "span", 0.95) if f.vma == FILE_SHARED else unknown("file_cow", "file_mkwrite", "shmem")


def _copied(f: Facts) -> Verdict:
    """A base page was copied, or the zero page replaced. Of what, its history says."""
    if f.origin in (ZERO_FRAME, HUGE_ZERO_FRAME):
        return verdict("zero_page_cow", "span", 0.95)
    if f.origin == FILE_FRAME:
        return verdict("file_cow", "span", 0.95)
    if f.origin == ANON_FRAME and f.sharing == F.EXCLUSIVE and f.complete == YES:
        return verdict("ksm_copy", "span", 0.8)
    if f.origin in (ANON_FRAME, HUGE_FRAME) or f.vma in ANONYMOUS:
        return verdict("cow_copy", "span", 0.97)
    if f.origin == UNSEEN and f.complete == YES:
        # present without a fault of its own: mapped around a fault on the file
        return verdict("file_cow", "span", 0.85)
    if f.forked == YES and f.has_addr == NO:
        # page by page nothing is known; after a fork nearly all copies are of pages that it shared
        return verdict("cow_copy", "span", 0.7)
    return unknown("cow_copy", "file_cow", "zero_page_cow", "ksm_copy")


def _reused(f: Facts) -> Verdict:
    if f.vma in (FILE_SHARED, SHMEM):
        return verdict("file_mkwrite" if f.vma == FILE_SHARED else "spurious", "span", 0.9)
    return verdict("cow_reuse", "span", 0.93)


def _split(f: Facts) -> Verdict:
    """Up to 6.12 a write over the huge zero page splits it too."""
    if f.origin in (ZERO_FRAME, HUGE_ZERO_FRAME):
        return verdict("zero_page_cow", "span", 0.93)
    copied = {P.SPLIT_COPIED: 1, P.SPLIT_REUSED: 0}.get(f.path, -1)
    return verdict("thp_split", "span", 0.96, copied=copied)


def _hugetlb(f: Facts) -> Verdict:
    if f.present == NO:
        return verdict("hugetlb", "span", 0.97)
    shared = {F.SHARED: "hugetlb_cow", F.LAST_OWNER: "hugetlb", F.EXCLUSIVE: "hugetlb"}.get(f.sharing)
    if f.present == YES and shared and f.origin == HUGE_FRAME:
        return verdict(shared, "state", 0.8)
    return unknown("hugetlb", "hugetlb_cow")


def as_told_by_path(f: Facts) -> Facts:
    """Facts for the other rules where a path was seen that does not decide: what it excludes."""
    if f.path in (P.WP, P.THP_WP):
        return replace(f, present=YES, write=YES, vma=f.vma or ANON if f.origin in (ANON_FRAME, HUGE_FRAME) else f.vma)
    return f
