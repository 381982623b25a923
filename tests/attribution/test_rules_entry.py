"""Rules where only the exception is known, each once: the facts in words, the verdict, or the kinds left."""

from __future__ import annotations

import pytest

from cowtrace.attribution import facts as F
from cowtrace.attribution import pages as P
from cowtrace.attribution.facts import NO, YES, Facts
from cowtrace.attribution.rules import decide
from cowtrace.schema import KINDS

ABSENT = {"present": NO, "alloc": F.ALLOC_UNCLEAR}
PRESENT = {"present": YES, "write": YES, "rss": 0}
BASE = {"origin": P.ANON_FRAME, "neighbours": YES}
SHARED, GONE = {**BASE, "sharing": F.SHARED}, {**BASE, "sharing": F.LAST_OWNER}
FILE_BECAME_ANON, SHMEM_BECAME_ANON = F.RSS_FILE | F.RSS_ANON, F.RSS_SHMEM | F.RSS_ANON

CASES = [
    ("first write, zeroed, counted", {**ABSENT, "write": YES, "alloc": F.ALLOC_ZEROED, "rss": F.RSS_ANON}, "anon_zero", 0.97),
    ("first write, zeroed, counters not recorded", {**ABSENT, "write": YES, "alloc": F.ALLOC_ZEROED}, "anon_zero", 0.9),
    ("first write, a folio", {**ABSENT, "write": YES, "alloc": F.ALLOC_MID, "rss": F.RSS_ANON}, "mthp_zero", 0.97),
    ("first write, order 9", {**ABSENT, "write": YES, "alloc": F.ALLOC_HUGE, "rss": F.RSS_ANON}, "thp_zero", 0.97),
    ("first write, counted as a file's", {**ABSENT, "write": YES, "rss": F.RSS_FILE}, "file_mkwrite", 0.9),
    ("first write, counted as shared memory", {**ABSENT, "write": YES, "rss": F.RSS_SHMEM}, "shmem", 0.95),
    ("zeroed but not counted, a userfaultfd user", {**ABSENT, "write": YES, "alloc": F.ALLOC_ZEROED, "rss": 0, "uffd": YES}, "uffd", 0.9),
    ("a swap entry less", {**ABSENT, "write": NO, "rss": F.RSS_SWAP | F.RSS_ANON}, "swap_in", 0.95),
    ("first read, counted as a file's", {**ABSENT, "write": NO, "rss": F.RSS_FILE}, "file_read", 0.95),
    ("shared, a page was allocated", {**PRESENT, **SHARED, "alloc": F.ALLOC_PLAIN}, "cow_copy", 0.93),
    ("shared as a huge page, a base page was allocated",
     {**PRESENT, "origin": P.HUGE_FRAME, "sharing": F.SHARED, "alloc": F.ALLOC_PLAIN}, "thp_split", 0.85),
    ("the sharers are gone, none was allocated", {**PRESENT, **GONE, "alloc": F.ALLOC_NONE}, "cow_reuse", 0.9),
    ("the same, huge", {**PRESENT, "origin": P.HUGE_FRAME, "sharing": F.LAST_OWNER, "alloc": F.ALLOC_NONE}, "thp_reuse", 0.9),
    ("a file's page became anonymous", {**PRESENT, "alloc": F.ALLOC_PLAIN, "rss": FILE_BECAME_ANON}, "file_cow", 0.95),
    ("a memfd's page became anonymous", {**PRESENT, "alloc": F.ALLOC_PLAIN, "rss": SHMEM_BECAME_ANON}, "file_cow", 0.95),
    ("never written, zeroed", {**PRESENT, "alloc": F.ALLOC_ZEROED, "rss": F.RSS_ANON}, "zero_page_cow", 0.95),
    ("never written, order 9", {**PRESENT, "alloc": F.ALLOC_HUGE, "rss": F.RSS_ANON}, "thp_zero_page_cow", 0.95),
    ("history alone: shared", {"present": YES, "write": YES, **SHARED}, "cow_copy", 0.75),
    ("history alone: the sharers are gone", {"present": YES, "write": YES, **GONE}, "cow_reuse", 0.75),
]  # fmt: skip


@pytest.mark.parametrize(("what", "facts", "kind", "confidence"), CASES, ids=[case[0] for case in CASES])
def test_told(what: str, facts: dict[str, int], kind: str, confidence: float) -> None:
    verdict = decide(Facts(**facts))
    assert (verdict.kind, verdict.confidence, verdict.evidence) == (kind, confidence, "state" if "history" in what else "join")


