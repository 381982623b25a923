"""What each level records with ftrace: tracepoints, and functions for function_graph.

An ftrace event costs a third of what perf takes for it (measured on the machine of ``levels``: exceptions alone +0.8 µs a fault, with
allocations and counters +0.9 µs), but no tracepoint tells the end of a fault: without perf beside there are no durations and no frames.
"""

from __future__ import annotations

from cowtrace.recording.levels import EVIDENCE, LEVELS, Event

#: Renames between birth and exec: perf tells them by side-band records, ftrace by an event.
RENAME = Event("task:task_rename", "the name of a thread from then on", stack=False)
_LOW_SYSTEMS = ("exceptions", "sched", "task")
#: What perf's exit events tell of a fault at level low, ftrace alone can only tell by these, and they cost it next to nothing: what was
#: allocated and counted, and the calls that allocate and count too.
_LOW_ALONE = ("kmem", "syscalls")

#: Functions that decide what becomes of a fault, a fork, a copy-up (mm/memory.c, mm/huge_memory.c, mm/rmap.c, mm/swap.c, mm/ksm.c,
#: mm/hugetlb.c, kernel/fork.c, fs/overlayfs/copy_up.c), by the names that kernels from 4.4 on gave them. Static ones may be inlined.
FUNCTIONS: frozenset[str] = frozenset(
    """
    handle_mm_fault hugetlb_fault do_wp_page wp_page_copy wp_page_reuse wp_page_shared do_anonymous_page do_fault do_read_fault
    do_cow_fault do_shared_fault do_swap_page do_numa_page ptep_clear_flush ptep_set_access_flags folio_add_new_anon_rmap
    page_add_new_anon_rmap finish_fault filemap_map_pages filemap_fault shmem_fault do_page_mkwrite handle_userfault
    do_huge_pmd_anonymous_page do_huge_pmd_wp_page do_huge_zero_wp_pmd do_huge_pmd_numa_page __split_huge_pmd split_huge_page_to_list
    split_huge_page_to_list_to_order clear_huge_page folio_zero_user copy_huge_page copy_user_huge_page copy_user_large_folio
    hugetlb_no_page hugetlb_wp hugetlb_cow collapse_huge_page
    kernel_clone _do_fork copy_process dup_mmap copy_page_range copy_pte_range copy_huge_pmd copy_hugetlb_page_range exit_mmap
    ovl_copy_up_one ovl_copy_up_flags ovl_copy_up_with_data ovl_copy_up_data ovl_copy_up_file ovl_copy_up_meta_inode_data
    ovl_copy_up_metadata ovl_maybe_copy_up vfs_clone_file_range do_clone_file_range do_splice_direct vfs_fsync
    """.split()  # noqa: SIM905 -- a list of 60 names reads as a list of names
)


def level_events(level: str, *, system_wide: bool, alone: bool = False) -> tuple[Event, ...]:
    """Tracepoints of a level.

    Args:
        level: Its name.
        system_wide: Kernel threads are recorded too.
        alone: perf has no part in the recording.
    """
    if level == "low":
        systems = _LOW_SYSTEMS + _LOW_ALONE * alone
        events = [event for event in EVIDENCE if event.name.partition(":")[0] in systems]
    else:
        events = [event for event in LEVELS[level].events if event.is_tracepoint]
    return (*(event for event in events if system_wide or event.scope == "any"), RENAME)


def base_name(function: str) -> str:
    """A function without what the compiler appended: ``do_wp_page.isra.0 -> do_wp_page``."""
    return function.partition(".")[0]
