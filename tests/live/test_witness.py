"""The witness reads ``perf script`` text; here its rules on text small enough to check by eye."""

from __future__ import annotations

from tests.support import witness

FAULT = ["__handle_mm_fault", "handle_mm_fault", "exc_page_fault", "asm_exc_page_fault"]
MOVABLE = "page=0x1 pfn=0x1 order=0 migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE|__GFP_COMP"
ZEROED = "page=0x1 pfn=0x1 order=0 migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE|__GFP_ZERO|__GFP_COMP"
TABLE = "page=0x1 pfn=0x1 order=0 migratetype=0 gfp_flags=GFP_KERNEL_ACCOUNT|__GFP_ZERO|__GFP_COMP"


def line(event: str, trace: str, *chain: str, comm: str = "server", tid: int = 7) -> list[str]:
    """One event as perf prints it."""
    frames = [f"\tffffffff8100{at:04x} {name}" for at, name in enumerate(chain)]
    return [f"{comm:>16}  7/{tid}  100.000000001: {event}: {trace}", *frames, ""]


def exception(code: int, address: str = "0x100000000000") -> list[str]:
    """A user-mode page fault."""
    return line("exceptions:page_fault_user", f"address={address} ip=0x401000 error_code={code:#x}")


def alloc(trace: str, *chain: str) -> list[str]:
    """An allocation with its call chain."""
    return line("kmem:mm_page_alloc", trace, *chain)


def outcomes(*lines: list[str]) -> dict[str, int]:
    """Outcomes of process 7."""
    return dict(witness.read(text for group in lines for text in group)[7].counts)


def test_a_write_to_a_present_page_copies_or_reuses() -> None:
    copied = alloc(MOVABLE, "vma_alloc_folio_noprof", "do_wp_page", *FAULT)
    assert outcomes(exception(7), copied, exception(7), exception(7), copied) == {"copy": 2, "reuse": 1}


def test_the_first_copy_of_a_file_page_moves_the_file_counter() -> None:
    copied = alloc(MOVABLE, "vma_alloc_folio_noprof", "do_wp_page", *FAULT)
    counter = line("kmem:rss_stat", "mm_id=1 curr=1 type=MM_FILEPAGES size=4096B", "do_wp_page", *FAULT)
    assert outcomes(exception(7), copied, counter, exception(7), copied) == {"file_copy": 1, "copy": 1}


def test_first_touches() -> None:
    assert outcomes(
        exception(6), alloc(TABLE, "pte_alloc_one", "do_anonymous_page", *FAULT), alloc(ZEROED, "do_anonymous_page", *FAULT),
        exception(7), alloc(ZEROED, "do_wp_page", *FAULT),
        exception(6), alloc(MOVABLE.replace("order=0", "order=4"), "do_anonymous_page", *FAULT),
        exception(6), alloc(MOVABLE.replace("order=0", "order=9"), "do_huge_pmd_anonymous_page", *FAULT),
        exception(6), alloc(MOVABLE, "vma_alloc_folio_noprof", "do_fault", *FAULT),
        exception(4),
    ) == {"zero_fill": 1, "zero_copy": 1, "large_fill": 1, "huge_fill": 1, "file_copy": 1, "other": 1}  # fmt: skip


def test_what_is_not_a_fault_does_not_count() -> None:
    fork = alloc(TABLE, "pte_alloc_one", "copy_page_range", "dup_mmap", "kernel_clone")
    populate = alloc(MOVABLE, "do_wp_page", "__handle_mm_fault", "handle_mm_fault", "__get_user_pages")
    assert outcomes(exception(7), fork, populate) == {"reuse": 1}


def test_a_fault_that_ends_in_a_signal_failed() -> None:
    signal = line("signal:signal_generate", "sig=11 errno=0 code=2 comm=server pid=7 grp=0 res=0")
    assert outcomes(exception(7), signal, exception(7)) == {"failed": 1, "reuse": 1}


def test_a_first_try_with_page_faults_disabled_failed() -> None:
    kernel = line("exceptions:page_fault_kernel", "address=0x7fff0010 ip=copy_fpstate_to_sigframe error_code=0x3")
    copied = alloc(MOVABLE, "do_wp_page", *FAULT)
    assert outcomes(kernel, kernel, copied, exception(7), exception(7)) == {"failed": 1, "copy": 1, "reuse": 2}
    fork = alloc(TABLE, "pgd_alloc", "mm_init", "copy_process", "kernel_clone")
    assert outcomes(kernel, fork, kernel) == {"reuse": 2}


def test_names_with_spaces_and_two_threads() -> None:
    copied = line("kmem:mm_page_alloc", MOVABLE, "do_wp_page", *FAULT, comm="a b: c", tid=8)
    write = line("exceptions:page_fault_user", "address=0x10 ip=0x1 error_code=0x7", comm="a b: c", tid=8)
    assert outcomes(write, exception(7), copied) == {"copy": 1, "reuse": 1}


def test_addresses_outside_the_range_are_left_out() -> None:
    text = [*exception(7, "0x5000"), *exception(7)]
    assert witness.read(text, range(0x5000, 0x6000))[7].counts == {"reuse": 1}
