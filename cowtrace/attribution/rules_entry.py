"""Rules for faults of which only the exception is known: no exit, no page tables, no mapping (ftrace without perf).

What was allocated and counted (cowtrace.attribution.aftermath) decides where it agrees with the page's history. The history alone
decides only where nothing else is recorded at all: another process may have written the page for its owner (process_vm_writev, ptrace),
or its sharer may have given it up, and neither takes an exception. A fault that failed looks like any other here.
"""

from __future__ import annotations

from cowtrace.attribution import facts as F
from cowtrace.attribution.facts import NO, YES, Facts
from cowtrace.attribution.mappings import UNKNOWN as UNKNOWN_MAPPING
from cowtrace.attribution.pages import ANON_FRAME, HUGE_FRAME
from cowtrace.attribution.verdict import Verdict, unknown, verdict

_FIRST_WRITES = (
    "anon_zero", "mthp_zero", "thp_zero", "file_cow", "file_mkwrite", "shmem", "swap_in", "hugetlb", "numa_hint", "uffd", "spurious",
    "failed",
)  # fmt: skip
_FIRST_READS = ("zero_page", "thp_zero_page", "file_read", "shmem", "swap_in", "hugetlb", "numa_hint", "uffd", "spurious", "failed")
_PRIVATE = ("cow_copy", "cow_reuse", "thp_split", "thp_reuse", "hugetlb_cow", "hugetlb")
_REUSES = ("cow_reuse", "thp_reuse", "file_mkwrite", "hugetlb_cow", "hugetlb", "uffd", "spurious", "failed")
_COPIES = ("cow_copy", "thp_split", "ksm_copy", "file_cow")
_ANY_WRITE = (*_COPIES, *_REUSES, "zero_page_cow", "thp_zero_page_cow")


def is_entry_only(f: Facts) -> bool:
    """These rules apply."""
    told = f.present in (YES, NO) and f.write in (YES, NO)
    return told and f.exited == F.UNKNOWN and f.vma == UNKNOWN_MAPPING and f.before == F.NOT_RECORDED == f.after


def by_exception(f: Facts) -> Verdict:
    """The kind of a fault from its exception and what followed."""
    if f.present == YES:
        # nothing present refuses to be read but by its protection
        return _present(f) if f.write == YES else unknown("failed", "spurious")
    if f.rss != F.RSS_UNKNOWN and f.rss & F.RSS_SWAP and f.alloc != F.ALLOC_ZEROED:
        # a shared slot written to is copied in the same fault
        return verdict("swap_in", "join", 0.95, copied=-1)
    return _first_write(f) if f.write == YES else _first_read(f)


def _first_write(f: Facts) -> Verdict:
    if f.rss == F.RSS_SHMEM:
        return verdict("shmem", "join", 0.95)
    if f.rss == F.RSS_FILE:
        # a private mapping gets a page of its own at once, which counts as anonymous
        return verdict("file_mkwrite", "join", 0.9)
    if f.rss == F.RSS_ANON:
        kinds = {F.ALLOC_ZEROED: "anon_zero", F.ALLOC_MID: "mthp_zero", F.ALLOC_HUGE: "thp_zero"}
        if f.alloc in kinds:
            return verdict(kinds[f.alloc], "join", 0.97)
        if f.alloc == F.ALLOC_PLAIN:
            # the fall of the swap counter may have come too late to be taken for this fault's
            return unknown("file_cow", "swap_in")
    if f.rss == 0 and f.alloc == F.ALLOC_ZEROED and f.uffd == YES:
        # allocated before the range was found registered, given back, and waited
        return verdict("uffd", "join", 0.9)
    if f.rss == F.RSS_UNKNOWN and f.alloc == F.ALLOC_ZEROED and f.uffd == NO:
        return verdict("anon_zero", "join", 0.9)
    if f.rss == 0 and f.alloc == F.ALLOC_NONE:
        return unknown("hugetlb", "numa_hint", "uffd", "spurious", "failed")
    return unknown(*_FIRST_WRITES)


def _first_read(f: Facts) -> Verdict:
    if f.rss == F.RSS_FILE:
        return verdict("file_read", "join", 0.95, wrote=NO)
    if f.rss == F.RSS_SHMEM:
        return unknown("shmem", "file_read")
    if f.rss == 0 and f.alloc == F.ALLOC_NONE:
        return unknown("zero_page", "thp_zero_page", "hugetlb", "numa_hint", "uffd", "spurious", "failed")
    return unknown(*_FIRST_READS)


def _present(f: Facts) -> Verdict:
    """A write to something present."""
    if f.alloc == F.ALLOC_UNKNOWN:
        return _by_history(f, 0.75)
    if f.alloc == F.ALLOC_NONE:
        # another history than a sharer gone: merged, mapped elsewhere, refused, or a pool's page, which no event tells
        huge = f.origin == HUGE_FRAME
        if f.sharing == F.LAST_OWNER and (huge or _is_base(f)):
            return verdict("thp_reuse" if huge else "cow_reuse", "join", 0.9)
        return unknown(*_REUSES)
    if f.alloc == F.ALLOC_PLAIN:
        return _copied(f)
    written = f.origin in (ANON_FRAME, HUGE_FRAME)
    if f.rss in (F.RSS_ANON, F.RSS_UNKNOWN) and not written and f.old_thp == NO:
        kind = {F.ALLOC_ZEROED: "zero_page_cow", F.ALLOC_HUGE: "thp_zero_page_cow"}.get(f.alloc)
        if kind is not None:
            return verdict(kind, "join", 0.95)
    return unknown(*_ANY_WRITE)


def _copied(f: Facts) -> Verdict:
    if f.rss in (F.RSS_FILE | F.RSS_ANON, F.RSS_SHMEM | F.RSS_ANON):
        return verdict("file_cow", "join", 0.95)
    if f.rss not in (0, F.RSS_UNKNOWN):
        return unknown(*_ANY_WRITE)
    if f.sharing == F.SHARED and f.origin == HUGE_FRAME:
        return verdict("thp_split", "join", 0.85)
    if f.sharing == F.SHARED and f.origin == ANON_FRAME:
        return verdict("cow_copy", "join", 0.93) if _is_base(f) else unknown("cow_copy", "thp_split")
    if f.sharing == F.SHARED or f.origin not in (ANON_FRAME, HUGE_FRAME):
        return unknown("cow_copy", "thp_split", "ksm_copy", *(() if f.rss == 0 else ("file_cow",)), "cow_reuse", "file_mkwrite")
    return unknown("cow_copy", "thp_split", "ksm_copy", "cow_reuse", "thp_reuse")


def _by_history(f: Facts, confidence: float) -> Verdict:
    """Neither allocations nor counters are recorded."""
    if f.origin == HUGE_FRAME or (f.origin == ANON_FRAME and not _is_base(f)):
        return unknown(*_ANY_WRITE) if f.sharing in (F.EXCLUSIVE, F.SHARING_UNKNOWN) else unknown(*_PRIVATE)
    if f.origin == ANON_FRAME and f.sharing == F.SHARED:
        return verdict("cow_copy", "state", confidence)
    if f.origin == ANON_FRAME and f.sharing == F.LAST_OWNER:
        return verdict("cow_reuse", "state", confidence)
    return unknown(*_ANY_WRITE)


def _is_base(f: Facts) -> bool:
    """The page is none of a huge block: others of the block came by themselves."""
    return bool(f.origin == ANON_FRAME and f.neighbours == YES)
