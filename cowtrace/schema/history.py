"""Tables of who lived when: ``process``, ``fork``, ``vma``, ``stack``, ``cgroup``."""

from __future__ import annotations

import pyarrow as pa

from cowtrace.schema.column import Column, Table, address, duration_ns, key, label, pid, size_bytes, ts_ns

PROCESS = Table(
    "process",
    "one life of a process between fork/exec and exec/exit",
    (
        key("mm_id", "This row's number: the address space."),
        pid("tgid", "Process id."),
        key("parent_mm_id", "The address space it was forked from, or the one that an exec replaced; NULL when not seen.", nullable=True),
        label("comm", "Name of the main thread at the end of this life."),
        ts_ns("Fork or exec; the recording's first time for processes that ran before.", name="start_ns"),
        ts_ns("Exec or exit; NULL when it outlived the recording.", name="end_ns", nullable=True),
        label("how", "fork, vfork, exec, or seen (it ran before the recording began)."),
    ),
)

FORK = Table(
    "fork",
    "one fork of an address space",
    (
        key("fork_id", "This row's number."),
        ts_ns("When the kernel reported the child (after the page tables were copied)."),
        duration_ns("clone() from entry to exit in the parent; NULL when the system call was not recorded."),
        pid("parent_tgid", "Process that forked."),
        pid("child_tgid", "Process that was made."),
        key("parent_mm_id", "Address space that was copied; NULL when not seen.", nullable=True),
        key("child_mm_id", "Address space that was made."),
        ts_ns("When the child's copy ended (exec or exit); NULL when it outlived the recording.", name="end_ns", nullable=True),
        Column("execed", pa.bool_(), "The child's copy ended by exec."),
    ),
)

VMA = Table(
    "vma",
    "one mapping over its life",
    (
        key("vma_id", "This row's number."),
        key("mm_id", "Address space that made the mapping; forked children inherit it without a row of their own.", nullable=True),
        address("start_addr", "First byte."),
        address("end_addr", "One past the last byte."),
        size_bytes("pgoff", "Offset of the first byte in the file.", nullable=False),
        label("perms", "As in /proc/PID/maps (rwxp); '?' where the recorder did not say."),
        label("path", "File or pseudo file; NULL for anonymous memory.", nullable=True),
        label("dev", "Device as major:minor.", nullable=True),
        Column("inode", pa.uint64(), "Inode number.", nullable=True),
        label("vma_kind", "anon, heap, stack, file_private, file_shared, shmem, hugetlb, special, unknown."),
        label("build_id", "GNU build-id of the file, hex; NULL when not recorded.", nullable=True),
        ts_ns("When it was mapped; the recording's first time for older mappings.", name="start_ns"),
        ts_ns("When it was unmapped or replaced; NULL when not seen.", name="end_ns", nullable=True),
    ),
)

VMA_EXTENT = Table(
    "vma_extent",
    "one state of a mapping: its range from a record on",
    (
        key("extent_id", "This row's number."),
        key("vma_id", "Row of vma."),
        key("mm_id", "Address space that made it.", nullable=True),
        ts_ns("Since when; the recording's first time for older mappings."),
        address("start_addr", "First byte then, merged neighbours included (mm/mmap.c: perf_event_mmap gets the merged mapping)."),
        address("end_addr", "One past the last byte then."),
        label("perms", "As in vma."),
    ),
)

MEMORY_CALL = Table(
    "memory_call",
    "one munmap, madvise or mremap",
    (
        ts_ns("Entry of the call."),
        pid("tgid", "Process that called."),
        key("mm_id", "Its address space; NULL when not known.", nullable=True),
        label("call", "munmap, madvise, mremap."),
        address("addr", "First byte of the range."),
        size_bytes("size_bytes", "Length of the range; for mremap the new length.", nullable=False),
        address("new_addr", "Where mremap put it; NULL for the others.", nullable=True),
        Column("advice", pa.int32(), "MADV_* number (mman-common.h); NULL for the others.", nullable=True),
    ),
)

STACK = Table(
    "stack",
    "one distinct call chain",
    (
        key("stack_id", "This row's number."),
        Column("ips", pa.list_(pa.uint64()), "Addresses, innermost first, perf's context markers included.", unit="address"),
    ),
)

KERNEL_SYMBOL = Table(
    "kernel_symbol",
    "one function of the recorded kernel, from the kallsyms that came with the recording",
    (
        address("addr", "First byte."),
        Column("function", pa.string(), "Its name."),
        label("module", "Kernel module; NULL for the kernel proper.", nullable=True),
    ),
)

JIT_SYMBOL = Table(
    "jit_symbol",
    "one function that a just-in-time compiler announced, from the perf-PID.map that came with the recording",
    (
        pid("tgid", "Process."),
        address("addr", "First byte."),
        size_bytes("size_bytes", "Its length.", nullable=False),
        Column("symbol", pa.string(), "Its name."),
    ),
)

CGROUP = Table(
    "cgroup",
    "one cgroup seen by the recorder",
    (
        Column("cgroup_id", pa.uint64(), "Id as in fault.cgroup_id."),
        label("path", "Path in the perf_event hierarchy."),
        ts_ns("When it was first named.", nullable=True),
    ),
)
