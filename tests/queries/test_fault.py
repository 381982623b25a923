"""fault/*: one store, every question, exact rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowtrace.store.reader import Store
from tests.support.ask import ask
from tests.support.stores import make_store

FAULTS = """
ts_ns      duration_ns tgid comm   mm_id kind      copied_bytes zeroed_bytes fork_id fork_side vma_id is_major confidence evidence weight
1000000000 100         12   redis  0     cow_copy  4096         0            7       parent    0      no       1.0        frames   1
1000000100 300         12   redis  0     cow_copy  4096         0            7       parent    0      no       0.5        errcode  1
1000000200 50          13   bgsave 1     cow_reuse 0            0            7       child     0      no       1.0        frames   1
1500000000 40          13   bgsave 1     thp_split 0            0            7       child     0      no       1.0        frames   1
2000000000 -           12   redis  0     anon_zero 0            4096         -       -         0      -        1.0        join     3
2000000001 900         12   redis  0     file_cow  -            0            -       -         1      yes      1.0        frames   1
2000000002 -           14   ls     -     failed    0            0            -       -         -      -        1.0        join     1
2000000003 10          12   redis  0     unknown   -            -            -       -         -      no       0.0        none     2
2000000004 5           12   redis  0     new_kind  0            0            -       -         0      no       1.0        frames   1
"""
PROCESS = """
mm_id tgid comm   parent_mm_id start_ns   end_ns     how
0     12   redis  -            0          -          seen
1     13   bgsave 0            1000000000 1800000000 fork
"""
VMA = """
vma_id mm_id start_addr end_addr perms path           vma_kind
0      0     0x1000     0x5000   rw-p  -              anon
1      0     0x9000     0xa000   r-xp  /lib/libc.so.6 file_private
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("fault") / "s", fault=FAULTS, process=PROCESS, vma=VMA)


def test_by_kind(store: Store) -> None:
    columns = (
        "kind",
        "family",
        "fault_count",
        "major_count",
        "copied_bytes",
        "zeroed_bytes",
        "unsized_count",
        "duration_ns",
        "timed_count",
    )
    assert ask(store, "fault/by_kind", *columns) == [
        ("anon_zero", "first_touch", 3, None, 0, 12288, 0, None, 0),  # three faults stand in one row
        ("cow_copy", "copy", 2, 0, 8192, 0, 0, 400, 2),
        ("unknown", "unknown", 2, 0, 0, 0, 0, 20, 2),
        ("cow_reuse", "reuse", 1, 0, 0, 0, 0, 50, 1),
        ("thp_split", "reuse", 1, 0, 0, 0, 0, 40, 1),  # it copied nothing
        ("file_cow", "copy", 1, 1, 0, 0, 1, 900, 1),  # of unknown size
        ("failed", "failed", 1, None, 0, 0, 0, None, 0),
        ("new_kind", "other", 1, 0, 0, 0, 0, 5, 1),
    ]
    assert ask(store, "fault/by_kind", "kind", "fault_share", "confidence")[1] == ("cow_copy", 2 / 12, 0.75)


def test_total(store: Store) -> None:
    assert ask(store, "fault/total") == [(12, 3, 2, 3, 0, 1, 1, 2, 8192, 12288, 1, 1415, 8)]


def test_evidence_by_kind(store: Store) -> None:
    rows = ask(store, "fault/evidence_by_kind", "kind", "evidence", "fault_count", "confidence")
    assert rows[1:4] == [("cow_copy", "errcode", 1, 0.5), ("cow_copy", "frames", 1, 1.0), ("cow_reuse", "frames", 1, 1.0)]


def test_by_process(store: Store) -> None:
    columns = (
        "tgid",
        "comm",
        "fault_count",
        "copy_count",
        "reuse_count",
        "first_touch_count",
        "other_count",
        "failed_count",
        "unknown_count",
    )
    assert ask(store, "fault/by_process", *columns) == [
        (12, "redis", 9, 3, 0, 3, 1, 0, 2),
        (13, "bgsave", 2, 0, 2, 0, 0, 0, 0),
        (14, "ls", 1, 0, 0, 0, 0, 1, 0),  # no process record: named by its faults
    ]
    assert ask(store, "fault/by_process", "tgid", "copied_bytes", "zeroed_bytes", "duration_ns", "timed_count") == [
        (12, 8192, 12288, 1325, 6),
        (13, 0, 0, 90, 2),
        (14, 0, 0, None, 0),
    ]


