"""Each rule once: the facts in words, the verdict."""

from __future__ import annotations

import pytest

from cowtrace.attribution import facts as F
from cowtrace.attribution import mappings as M
from cowtrace.attribution import pages as P
from cowtrace.attribution.facts import NO, YES, Facts, decode, encode
from cowtrace.attribution.rules import decide
from cowtrace.schema import EVIDENCE, KINDS

ANON = {"vma": M.ANON, "exited": YES}
PRIVATE = {"vma": M.FILE_PRIVATE, "exited": YES}
SHARED_FILE = {"vma": M.FILE_SHARED, "exited": YES}
HUGETLB = {"vma": M.HUGETLB, "exited": YES}

CASES = [
    ("entry without exit", {"vma": M.ANON, "exited": NO}, "failed", 0, 0),
    # before -> after, page size and frame
    ("read first: the zero page", {**ANON, "before": F.NONE, "after": F.ZERO}, "zero_page", 0, 0),
    ("read first: the huge zero page", {**ANON, "before": F.NONE, "after": F.HUGE_ZERO}, "thp_zero_page", 0, 0),
    ("first write, base page", {**ANON, "before": F.NONE, "after": F.PAGE, "present": NO}, "anon_zero", 0, 1),
    ("first write, huge page", {**ANON, "before": F.NONE, "after": F.HUGE, "present": NO}, "thp_zero", 0, 2),
    ("first write, 64 KiB folio", {**ANON, "before": F.NONE, "after": F.PAGE, "alloc": F.ALLOC_MID}, "mthp_zero", 0, 3),
    ("write over the zero page", {**ANON, "before": F.ZERO, "after": F.PAGE, "present": YES}, "zero_page_cow", 0, 1),
    ("write over the huge zero page", {**ANON, "before": F.HUGE_ZERO, "after": F.HUGE}, "thp_zero_page_cow", 0, 2),
    ("the same, up to 6.12", {**ANON, "before": F.HUGE_ZERO, "after": F.PAGE}, "zero_page_cow", 0, 1),
    ("another frame: a copy", {**ANON, "before": F.PAGE, "after": F.PAGE, "same_frame": NO}, "cow_copy", 1, 0),
    ("the same frame: reuse", {**ANON, "before": F.PAGE, "after": F.PAGE, "same_frame": YES}, "cow_reuse", 0, 0),
    ("huge before, another base page after", {**ANON, "before": F.HUGE, "after": F.PAGE, "same_frame": NO}, "thp_split", 1, 0),
    ("huge before, its own base page after", {**ANON, "before": F.HUGE, "after": F.PAGE, "same_frame": YES}, "thp_split", 0, 0),
    ("huge before and after", {**ANON, "before": F.HUGE, "after": F.HUGE, "same_frame": YES}, "thp_reuse", 0, 0),
    ("hugetlb, nothing before", {**HUGETLB, "before": F.NONE, "after": F.HUGE}, "hugetlb", 0, -1),
    ("hugetlb, another frame", {**HUGETLB, "before": F.HUGE, "after": F.HUGE, "same_frame": NO}, "hugetlb_cow", 2, 0),
    ("private file, first write", {**PRIVATE, "before": F.NONE, "after": F.PAGE, "write": YES, "present": NO}, "file_cow", 1, 0),
    ("private file, read", {**PRIVATE, "before": F.NONE, "after": F.PAGE, "write": NO, "present": NO}, "file_read", 0, 0),
    ("private file, not writable", {**PRIVATE, "before": F.NONE, "after": F.PAGE, "writable": NO, "present": NO}, "file_read", 0, 0),
    ("private file, first touch, nothing else known", {**PRIVATE, "before": F.NONE, "after": F.PAGE, "present": NO}, "unknown", -1, -1),
    ("private file page replaced, file counter down",
     {**PRIVATE, "before": F.PAGE, "after": F.PAGE, "same_frame": NO, "rss": F.RSS_FILE | F.RSS_ANON}, "file_cow", 1, 0),
    ("private file page replaced, written before",
     {**PRIVATE, "before": F.PAGE, "after": F.PAGE, "same_frame": NO, "origin": P.ANON_FRAME, "sharing": F.SHARED}, "cow_copy", 1, 0),
    ("shared file made writable",
     {**SHARED_FILE, "before": F.PAGE, "after": F.PAGE, "same_frame": YES, "write": YES}, "file_mkwrite", 0, 0),
    ("swap counter down", {**ANON, "before": F.NONE, "after": F.PAGE, "present": NO, "rss": F.RSS_SWAP | F.RSS_ANON}, "swap_in", -1, -1),
    ("exclusive page replaced: merged before",
     {**ANON, "before": F.PAGE, "after": F.PAGE, "same_frame": NO, "origin": P.ANON_FRAME, "sharing": F.EXCLUSIVE, "complete": YES},
     "ksm_copy", 1, 0),
    ("page came, nothing allocated, a userfaultfd user",
     {**ANON, "before": F.NONE, "after": F.PAGE, "present": NO, "alloc": F.ALLOC_NONE, "uffd": YES}, "uffd", 0, -1),
    ("write waits for a userfaultfd monitor: allocated, not counted",
     {**ANON, "before": F.NONE, "after": F.PAGE, "present": NO, "alloc": F.ALLOC_ZEROED, "rss": 0, "uffd": YES}, "uffd", 0, -1),
    # error code and allocation, no frames
    ("absent, write, zeroed base page", {**ANON, "present": NO, "write": YES, "alloc": F.ALLOC_ZEROED}, "anon_zero", 0, 1),
    ("absent, write, order 9", {**ANON, "present": NO, "write": YES, "alloc": F.ALLOC_HUGE}, "thp_zero", 0, 2),
    ("present, write, plain page", {**ANON, "present": YES, "write": YES, "alloc": F.ALLOC_PLAIN}, "cow_copy", 1, 0),
    ("present, write, nothing allocated", {**ANON, "present": YES, "write": YES, "alloc": F.ALLOC_NONE}, "cow_reuse", 0, 0),
    ("present, write, zeroed page", {**ANON, "present": YES, "write": YES, "alloc": F.ALLOC_ZEROED}, "zero_page_cow", 0, 1),
    # error code and replay only
    ("present, write, somebody shares",
     {**ANON, "present": YES, "write": YES, "origin": P.ANON_FRAME, "sharing": F.SHARED}, "cow_copy", 1, 0),
    ("present, write, last owner",
     {**ANON, "present": YES, "write": YES, "origin": P.ANON_FRAME, "sharing": F.LAST_OWNER}, "cow_reuse", 0, 0),
    ("present, write, read before", {**ANON, "present": YES, "write": YES, "origin": P.ZERO_FRAME}, "zero_page_cow", 0, 1),
    ("present, write, mapped by fault-around", {**PRIVATE, "present": YES, "write": YES, "complete": YES}, "file_cow", 1, 0),
    ("absent, read, small mapping", {**ANON, "present": NO, "write": NO, "can_be_huge": NO}, "zero_page", 0, 0),
    ("absent, write, could be huge", {**ANON, "present": NO, "write": YES, "can_be_huge": YES}, "unknown", -1, -1),
    # the address alone
    ("address in anonymous memory", {"vma": M.ANON, "complete": YES}, "unknown", -1, -1),
    ("address in program text", {"vma": M.FILE_PRIVATE, "writable": NO}, "file_read", 0, 0),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "kind", "copied", "zeroed"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_rule(facts: dict[str, int], kind: str, copied: int, zeroed: int) -> None:
    verdict = decide(Facts(**facts))
    assert (verdict.kind, verdict.copied, verdict.zeroed) == (kind, copied, zeroed)
    assert verdict.kind in KINDS
    assert verdict.evidence in EVIDENCE
    assert (verdict.kind == "unknown") == (verdict.confidence == 0.0)


def test_facts_survive_encoding() -> None:
    facts = Facts(before=F.HUGE, after=F.PAGE, same_frame=NO, exited=YES, vma=M.HEAP, rss=F.RSS_UNKNOWN, sharing=F.SHARED, old_thp=YES)
    assert decode(int(encode(facts, 1)[0])) == facts
