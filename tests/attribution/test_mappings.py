"""Which mapping was at an address at a time."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cowtrace.attribution.history import History
from cowtrace.attribution.mappings import PERMS, VMA_KINDS, Mappings, vma_kind_of
from tests.support.side import side_band


def find(side: tuple[str, ...], *questions: tuple[int, int, int]) -> list[str | None]:
    """Path of the mapping for (mm_id, addr, ts)."""
    band = side_band(*side)
    mappings = Mappings(History(band), band.mmap)
    columns = (np.array(column, np.int64) for column in zip(*questions, strict=True))
    found = mappings.find(*columns)
    return [None if record < 0 else mappings.paths[mappings.path[record]] for record in found]


def test_later_mapping_replaces_from_its_time() -> None:
    side = ("- comm 10 a", "50 mmap 10 1000-5000 rw-p //anon", "90 mmap 10 2000-3000 r--p /lib/x")
    assert find(side, (0, 0x2FFF, 60), (0, 0x2FFF, 90), (0, 0x3000, 95), (0, 0x5000, 95), (0, 0x1000, 49)) == [
        "//anon",
        "/lib/x",
        "//anon",
        None,
        None,
    ]


def test_forked_child_inherits_what_the_parent_had_then() -> None:
    side = (
        "- comm 10 a",
        "50 mmap 10 1000-5000 rw-p //anon",
        "100 fork 20<-10",
        "120 mmap 10 8000-9000 rw-p /late",
        "130 mmap 20 1000-2000 r--p /own",
    )
    assert find(side, (1, 0x1000, 110), (1, 0x8000, 125), (1, 0x1000, 130), (1, 0x2000, 130)) == ["//anon", None, "/own", "//anon"]


def test_exec_starts_empty() -> None:
    side = ("- comm 10 a", "50 mmap 10 1000-5000 rw-p //anon", "60 exec 10 b", "70 mmap 10 7000-8000 r-xp /bin/b")
    assert find(side, (1, 0x1000, 80), (1, 0x7000, 80)) == [None, "/bin/b"]


def test_growing_heap_is_one_mapping() -> None:
    band = side_band(
        "- comm 10 a", "50 mmap 10 1000-2000 rw-p [heap]", "60 mmap 10 1000-4000 rw-p [heap]", "70 mmap 10 1000-9000 rw-p [heap]"
    )
    mappings = Mappings(History(band), band.mmap)
    table = mappings.table(0)
    assert (table["start_addr"].tolist(), table["end_addr"].tolist()) == ([0x1000], [0x9000])
    found = mappings.find(np.array([0, 0, 0]), np.array([0x1000, 0x3000, 0x3000]), np.array([75, 55, 65]))
    assert [int(mappings.vma_of_record[r]) if r >= 0 else None for r in found] == [0, None, 0]


def test_merged_map_growing_downward_is_one_mapping() -> None:
    band = side_band("- comm 10 a", "50 mmap 10 8000-9000 rw-p //anon", "60 mmap 10 6000-9000 rw-p //anon")
    mappings = Mappings(History(band), band.mmap)
    assert mappings.vma_count == 1
    assert mappings.find(np.array([0, 0]), np.array([0x6000, 0x8000]), np.array([70, 70])).tolist() != [-1, -1]


@pytest.mark.parametrize(
    ("path", "flags", "kind"),
    [
        ("//anon", 2, "anon"),
        ("//anon", 1, "shmem"),
        ("[heap]", 2, "heap"),
        ("[stack]", 2, "stack"),
        ("[vdso]", 2, "special"),
        ("/usr/bin/x", 2, "file_private"),
        ("/data/x", 1, "file_shared"),
        ("/dev/zero (deleted)", 1, "shmem"),
        ("/memfd:a b (deleted)", 1, "shmem"),
        ("/memfd:a b (deleted)", 2, "file_private"),
        ("/anon_hugepage (deleted)", 2 | 0x40000, "hugetlb"),
    ],
)
def test_kind_of_mapping(path: str, flags: int, kind: str) -> None:
    assert VMA_KINDS[vma_kind_of(pl.Series([path]), np.array([flags]), np.array([True]))[0]] == kind


def test_perms_table_is_in_bit_order() -> None:
    assert (PERMS[0], PERMS[4 + 8], PERMS[2 + 8], PERMS[1], PERMS[16]) == ("---p", "rw-p", "r-xp", "---s", "????")
