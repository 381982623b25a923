"""The ``fault`` table and its vocabulary."""

from __future__ import annotations

import pyarrow as pa

from cowtrace.schema.column import Column, Table, address, duration_ns, key, label, pid, size_bytes, ts_ns

#: What the kernel did, in the order in which reports list it. Source of each path: mm/memory.c and mm/huge_memory.c.
KINDS: dict[str, str] = {
    "cow_copy": "copied an anonymous page shared by fork",
    "cow_reuse": "made the last owner's page writable, no copy",
    "thp_split": "split a shared huge mapping at a write, then copied or reused one base page",
    "thp_reuse": "made the last owner's huge page writable",
    "file_cow": "copied a page of a private file mapping",
    "ksm_copy": "copied a page merged by KSM",
    "hugetlb_cow": "copied a hugetlb page",
    "zero_page_cow": "gave a zeroed page to a write after the shared zero page",
    "thp_zero_page_cow": "gave a zeroed huge page to a write after the huge zero page",
    "anon_zero": "zero-filled a base page on first touch",
    "mthp_zero": "zero-filled an order 1..8 folio on first touch",
    "thp_zero": "zero-filled a PMD-sized huge page on first touch",
    "zero_page": "mapped the shared zero page (read first)",
    "thp_zero_page": "mapped the shared huge zero page (read first)",
    "file_read": "mapped page-cache pages (with fault-around)",
    "file_mkwrite": "made a shared file page writable",
    "shmem": "allocated or mapped shared memory",
    "swap_in": "brought a page back from swap or the swap cache",
    "numa_hint": "handled a NUMA hinting fault",
    "hugetlb": "mapped a hugetlb page",
    "uffd": "waited for a userfaultfd monitor",
    "spurious": "found nothing to do (raced or stale TLB)",
    "failed": "nothing: entry without exit (SIGSEGV, SIGBUS, fix-up)",
    "unknown": "the recording can't tell",
}

#: Kinds that copy bytes because something was shared.
COPY_KINDS = ("cow_copy", "thp_split", "file_cow", "ksm_copy", "hugetlb_cow")

#: What a verdict rests on, strongest first.
EVIDENCE: dict[str, str] = {
    "span": "function_graph spans of the kernel's own path",
    "callchain": "kernel frames on an event inside the fault",
    "frames": "page size and page frame before and after the fault",
    "join": "tracepoints between the fault's entry and exit",
    "errcode": "the processor's error code with the mapping",
    "state": "replayed page state",
    "none": "nothing that decides; possible_kinds says what is left",
}

FAULT = Table(
    "fault",
    "one page fault",
    (
        ts_ns("Fault entry; the exit's time where only exits were recorded."),
        duration_ns("Entry to exit, with the recorder's own cost inside; NULL without both."),
        Column("cpu", pa.int32(), "CPU at entry; NULL when not recorded.", nullable=True),
        pid("tgid", "Process id (kernel tgid)."),
        pid("tid", "Thread id."),
        label("comm", "Name of the thread at that moment; bytes that are not UTF-8 as \\xNN."),
        key("mm_id", "Address space: row of process.", nullable=True),
        address("addr", "Faulting address, to the byte; NULL when not recorded.", nullable=True),
        address("ip", "Instruction that faulted; NULL when not recorded.", nullable=True),
        Column("is_write", pa.bool_(), "A write; NULL when neither the error code nor the outcome tells.", nullable=True),
        Column("is_exec", pa.bool_(), "An instruction fetch; NULL without an error code.", nullable=True),
        Column("is_user", pa.bool_(), "The faulting instruction ran in user mode; False: the kernel touched user memory.", nullable=True),
        Column("is_major", pa.bool_(), "The kernel's own accounting (mm_account_fault); NULL without exit events.", nullable=True),
        Column("error_code", pa.int32(), "x86 error code (trap_pf.h); NULL without exceptions events.", nullable=True),
        label("kind", "What the kernel did: " + ", ".join(KINDS) + "."),
        label("possible_kinds", "For kind unknown: what is left, joined by '|'; otherwise NULL.", nullable=True),
        label("evidence", "What the verdict rests on: " + ", ".join(EVIDENCE) + "."),
        Column("confidence", pa.float32(), "0..1; 0 for unknown.", unit="ratio"),
        size_bytes("copied_bytes", "Bytes copied from an old page; NULL when the recording can't tell."),
        size_bytes("zeroed_bytes", "Bytes zero-filled; NULL when the recording can't tell."),
        Column("alloc_order", pa.int8(), "Order of the page allocated in the fault; NULL when not recorded.", nullable=True),
        key("fork_id", "Fork that made the page shared: row of fork; NULL when none did.", nullable=True),
        label("fork_side", "Who paid for that fork's sharing: parent or child.", nullable=True),
        key("vma_id", "Mapping: row of vma; NULL when no mapping is known there.", nullable=True),
        key("extent_id", "The mapping's range at that moment: row of vma_extent; NULL when no mapping is known there.", nullable=True),
        Column("cgroup_id", pa.uint64(), "Cgroup id (perf_event hierarchy); NULL when not recorded.", nullable=True),
        key("stack_id", "Call chain: row of stack; NULL when not recorded.", nullable=True),
        Column("weight", pa.int64(), "Faults that this row stands for (the sample period).", unit="count"),
    ),
)
