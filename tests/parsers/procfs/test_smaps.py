"""smaps as kernels print it: every field, every kind of mapping, paths that try hard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cowtrace.parsers.procfs.fields import column_of
from cowtrace.parsers.procfs.smaps import SmapsReader
from cowtrace.schema.smaps import SMAPS_FIELDS
from tests.support.proc_text import DATA, mapping, notes, picked, read_smaps

PARENT, CHILD = DATA / "proc" / "3977", DATA / "proc" / "3978"
NOT_IN_ROLLUP = {"size_kb", "kernel_page_size_kb", "mmu_page_size_kb", "thp_eligible"}
ROLLUP_ONLY = {"pss_anon_kb", "pss_file_kb", "pss_shmem_kb"}
NUMERIC = {field.column for field in SMAPS_FIELDS} - {"protection_key"}


def at(rows: list[dict[str, Any]], start_addr: int) -> dict[str, Any]:
    """The row of one mapping."""
    return next(row for row in rows if row["start_addr"] == start_addr)


def test_every_field_of_one_mapping() -> None:
    """A library page in kinds-smaps.txt, compared by eye with the file."""
    rows, info = read_smaps(DATA / "kinds-smaps.txt")
    zeroes = dict.fromkeys(NUMERIC - ROLLUP_ONLY, 0)
    sizes = {"size_kb": 4, "kernel_page_size_kb": 4, "mmu_page_size_kb": 4, "rss_kb": 4, "pss_kb": 2, "pss_dirty_kb": 2}
    assert rows[0] == {
        "form": "smaps",
        "snapshot_id": 0,
        "start_addr": 0x55D87A5B7000,
        "end_addr": 0x55D87A5B8000,
        "perms": "r--p",
        "pgoff": 0,
        "dev": "fe:00",
        "inode": 2238827,
        "path": "/tmp/ctv/memload",
        "vm_flags": "rd mr mw me",
        **zeroes,
        **sizes,
        "shared_dirty_kb": 4,
        "referenced_kb": 4,
    }
    assert (info.records_read, info.records_damaged, info.records_unknown) == (13, 0, 0)
    assert notes(info) == {
        "snapshots without a time: put it in the file name or in '# time' lines": 1,
        "snapshots of an unknown process: put its pid in the file name": 1,
    }


def test_kinds_of_mappings() -> None:
    rows, _ = read_smaps(DATA / "kinds-smaps.txt")
    assert picked(rows, "path", "perms", "inode", "rss_kb", "anon_huge_pages_kb", "lazy_free_kb", "vm_flags") == [
        ("/tmp/ctv/memload", "r--p", 2238827, 4, 0, 0, "rd mr mw me"),
        (None, "rw-p", 0, 2048, 2048, 0, "rd wr mr mw me ac hg"),
        (None, "rw-p", 0, 32, 0, 32, "rd wr mr mw me ac"),
        (None, "rw-p", 0, 0, 0, 0, "rd wr mr mw me ac wf"),
        ("/memfd:my memfd (deleted)", "rw-s", 211, 0, 0, 0, "rd wr sh mr mw me ms"),
        ("/tmp/ctv/mm/tab\tname", "rw-s", 2727965, 0, 0, 0, "rd wr sh mr mw me ms"),
        ("/tmp/ctv/mm/paren (deleted) (deleted)", "rw-p", 2727961, 32, 0, 0, "rd wr mr mw me ac"),
        ("/tmp/ctv/mm/unié.bin", "rw-s", 2727952, 0, 0, 0, "rd wr sh mr mw me ms"),
        (r"/tmp/ctv/mm/new\012line.bin", "rw-p", 2727951, 32, 0, 0, "rd wr mr mw me ac"),
        ("/tmp/ctv/mm/with space.bin (deleted)", "rw-s", 2727950, 0, 0, 0, "rd wr sh mr mw me ms"),
        ("/dev/zero (deleted)", "rw-s", 210, 4, 0, 0, "rd wr sh mr mw me ms"),
        ("[vvar]", "r--p", 0, 0, 0, 0, "rd mr pf io de dd"),
        ("[vsyscall]", "--xp", 0, 0, 0, 0, "ex"),
    ]
    # beyond int64
    assert picked(rows, "start_addr", "end_addr")[-1] == (0xFFFFFFFFFF600000, 0xFFFFFFFFFF601000)


def test_a_fork_seen_from_both_sides() -> None:
    """64 pages written, then forked twice, then 16 of them written by the first child.

    The parent shares 16 with one and 48 with both: 64 KiB / 2 + 192 KiB / 3. The child has 16 alone and shares 48: 64 KiB + 192 KiB / 3.
    """
    forked = [at(read_smaps(folder / "smaps")[0], 0x200000000000) for folder in (PARENT, CHILD)]
    columns = ("tgid", "rss_kb", "anonymous_kb", "shared_dirty_kb", "private_dirty_kb", "pss_kb")
    assert picked(forked, *columns) == [(3977, 256, 256, 256, 0, 95), (3978, 256, 256, 192, 64, 127)]  # a third is rounded down


def test_zero_page_mappings_count_nowhere() -> None:
    """64 pages read, none written."""
    rows, info = read_smaps(PARENT / "smaps")
    row = at(rows, 0x200000400000)
    assert {column for column in NUMERIC - ROLLUP_ONLY if row[column]} == {"size_kb", "kernel_page_size_kb", "mmu_page_size_kb"}
    assert (info.records_read, info.records_damaged) == (24, 0)


def test_paths_of_files_that_try_hard() -> None:
    rows, _ = read_smaps(PARENT / "smaps")
    assert [row.get("path") for row in rows if 0x200000000000 <= row["start_addr"] < 0x300000000000] == [
        None,
        None,
        None,
        "/dev/zero (deleted)",
        "/memfd:my memfd (deleted)",
        "/tmp/cow maps/with  two blanks ",
        r"/tmp/cow maps/new\012line\012",  # a newline, then a backslash and three digits: the kernel prints both alike
        "/tmp/cow maps/kept (deleted)",  # its name, the file is there
        "/tmp/cow maps/tab\tgone (deleted)",
        "/tmp/cow maps/latin\\xe9\x1b[31m",  # not UTF-8
        None,
        "/anon_hugepage (deleted)",
    ]


def test_huge_pages() -> None:
    rows, _ = read_smaps(PARENT / "smaps")
    columns = ("kernel_page_size_kb", "rss_kb", "anon_huge_pages_kb", "shared_hugetlb_kb", "private_hugetlb_kb", "thp_eligible")
    assert picked([at(rows, 0x200002800000), at(rows, 0x200002C00000)], *columns) == [
        (4, 2048, 2048, 0, 0, 1),
        (2048, 0, 0, 2048, 0, 0),  # hugetlb is outside rss
    ]


def test_lines_agree_with_maps() -> None:
    """/proc/PID/maps of the same process, taken apart in another way."""
    rows, _ = read_smaps(PARENT / "smaps")
    lines = [line.split(b" ", 5) for line in (PARENT / "maps").read_bytes().splitlines()]
    shown = [f"{row['start_addr']:08x}-{row['end_addr']:08x} {row['perms']} {row['pgoff']:08x} {row['dev']} {row['inode']}" for row in rows]
    assert shown == [b" ".join(line[:5]).decode() for line in lines]
    assert [row.get("path", "") for row in rows] == [line[5].lstrip(b" ").decode("utf-8", "backslashreplace") for line in lines]


@pytest.mark.parametrize(("folder", "pss_kb", "sum_kb"), [(PARENT, 2108, 2102), (CHILD, 917, 912)])
def test_rollup_is_the_sum_but_for_rounding(folder: Path, pss_kb: int, sum_kb: int) -> None:
    rows, _ = read_smaps(folder / "smaps")
    (rollup,), info = read_smaps(folder / "smaps_rollup")
    head = ("form", "start_addr", "end_addr", "perms", "path", "pss_kb")
    assert picked([rollup], *head) == [("rollup", 0x400000, rows[-2]["end_addr"], "---p", "[rollup]", pss_kb)]
    assert (info.records_read, info.records_damaged) == (1, 0)
    assert NOT_IN_ROLLUP.isdisjoint(rollup)
    sums = {column: sum(row[column] for row in rows) for column in NUMERIC - NOT_IN_ROLLUP - ROLLUP_ONLY}
    different = {column for column, value in sums.items() if value != rollup[column]}
    assert (different, sums["pss_kb"]) == ({"pss_kb", "pss_dirty_kb"}, sum_kb)  # each mapping is rounded down


def test_an_old_kernel_has_nulls_not_zeroes(tmp_path: Path) -> None:
    """4.4: other order, no LazyFree, no THPeligible, no Pss_Dirty, and 32-bit addresses."""
    text = mapping("08048000-08053000 r-xp 00000000 03:01 95 /bin/sh", Size=44, Rss=40, Pss=20, Swap=0, KernelPageSize=4, flags="rd ex mr")
    (row,), _ = read_smaps(tmp_path / "smaps", text)
    assert {name: value for name, value in row.items() if name in NUMERIC} == {
        "size_kb": 44,
        "rss_kb": 40,
        "pss_kb": 20,
        "swap_kb": 0,
        "kernel_page_size_kb": 4,
    }
    assert picked([row], "start_addr", "dev", "inode", "path") == [(0x8048000, "03:01", 95, "/bin/sh")]


def test_fields_and_flags_of_the_future(tmp_path: Path) -> None:
    text = (
        mapping("1000-2000 rw-p 00000000 00:00 0 ", Rss=4, Folio_Mapped=16, BigFoo2M=7, flags="rd ss zz lf")
        + b"ProtectionKey:         3\nFooLevel:     12\nPtes@4kB:\t 32 kB\nPath:    5\nMood: fine\n"
    )
    reader = SmapsReader(tmp_path / "smaps")
    (tmp_path / "smaps").write_bytes(text)
    ((row,),) = [batch.to_pylist() for batch in reader.batches()]
    wanted = {"rss_kb": 4, "folio_mapped_kb": 16, "big_foo2_m_kb": 7, "protection_key": 3, "foo_level": 12, "ptes_4k_b_kb": 32}
    assert {name: row[name] for name in wanted} == wanted
    assert (row["path"], row["path_value"], row["vm_flags"]) == (None, 5, "rd ss zz lf")
    assert list(reader.names.unknown) == ["big_foo2_m_kb", "folio_mapped_kb", "foo_level", "path_value", "ptes_4k_b_kb"]
    assert (reader.info.records_unknown, reader.info.records_damaged) == (1, 0)
    assert notes(reader.info)["fields of a kind that has no column"] == 1  # Mood: no number


def test_empty_flags_are_not_absent_flags(tmp_path: Path) -> None:
    heads = [f"{start:x}000-{start:x}800 ---p 00000000 00:00 0 " for start in (1, 2)]
    rows, _ = read_smaps(tmp_path / "smaps", mapping(heads[0], Rss=0, flags="") + mapping(heads[1], Rss=0))
    assert picked(rows, "vm_flags") == [("",), (None,)]


@pytest.mark.parametrize(
    ("name", "is_kb", "column"),
    [
        (b"Shared_Clean", True, "shared_clean_kb"),
        (b"KernelPageSize", True, "kernel_page_size_kb"),
        (b"MMUPageSize", True, "mmu_page_size_kb"),
        (b"THPeligible", False, "thp_eligible"),
        (b"Rss", False, None),  # a known field without its unit is damage
        (b"THPeligible", True, None),
        (b"NewXYZPages", True, "new_xyz_pages_kb"),
        (b"Start_Addr", False, "start_addr_value"),
        (b"two words", True, None),
        (b"lower", True, None),
        (b"VmFlags", False, None),
    ],
)
def test_names_of_columns(name: bytes, is_kb: bool, column: str | None) -> None:
    assert column_of(name, is_kb) == column


def test_many_unknown_fields_are_capped(tmp_path: Path) -> None:
    text = mapping("1000-2000 rw-p 00000000 00:00 0 ", more={f"Field{number:03}x": number for number in range(300)})
    reader = SmapsReader(tmp_path / "smaps")
    (tmp_path / "smaps").write_bytes(text)
    ((row,),) = [batch.to_pylist() for batch in reader.batches()]
    assert len(reader.names.unknown) == 200
    assert (row["field000x_kb"], row["field199x_kb"], "field200x_kb" in row) == (0, 199, False)
    assert reader.info.records_unknown == 100
