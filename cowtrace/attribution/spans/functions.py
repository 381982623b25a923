"""Kernel functions by number: their names without what the compiler added, and what each means to a fault."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from cowtrace.attribution.asof import Int

Names = Callable[[npt.NDArray[Any]], list[str]]

#: Suffixes that gcc and clang give to clones and parts of a function, and the module that the kernel adds.
_MODULE = re.compile(r"\s*\[[^\]]*\]$")
_CLONE = re.compile(r"(\.(isra|constprop|part|cold|llvm|lto_priv|localalias|cfi|str|warm|hot)(\.\d+)*)+$|(\.\d+)+$")
_PREFIXES = re.compile(r"^(__pfx_|__cfi_)")

# What a function is to a fault. Several names: kernels renamed and split functions; which ones exist depends on the compiler as well.
(
    NOTHING, HMF, INNER_HMF, GUP, ANON, FAULT, COW_FAULT, READ_FAULT, SHARED_FAULT, WP, WP_COPY, WP_REUSE, WP_SHARED, SWAP, NEW_ANON,
    FLUSH, ACCESS, ALLOC, MAP_AROUND, FILEMAP, SHMEM, CALL_FAULT, FINISH, MKWRITE, READ_SWAP, THP_ANON, THP_WP, THP_ZERO_WP, SPLIT,
    THP_ALLOC, CLEAR_HUGE, HUGETLB, HUGETLB_NEW, HUGETLB_WP, COPY_HUGE, NUMA, UFFD, COPY_PAGE, READ_FILE, DUPLICATE,
) = range(40)  # fmt: skip

MEANING: dict[str, int] = {
    "handle_mm_fault": HMF,
    **dict.fromkeys(("__handle_mm_fault", "handle_pte_fault"), INNER_HMF),
    # mm/gup.c: faults without an exception
    **dict.fromkeys(
        ("__get_user_pages", "faultin_page", "fixup_user_fault", "populate_vma_page_range", "faultin_page_range", "__mm_populate",
         "get_user_pages_remote", "get_user_pages_unlocked", "gup_fast_fallback", "internal_get_user_pages_fast", "get_user_page",
         "hmm_range_fault", "__get_user_pages_locked", "__get_user_pages_remote", "pin_user_pages", "madvise_populate"), GUP),
    # mm/memory.c
    "do_anonymous_page": ANON,
    **dict.fromkeys(("do_fault",), FAULT),
    "do_cow_fault": COW_FAULT,
    "do_read_fault": READ_FAULT,
    "do_shared_fault": SHARED_FAULT,
    "do_wp_page": WP,
    "wp_page_copy": WP_COPY,
    **dict.fromkeys(("wp_page_reuse",), WP_REUSE),
    **dict.fromkeys(("wp_page_shared", "wp_pfn_shared"), WP_SHARED),
    "do_swap_page": SWAP,
    **dict.fromkeys(("page_add_new_anon_rmap", "folio_add_new_anon_rmap"), NEW_ANON),
    **dict.fromkeys(("ptep_clear_flush", "ptep_clear_flush_notify"), FLUSH),
    "ptep_set_access_flags": ACCESS,
    **dict.fromkeys(("vma_alloc_folio", "vma_alloc_folio_noprof", "alloc_pages_vma", "alloc_anon_folio", "folio_prealloc",
                     "vma_alloc_zeroed_movable_folio"), ALLOC),
    **dict.fromkeys(("filemap_map_pages", "do_fault_around"), MAP_AROUND),
    "filemap_fault": FILEMAP,
    **dict.fromkeys(("shmem_fault", "shmem_getpage_gfp", "shmem_get_folio_gfp"), SHMEM),
    "__do_fault": CALL_FAULT,
    **dict.fromkeys(("finish_fault", "alloc_set_pte"), FINISH),
    **dict.fromkeys(("do_page_mkwrite", "fault_dirty_shared_page", "finish_mkwrite_fault"), MKWRITE),
    **dict.fromkeys(("swapin_readahead", "swap_cluster_readahead", "swap_vma_readahead", "swapin_folio", "swap_readpage",
                     "swap_read_folio", "read_swap_cache_async"), READ_SWAP),
    **dict.fromkeys(("page_cache_ra_order", "page_cache_ra_unbounded", "do_page_cache_ra", "page_cache_sync_ra", "ondemand_readahead",
                     "__do_page_cache_readahead", "page_cache_sync_readahead"), READ_FILE),
    **dict.fromkeys(("copy_mc_to_kernel", "copy_mc_user_highpage", "copy_user_highpage", "copy_user_highpage_mc", "__wp_page_copy_user",
                     "cow_user_page"), COPY_PAGE),
    "do_numa_page": NUMA,
    # mm/huge_memory.c
    **dict.fromkeys(("do_huge_pmd_anonymous_page", "__do_huge_pmd_anonymous_page"), THP_ANON),
    **dict.fromkeys(("do_huge_pmd_wp_page",), THP_WP),
    **dict.fromkeys(("do_huge_zero_wp_pmd",), THP_ZERO_WP),
    **dict.fromkeys(("__split_huge_pmd",), SPLIT),
    **dict.fromkeys(("vma_alloc_anon_folio_pmd", "map_anon_folio_pmd", "map_anon_folio_pmd_pf", "map_anon_folio_pmd_nopf"), THP_ALLOC),
    **dict.fromkeys(("clear_huge_page", "folio_zero_user"), CLEAR_HUGE),
    "do_huge_pmd_numa_page": NUMA,
    # mm/hugetlb.c
    "hugetlb_fault": HUGETLB,
    "hugetlb_no_page": HUGETLB_NEW,
    **dict.fromkeys(("hugetlb_wp", "hugetlb_cow"), HUGETLB_WP),
    **dict.fromkeys(("copy_user_large_folio", "copy_user_huge_page"), COPY_HUGE),
    # kernel/fork.c: page tables of a new address space
    **dict.fromkeys(("dup_mmap", "dup_mm", "copy_page_range", "copy_pte_range", "copy_huge_pmd"), DUPLICATE),
    # mm/userfaultfd.c
    "handle_userfault": UFFD,
}  # fmt: skip


#: What clone, fork and vfork are inside the kernel (kernel/fork.c), by version.
FORKS = ("kernel_clone", "_do_fork", "do_fork")


def plain_name(symbol: str) -> str:
    """The function's name in the source: ``ovl_open.isra.0 [overlay] -> ovl_open``."""
    return _PREFIXES.sub("", _CLONE.sub("", _MODULE.sub("", symbol))) or symbol


