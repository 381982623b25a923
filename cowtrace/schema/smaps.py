"""Table ``smaps``: one mapping in one snapshot, with every field that some kernel since 4.4 prints."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from cowtrace.schema.column import Column, Table, address, key, label, pid, ts_ns


@dataclass(frozen=True, slots=True)
class SmapsField:
    """One numeric line of smaps.

    Attributes:
        name: As the kernel prints it.
        column: Column of the table; ends in ``_kb`` when the line ends in kB.
        doc: What it counts, and since which kernel where that is not all of them.
    """

    name: str
    column: str
    doc: str

    @property
    def is_kb(self) -> bool:
        """The line carries the unit kB, which is KiB."""
        return self.column.endswith("_kb")


# fs/proc/task_mmu.c, show_smap and __show_smap, in the order of 6.18; ProtectionKey is printed by CPUs with pkeys only.
SMAPS_FIELDS: tuple[SmapsField, ...] = (
    SmapsField("Size", "size_kb", "Length of the mapping; not in rollup rows."),
    SmapsField("KernelPageSize", "kernel_page_size_kb", "Page size the kernel allocates with; not in rollup rows."),
    SmapsField("MMUPageSize", "mmu_page_size_kb", "Page size the MMU maps with; not in rollup rows."),
    SmapsField("Rss", "rss_kb", "Resident pages; hugetlb and the zero page are not counted."),
    SmapsField("Pss", "pss_kb", "Resident, each page divided by its number of maps; rounded down per mapping."),
    SmapsField("Pss_Dirty", "pss_dirty_kb", "Dirty part of pss; since 6.0."),
    SmapsField("Pss_Anon", "pss_anon_kb", "Anonymous part of pss; rollup rows only, since 5.3."),
    SmapsField("Pss_File", "pss_file_kb", "File part of pss; rollup rows only, since 5.3."),
    SmapsField("Pss_Shmem", "pss_shmem_kb", "Shared memory part of pss; rollup rows only, since 5.3."),
    SmapsField("Shared_Clean", "shared_clean_kb", "Clean pages mapped more than once."),
    SmapsField("Shared_Dirty", "shared_dirty_kb", "Dirty pages mapped more than once; after a fork, all anonymous memory."),
    SmapsField("Private_Clean", "private_clean_kb", "Clean pages mapped once."),
    SmapsField("Private_Dirty", "private_dirty_kb", "Dirty pages mapped once."),
    SmapsField("Referenced", "referenced_kb", "Pages marked accessed."),
    SmapsField("Anonymous", "anonymous_kb", "Pages that belong to no file; also the copies in a private file mapping."),
    SmapsField("KSM", "ksm_kb", "Pages merged by KSM; since 6.7."),
    SmapsField("LazyFree", "lazy_free_kb", "Given back with MADV_FREE, not reclaimed yet; since 4.12."),
    SmapsField("AnonHugePages", "anon_huge_pages_kb", "Anonymous memory mapped by PMD in this address space."),
    SmapsField("ShmemPmdMapped", "shmem_pmd_mapped_kb", "Shared memory mapped by PMD; since 4.8."),
    SmapsField("FilePmdMapped", "file_pmd_mapped_kb", "Page cache mapped by PMD; since 5.4."),
    SmapsField("Shared_Hugetlb", "shared_hugetlb_kb", "hugetlb pages mapped more than once; outside rss and pss."),
    SmapsField("Private_Hugetlb", "private_hugetlb_kb", "hugetlb pages mapped once; outside rss and pss."),
    SmapsField("Swap", "swap_kb", "Anonymous memory on swap."),
    SmapsField("SwapPss", "swap_pss_kb", "Swapped memory, each slot divided by its users."),
    SmapsField("Locked", "locked_kb", "Locked memory, counted as pss."),
    SmapsField(
        "THPeligible",
        "thp_eligible",
        "1 when new pages may be huge, of any enabled size; not in rollup rows; since 5.0.",
    ),
    SmapsField("ProtectionKey", "protection_key", "Memory protection key; not in rollup rows; NULL on CPUs without."),
)


def smaps_field_column(column: str, doc: str) -> Column:
    """The column of one numeric line, declared or found in a file only."""
    return Column(column, pa.int64(), doc, unit="KiB" if column.endswith("_kb") else "", nullable=True)


SMAPS = Table(
    "smaps",
    "one mapping in one snapshot",
    (
        ts_ns("When the snapshot was taken; nanoseconds since 1970 unless the manifest says otherwise.", nullable=True),
        pid("tgid", "Process.", nullable=True),
        label("form", "smaps, or rollup: the kernel's own total over all mappings."),
        key("snapshot_id", "Number of the snapshot within the store."),
        address("start_addr", "First byte."),
        address("end_addr", "One past the last byte."),
        label("perms", "As printed: rwxp."),
        Column("pgoff", pa.uint64(), "Offset in the file.", unit="bytes"),
        label("dev", "Device as major:minor."),
        Column("inode", pa.uint64(), "Inode number."),
        label("path", "Path or pseudo path as printed; NULL when empty.", nullable=True),
        label("vm_flags", "VmFlags: two-letter codes joined by blanks; NULL when the line is absent.", nullable=True),
        *(smaps_field_column(field.column, field.doc) for field in SMAPS_FIELDS),
    ),
    open_ended=True,
)
