"""cow/*, fork/*, thp/*, process/*: who paid for sharing."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowtrace.store.reader import Store
from tests.support.ask import ask
from tests.support.stores import make_store

FAULTS = """
ts_ns duration_ns tgid comm   mm_id kind      copied_bytes fork_id fork_side vma_id
110   2000        12   redis  0     cow_copy  4096         0       parent    0
120   3000        12   redis  0     cow_copy  4096         0       parent    0
130   700         12   redis  0     cow_reuse 0            0       parent    0
140   2500        13   bgsave 1     cow_copy  4096         0       child     0
150   -           13   bgsave 1     file_cow  -            -       -         -
160   400         12   redis  0     cow_reuse 0            1       -         0
170   1000        12   redis  0     anon_zero 0            -       -         0
180   800         12   redis  0     cow_reuse 0            9       parent    0
"""
PROCESS = """
mm_id tgid comm   parent_mm_id start_ns end_ns how
0     12   redis  -            0        -      seen
1     13   bgsave 0            100      190    fork
2     14   redis  0            155      158    fork
3     14   sh     2            158      -      exec
"""
FORK = """
fork_id ts_ns duration_ns parent_tgid child_tgid parent_mm_id child_mm_id end_ns execed
0       100   26000       12          13         0            1           190    no
1       155   -           12          14         0            2           158    yes
2       199   30000       12          15         0            4           -      no
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    vma = "vma_id mm_id start_addr end_addr\n0 0 0x1000 0x3000"
    return make_store(tmp_path_factory.mktemp("cow") / "s", fault=FAULTS, process=PROCESS, fork=FORK, vma=vma)


def test_by_process(store: Store) -> None:
    assert ask(store, "cow/by_process") == [
        (12, "redis", 2, 3, 8192, 0, 6900, 5),
        (13, "bgsave", 2, 0, 4096, 1, 2500, 1),  # the file copy has neither size nor time
    ]


def test_by_comm(store: Store) -> None:
    assert ask(store, "cow/by_comm", "comm", "process_count", "copy_count", "reuse_count") == [("redis", 1, 2, 3), ("bgsave", 1, 2, 0)]


def test_by_mapping(store: Store) -> None:
    assert ask(store, "cow/by_mapping") == [
        (0, 12, "redis", "anon", None, 0x1000, 8192, 3, 3, 12288, 0, 9400, 6),
        (None, None, None, None, None, None, None, 1, 0, 0, 1, None, 0),
    ]


def test_fork_bill(store: Store) -> None:
    facts = ("fork_id", "ts_ns", "parent_comm", "child_tgid", "child_comm", "fork_ns", "lifetime_ns", "execed")
    assert ask(store, "cow/fork_bill", *facts) == [
        (0, 100, "redis", 13, "bgsave", 26000, 90, False),
        (2, 199, "redis", 15, None, 30000, None, False),  # dearer than the next by the call alone
        (9, None, None, None, None, None, None, None),  # only a fault names it
        (1, 155, "redis", 14, "redis", None, 3, True),
    ]
    parent = ("fork_id", "parent_fault_count", "parent_copy_count", "parent_reuse_count", "parent_copied_bytes", "parent_ns")
    assert ask(store, "cow/fork_bill", *parent) == [
        (0, 3, 2, 1, 8192, 5700),
        (2, 0, 0, 0, 0, None),
        (9, 1, 0, 1, 0, 800),
        (1, 0, 0, 0, 0, None),
    ]
    child = ("fork_id", "child_fault_count", "child_copy_count", "child_reuse_count", "child_copied_bytes", "child_ns")
    assert ask(store, "cow/fork_bill", *child)[0] == (0, 1, 1, 0, 4096, 2500)
    both = ("fork_id", "fault_count", "copy_count", "reuse_count", "copied_bytes", "unsized_count", "duration_ns")
    assert ask(store, "cow/fork_bill", *both) == [
        (0, 4, 3, 1, 12288, 0, 8200),
        (2, 0, 0, 0, 0, 0, None),
        (9, 1, 0, 1, 0, 0, 800),
        (1, 1, 0, 1, 0, 0, 400),  # its side is not known
    ]


def test_fork_summary(store: Store) -> None:
    assert ask(store, "fork/summary") == [(12, "redis", 3, 1, 1, 2, 56000, 30000, 5, 12288, 8600)]


def test_process_tree(store: Store) -> None:
    columns = ("tree", "depth", "root_mm_id", "mm_id", "parent_mm_id", "tgid", "how", "fault_count", "copied_bytes", "duration_ns")
    assert ask(store, "process/tree", *columns) == [
        ("redis", 0, 0, 0, None, 12, "seen", 6, 8192, 7900),
        ("  bgsave", 1, 0, 1, 0, 13, "fork", 2, 4096, 2500),
        ("  redis", 1, 0, 2, 0, 14, "fork", 0, 0, None),
        ("    sh", 2, 0, 3, 2, 14, "exec", 0, 0, None),
    ]


def test_process_tree_ends_on_a_store_whose_parents_form_a_ring(tmp_path: Path) -> None:
    ring = "mm_id tgid parent_mm_id\n0 12 1\n1 13 0\n2 14 -"
    assert ask(make_store(tmp_path / "s", process=ring), "process/tree", "mm_id", "depth", "root_mm_id") == [
        (2, 0, 2),
        (0, None, 0),
        (1, None, 1),
    ]


def test_process_name(store: Store) -> None:
    assert sorted(ask(store, "process/name")) == [(12, "redis", 1, 0, None), (13, "bgsave", 1, 100, 190), (14, "sh", 2, 155, None)]


def test_thp_by_process(tmp_path: Path) -> None:
    faults = """
    ts_ns tgid kind              duration_ns zeroed_bytes copied_bytes
    1     12   thp_zero          95000       2097152      0
    2     12   thp_zero_page_cow 90000       2097152      0
    3     12   mthp_zero         3000        65536        0
    4     12   thp_zero_page     1000        0            0
    5     12   thp_split         15000       0            4096
    6     12   thp_reuse         700         0            0
    7     12   anon_zero         1200        4096         0
    8     13   anon_zero         1200        4096         0
    """
    assert ask(make_store(tmp_path / "s", fault=faults), "thp/by_process") == [(12, "app", 2, 4194304, 185000, 1, 65536, 1, 1, 15000, 1, 1)]