class Functions:
    """Numbers symbols in order of their first appearance.

    Args:
        names: Gives the symbols of addresses.

    Attributes:
        symbols: By number, the module left out.
        plain: Name in the source, by number.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self._of_value: dict[int, int] = {}
        self._of_symbol: dict[str, int] = {}
        self.symbols: list[str] = []
        self.plain: list[str] = []
        self._meaning: list[int] = []

    def number(self, values: npt.NDArray[Any]) -> Int:
        """Function number of each address."""
        distinct, place = np.unique(values, return_inverse=True)
        fresh = [value for value in distinct.tolist() if value not in self._of_value]
        if fresh:
            for value, symbol in zip(fresh, self._names(np.array(fresh, distinct.dtype)), strict=True):
                self._of_value[value] = self.named(symbol)
        return np.array([self._of_value[value] for value in distinct.tolist()], np.int64)[place]

    def named(self, symbol: str) -> int:
        """Number of a symbol."""
        symbol = _MODULE.sub("", symbol)
        known = self._of_symbol.setdefault(symbol, len(self.symbols))
        if known == len(self.symbols):
            self.symbols.append(symbol)
            self.plain.append(plain_name(symbol))
            self._meaning.append(MEANING.get(self.plain[-1], NOTHING))
        return known

    def among(self, names: Iterable[str]) -> npt.NDArray[np.bool_]:
        """bool by number: the function is one of these."""
        wanted = set(names)
        return np.array([name in wanted for name in self.plain], np.bool_)

    def meaning(self, numbers: Int) -> Int:
        """What each function is to a fault: NOTHING .. READ_FILE."""
        return np.array([*self._meaning, NOTHING], np.int64)[numbers]