def test_by_comm(store: Store) -> None:
    assert ask(store, "fault/by_comm", "comm", "process_count", "fault_count", "duration_ns") == [
        ("redis", 1, 9, 1325),
        ("bgsave", 1, 2, 90),
        ("ls", 1, 1, None),
    ]


def test_by_fork(store: Store) -> None:
    assert ask(store, "fault/by_fork", "fork_id", "fault_count", "copy_count", "reuse_count", "copied_bytes", "duration_ns") == [
        (None, 8, 1, 0, 0, 925),
        (7, 4, 2, 2, 8192, 490),
    ]


def test_by_mapping(store: Store) -> None:
    columns = ("vma_id", "tgid", "comm", "vma_kind", "path", "perms", "start_addr", "size_bytes", "fault_count", "duration_ns")
    assert ask(store, "fault/by_mapping", *columns) == [
        (1, 12, "redis", "file_private", "/lib/libc.so.6", "r-xp", 0x9000, 4096, 1, 900),
        (0, 12, "redis", "anon", None, "rw-p", 0x1000, 16384, 8, 495),
        (None, None, None, None, None, None, None, None, 3, 20),
    ]


def test_by_object(store: Store) -> None:
    assert ask(store, "fault/by_object", "comm", "vma_kind", "path", "mapping_count", "start_addr", "fault_count", "duration_ns") == [
        ("redis", "file_private", "/lib/libc.so.6", 1, 0x9000, 1, 900),
        ("redis", "anon", None, 1, 0x1000, 6, 405),
        ("bgsave", "anon", None, 1, 0x1000, 2, 90),  # the child faults in the mapping of its parent
        ("redis", None, None, 0, None, 2, 20),
        ("ls", None, None, 0, None, 1, None),
    ]


def test_latency_counts_each_fault_as_often_as_it_stands_for(tmp_path: Path) -> None:
    faults = """
    ts_ns kind     duration_ns weight
    1     cow_copy 10          1
    2     cow_copy 20          8
    3     cow_copy 30          1
    4     cow_copy -           90
    5     failed   -           1
    """
    # ten timed faults: 10, eight times 20, 30; the ninth of ten took 20, the tenth 30
    assert ask(make_store(tmp_path / "s", fault=faults), "fault/latency_by_kind") == [("cow_copy", 10, 20, 20, 30, 30, 200)]


def test_unknown_why(tmp_path: Path) -> None:
    faults = """
    ts_ns tgid kind     possible_kinds     duration_ns is_major is_write vma_id addr   weight
    1     12   unknown  cow_copy|cow_reuse 10          no       yes      0      0x1000 1
    2     13   unknown  cow_copy|cow_reuse -           -        yes      -      0x2000 4
    3     12   unknown  -                  -           -        -        -      -      1
    4     12   cow_copy -                  10          no       yes      0      0x3000 4
    """
    assert ask(make_store(tmp_path / "s", fault=faults), "fault/unknown_why") == [
        ("cow_copy|cow_reuse", 5, 0.5, 2, 10, 4, 0, 0, 4),
        (None, 1, 0.1, 1, None, 1, 1, 1, 1),
    ]


def test_timeline(store: Store) -> None:
    columns = ("start_ns", "fault_count", "copy_count", "reuse_count", "first_touch_count", "copied_bytes", "duration_ns")
    assert ask(store, "fault/timeline", *columns) == [
        (1_000_000_000, 4, 2, 2, 0, 8192, 490),
        (2_000_000_000, 8, 1, 0, 3, 0, 925),
    ]
    assert ask(store, "FROM fault_timeline(bucket_ns := 500000000)", "start_ns", "fault_count") == [
        (1_000_000_000, 3),
        (1_500_000_000, 1),
        (2_000_000_000, 8),
    ]


def test_by_cgroup(tmp_path: Path) -> None:
    faults = """
    ts_ns kind      cgroup_id
    1     anon_zero 5
    2     anon_zero 5
    3     anon_zero 6
    4     anon_zero -
    """
    cgroups = """
    cgroup_id path     ts_ns
    5         /old     -
    5         /renamed 2
    """
    assert ask(make_store(tmp_path / "s", fault=faults, cgroup=cgroups), "fault/by_cgroup", "cgroup_id", "path", "fault_count") == [
        (5, "/renamed", 2),
        (6, None, 1),
        (None, None, 1),
    ]