FIRST_WRITES = "anon_zero|mthp_zero|thp_zero|file_cow|file_mkwrite|shmem|swap_in|hugetlb|numa_hint|uffd|spurious|failed"
FIRST_READS = "zero_page|thp_zero_page|file_read|shmem|swap_in|hugetlb|numa_hint|uffd|spurious|failed"
REUSES = "cow_reuse|thp_reuse|file_mkwrite|hugetlb_cow|hugetlb|uffd|spurious|failed"
ANY_WRITE = f"cow_copy|thp_split|ksm_copy|file_cow|{REUSES}|zero_page_cow|thp_zero_page_cow"
PRIVATE = "cow_copy|cow_reuse|thp_split|thp_reuse|hugetlb_cow|hugetlb"

OPEN = [
    ("first write, nothing else recorded", {"present": NO, "write": YES}, FIRST_WRITES),
    ("first write, allocations of something else too", {**ABSENT, "write": YES, "rss": F.RSS_ANON}, FIRST_WRITES),
    ("first write, a page not zeroed", {**ABSENT, "write": YES, "alloc": F.ALLOC_PLAIN, "rss": F.RSS_ANON}, "file_cow|swap_in"),
    ("first write, neither allocated nor counted", {**ABSENT, "write": YES, "alloc": F.ALLOC_NONE, "rss": 0},
     "hugetlb|numa_hint|uffd|spurious|failed"),
    ("first read, nothing else recorded", {"present": NO, "write": NO}, FIRST_READS),
    ("first read, shared memory or a private mapping of it", {**ABSENT, "write": NO, "rss": F.RSS_SHMEM}, "shmem|file_read"),
    ("first read, neither allocated nor counted", {**ABSENT, "write": NO, "alloc": F.ALLOC_NONE, "rss": 0},
     "zero_page|thp_zero_page|hugetlb|numa_hint|uffd|spurious|failed"),
    ("zeroed, then swapped out", {**ABSENT, "write": YES, "alloc": F.ALLOC_ZEROED, "rss": F.RSS_SWAP | F.RSS_ANON}, FIRST_WRITES),
    ("a read of something present", {"present": YES, "write": NO}, "failed|spurious"),
    # another process wrote the page for the sharer, or the sharer gave it up: neither takes an exception
    ("shared, but no page was allocated", {**PRESENT, **SHARED, "alloc": F.ALLOC_NONE}, REUSES),
    ("never shared, and no page was allocated", {**PRESENT, **BASE, "sharing": F.EXCLUSIVE, "alloc": F.ALLOC_NONE}, REUSES),
    ("the sharers are gone, but a page was allocated", {**PRESENT, **GONE, "alloc": F.ALLOC_PLAIN},
     "cow_copy|thp_split|ksm_copy|cow_reuse|thp_reuse"),
    ("written before, a zeroed page follows", {**PRESENT, **GONE, "alloc": F.ALLOC_ZEROED, "rss": F.RSS_ANON}, ANY_WRITE),
    ("a page was allocated, counters not recorded", {"present": YES, "write": YES, "alloc": F.ALLOC_PLAIN},
     "cow_copy|thp_split|ksm_copy|file_cow|cow_reuse|file_mkwrite"),
    ("shared, allocations of something else too", {**PRESENT, **SHARED, "alloc": F.ALLOC_UNCLEAR}, ANY_WRITE),
    ("shared, perhaps as part of a huge page", {**PRESENT, **SHARED, "neighbours": NO, "alloc": F.ALLOC_PLAIN}, "cow_copy|thp_split"),
    ("history alone, perhaps a huge page", {"present": YES, "write": YES, **GONE, "neighbours": NO}, PRIVATE),
    ("history alone: written by its only owner", {"present": YES, "write": YES, **BASE, "sharing": F.EXCLUSIVE}, ANY_WRITE),
]  # fmt: skip


@pytest.mark.parametrize(("what", "facts", "possible"), OPEN, ids=[case[0] for case in OPEN])
def test_open(what: str, facts: dict[str, int], possible: str) -> None:
    verdict = decide(Facts(**facts))
    assert (verdict.kind, verdict.possible) == ("unknown", possible)
    assert set(possible.split("|")) <= set(KINDS)
