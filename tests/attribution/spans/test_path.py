"""What the kernel did in a fault, from the functions that it called; the functions that occur elsewhere say what could have been seen."""

from __future__ import annotations

import numpy as np
import pytest

from cowtrace.attribution.spans import path as P
from cowtrace.attribution.spans.builder import SpanBuilder
from tests.support.edges import Edge, edges, functions


def calls(text: str, ts: int = 0) -> list[Edge]:
    """Edges of one thread from ``a { b { } c { } }``, 10 ns apart."""
    stack: list[str] = []
    result: list[Edge] = []
    words = text.split()
    for place, word in enumerate(words):
        at = ts + 10 * len(result)
        if word == "{":
            result.append((1, "{", words[place - 1], len(stack), at))
            stack.append(words[place - 1])
        elif word == "}":
            name = stack.pop()
            result.append((1, "}", name, len(stack), at))
    return result


def path(fault: str, elsewhere: str = "") -> int:
    """Path of a fault in a recording where other functions occur too."""
    known = functions()
    lines = calls(f"handle_mm_fault {{ {fault} }}")
    lines += calls(" ".join(f"{name} {{ }}" for name in elsewhere.split()), 10_000)
    built = SpanBuilder(known, np.empty(0, np.int64)).add(edges(lines, known), final=True)
    (found,) = P.paths(built.handled.marks, built.shown).tolist()
    return int(found)


@pytest.mark.parametrize(
    ("fault", "elsewhere", "expected"),
    [
        # 6.1, where wp_page_copy is a function of its own
        ("do_wp_page { wp_page_copy { } }", "", P.WP_COPIED),
        ("do_wp_page { }", "wp_page_copy", P.WP_REUSED),
        # newer: only helpers tell; without any of them in the filter it stays open
        ("do_wp_page { ptep_clear_flush { } folio_add_new_anon_rmap { } }", "", P.WP_COPIED),
        ("do_wp_page { ptep_set_access_flags { } }", "", P.WP_REUSED),
        ("do_wp_page { }", "", P.WP),
        # two threads: the loser allocated for nothing
        ("do_wp_page { wp_page_copy { vma_alloc_folio { } } }", "do_wp_page ptep_clear_flush", P.NOTHING_DONE),
        ("do_wp_page { fault_dirty_shared_page { } ptep_set_access_flags { } }", "", P.WP_MADE_WRITABLE),
        # anonymous memory, with do_anonymous_page and with it inside its caller
        ("__handle_mm_fault { do_anonymous_page { folio_add_new_anon_rmap { } } }", "", P.ANON_FILLED),
        ("__handle_mm_fault { do_anonymous_page { } }", "folio_add_new_anon_rmap", P.ZERO_MAPPED),
        ("__handle_mm_fault { do_anonymous_page { } }", "", P.ANON),
        ("__handle_mm_fault { vma_alloc_folio { } page_add_new_anon_rmap { } }", "do_fault", P.ANON_FILLED),
        ("__handle_mm_fault { vma_alloc_folio { } page_add_new_anon_rmap { } }", "", P.NEW_PAGE),
        ("__handle_mm_fault { }", "do_fault", P.PLAIN),
        ("__handle_mm_fault { }", "", P.NO_CALL),
        # files
        ("do_fault { __do_fault { filemap_fault { } } finish_fault { page_add_new_anon_rmap { } } }", "", P.FILE_COPIED),
        ("do_fault { __do_fault { shmem_fault { } } finish_fault { page_add_new_anon_rmap { } } }", "", P.FILE_COPIED),
        ("do_fault { __do_fault { shmem_fault { } } finish_fault { } }", "", P.SHMEM),
        ("do_fault { filemap_map_pages { } }", "", P.FILE_MAPPED),
        ("do_fault { __do_fault { filemap_fault { } } do_page_mkwrite { } }", "", P.FILE_SHARED),
        ("do_fault { }", "", P.FILE),
        # swap: a new anonymous page is put in by a plain swap-in too
        ("do_swap_page { folio_add_new_anon_rmap { } }", "", P.SWAP),
        ("do_swap_page { do_wp_page { ptep_clear_flush { } } }", "", P.SWAP),
        # huge pages
        ("do_huge_pmd_anonymous_page { vma_alloc_anon_folio_pmd { } }", "", P.THP_FILLED),
        ("do_huge_pmd_anonymous_page { }", "", P.THP),
        ("do_huge_pmd_anonymous_page { } vma_alloc_folio { } page_add_new_anon_rmap { }", "do_fault", P.ANON_FILLED),
        ("do_huge_pmd_wp_page { }", "__split_huge_pmd", P.THP_REUSED),
        ("do_huge_pmd_wp_page { }", "", P.THP_WP),
        ("do_huge_pmd_wp_page { __split_huge_pmd { } } do_wp_page { wp_page_copy { } }", "", P.SPLIT_COPIED),
        ("do_huge_pmd_wp_page { __split_huge_pmd { } } do_wp_page { ptep_set_access_flags { } }", "", P.SPLIT_REUSED),
        ("do_huge_pmd_wp_page { vma_alloc_anon_folio_pmd { } }", "", P.THP_ZERO_REPLACED),
        # hugetlb: a private write calls hugetlb_wp also for a page that is not there yet
        ("hugetlb_fault { hugetlb_wp { copy_user_huge_page { } } }", "", P.HUGETLB_COPIED),
        ("hugetlb_fault { clear_huge_page { } hugetlb_wp { } }", "copy_user_huge_page", P.HUGETLB_FILLED),
        ("hugetlb_fault { hugetlb_wp { } }", "copy_user_huge_page clear_huge_page", P.HUGETLB_REUSED),
        ("hugetlb_fault { hugetlb_wp { } }", "", P.HUGETLB),
        ("do_anonymous_page { handle_userfault { } }", "", P.UFFD),
        ("do_numa_page { }", "", P.NUMA),
    ],
)
def test_path(fault: str, elsewhere: str, expected: int) -> None:
    assert path(fault, elsewhere) == expected


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_batch_may_end_anywhere(cut: int) -> None:
    """What happened before the end of a batch counts when the handler returns in the next."""
    known = functions()
    lines = calls("handle_mm_fault { __handle_mm_fault { do_wp_page { ptep_clear_flush { } folio_add_new_anon_rmap { } } } }")
    builder = SpanBuilder(known, np.empty(0, np.int64))
    parts = [builder.add(edges(lines[:cut], known), final=False), builder.add(edges(lines[cut:], known, cut), final=True)]
    found = [P.path_of(mark, builder.shown) for part in parts for mark in part.handled.marks.tolist()]
    assert found == [P.WP_COPIED]
    assert parts[0].open_tids.tolist() == ([1] if cut < len(lines) else [])
    assert sum(len(part.spans) for part in parts) == 5
