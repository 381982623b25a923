"""Each path once: what the kernel called, with what else is known, and the kind."""

from __future__ import annotations

import pytest

from cowtrace.attribution import facts as F
from cowtrace.attribution.facts import NO, YES, Facts
from cowtrace.attribution.mappings import ANON, FILE_PRIVATE
from cowtrace.attribution.pages import ANON_FRAME, FILE_FRAME, HUGE_FRAME, HUGE_ZERO_FRAME, ZERO_FRAME
from cowtrace.attribution.rules import decide
from cowtrace.attribution.spans import path as P


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        # what was copied, its history says
        ({"path": P.WP_COPIED, "origin": ANON_FRAME, "sharing": F.SHARED}, "cow_copy"),
        ({"path": P.WP_COPIED, "origin": FILE_FRAME}, "file_cow"),
        ({"path": P.WP_COPIED, "origin": ZERO_FRAME}, "zero_page_cow"),
        ({"path": P.WP_COPIED, "origin": ANON_FRAME, "sharing": F.EXCLUSIVE, "complete": YES}, "ksm_copy"),
        ({"path": P.WP_COPIED}, "unknown"),
        ({"path": P.WP_COPIED, "forked": YES, "has_addr": NO}, "cow_copy"),
        ({"path": P.WP}, "unknown"),
        # a shared write: of a file, or of shared memory where its fault method would not show
        ({"path": P.FILE, "write": YES, "shows_new": YES, "shows_shmem": YES}, "file_mkwrite"),
        ({"path": P.FILE, "write": YES, "shows_new": YES}, "unknown"),
        ({"path": P.FILE, "write": YES}, "unknown"),
        ({"path": P.FILE, "write": NO}, "file_read"),
        # a new page, when the handlers of files are not recorded
        ({"path": P.NEW_PAGE, "vma": ANON}, "anon_zero"),
        ({"path": P.NEW_PAGE, "vma": FILE_PRIVATE}, "file_cow"),
        ({"path": P.NEW_PAGE}, "unknown"),
        # inside its caller nothing of do_anonymous_page is seen
        ({"path": P.PLAIN, "present": NO, "write": NO}, "zero_page"),
        # up to 6.12 a write over the huge zero page splits it
        ({"path": P.SPLIT_COPIED, "origin": HUGE_ZERO_FRAME}, "zero_page_cow"),
        ({"path": P.SPLIT_COPIED, "origin": HUGE_FRAME}, "thp_split"),
        ({"path": P.HUGETLB, "present": NO}, "hugetlb"),
        ({"path": P.HUGETLB, "present": YES}, "unknown"),
    ],
)
def test_paths(facts: dict[str, int], kind: str) -> None:
    """What the kernel called decides before anything else; what is left open stays open."""
    found = decide(Facts(**facts))
    assert found.kind == kind
    assert found.evidence == ("none" if kind == "unknown" else "span")
