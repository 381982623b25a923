"""smaps/*, vmstat/*, loss/*, copyup/*, span/*: what stands beside faults."""

from __future__ import annotations

from pathlib import Path

from tests.support.ask import ask
from tests.support.stores import make_store

# a fork between the snapshots: private memory of pid 12 became shared, then it rewrote 4 MiB
SMAPS = """
ts_ns snapshot_id tgid form   perms start_addr path           rss_kb pss_kb private_dirty_kb shared_dirty_kb shared_clean_kb anonymous_kb
100   0           12   smaps  rw-p  0x1000     -              16384  16384  16384            0               0               16384
100   0           12   smaps  r-xp  0x9000     /usr/bin/redis 100    50     0                0               100             0
200   1           12   smaps  rw-p  0x1000     -              16384  10240  4096             12288           0               16384
200   1           12   smaps  rw-p  0x5000     [heap]         64     32     0                64              0               64
200   1           12   smaps  rw-s  0x6000     /dev/shm/x     64     32     0                64              0               0
200   1           12   smaps  r--p  0x9000     /usr/bin/redis 100    50     0                0               100             0
200   1           12   rollup ---p  0x1000     [rollup]       16612  10355  4096             12416           100             16448
"""


def test_totals_take_the_rollup_where_there_is_one(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", smaps=SMAPS)
    columns = ("snapshot_id", "tgid", "form", "mapping_count", "rss_bytes", "pss_bytes", "private_dirty_bytes", "shared_dirty_bytes")
    assert ask(store, "smaps/totals", *columns) == [
        (0, 12, "smaps", 2, 16484 * 1024, 16434 * 1024, 16384 * 1024, 0),
        (1, 12, "rollup", None, 16612 * 1024, 10355 * 1024, 4096 * 1024, 12416 * 1024),
    ]
    # fields that this kernel did not print are unknown, not 0
    assert ask(store, "smaps/totals", "private_clean_bytes", "anon_huge_bytes", "swap_bytes") == [(None, None, None)] * 2


def test_cow_debt(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", smaps=SMAPS)
    assert ask(store, "smaps/cow_debt") == [
        (0, 100, 12, 1, 0, 16384 * 1024, None, 0),
        # 12 MiB of the first mapping and the heap; neither the shared nor the read-only mapping counts
        (1, 200, 12, 2, (12288 + 64) * 1024, 4096 * 1024, None, 12288 * 1024),
    ]


def test_private_dirty_over_time(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", smaps=SMAPS)
    assert ask(store, "smaps/private_dirty_over_time") == [
        (12, 0, 100, None, 16384 * 1024, None, 0, None),
        (12, 1, 200, 100, 4096 * 1024, -12288 * 1024, 12416 * 1024, 12416 * 1024),
    ]


def test_smaps_of_a_kernel_that_prints_little(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", smaps="ts_ns tgid rss_kb new_field_kb\n1 5 40 7\n")
    assert ask(store, "smaps/totals", "rss_bytes", "pss_bytes") == [(40960, None)]
    assert ask(store, "smaps/cow_debt", "mapping_count", "debt_bytes") == [(1, None)]
    assert ask(store, "SELECT new_field_kb FROM smaps") == [(7,)]


def test_vmstat_change(tmp_path: Path) -> None:
    vmstat = """
    ts_ns snapshot_id name           value
    1     0           pgfault        100
    2     1           pgfault        150
    3     2           pgfault        180
    1     0           thp_split_pmd  5
    3     2           thp_split_pmd  5
    1     0           nr_unstable    18446744073709551614
    3     2           nr_unstable    3
    3     2           only_at_end    1
    """
    assert ask(make_store(tmp_path / "s", vmstat=vmstat), "vmstat/change") == [("nr_unstable", -2, 3, 5), ("pgfault", 100, 180, 80)]


def test_loss_by_source_keeps_both_counts_apart(tmp_path: Path) -> None:
    loss = """
    source_id ts_ns lost_events reason
    0         10    120         lost
    0         30    3           lost
    0         20    -           lost
    0         -     123         lost_samples
    1         -     -           throttle
    """
    store = make_store(tmp_path / "s", loss=loss, source="source_id path\n0 perf.data")
    assert ask(store, "loss/by_source") == [
        (0, "perf.data", "lost", 3, 123, 1, 10, 30),
        (0, "perf.data", "lost_samples", 1, 123, 0, None, None),
        (1, None, "throttle", 1, None, 1, None, None),
    ]


def test_copyups(tmp_path: Path) -> None:
    copyup = """
    ts_ns duration_ns tgid comm trigger    path   copied_bytes metadata_only
    1     14500000    12   sed  open_write /a.txt 16777216     no
    2     100000      12   sed  chmod      /a.txt 0            yes
    3     -           13   ls   chmod      -      -            -
    """
    store = make_store(tmp_path / "s", copyup=copyup)
    assert [row[:5] for row in ask(store, "copyup/by_path")] == [
        ("/a.txt", 2, "chmod|open_write", 16777216, 14600000),
        (None, 1, "chmod", None, None),
    ]
    assert ask(store, "copyup/by_process") == [
        (12, "sed", "open_write", 1, 0, 16777216, 14500000),
        (12, "sed", "chmod", 1, 1, 0, 100000),
        (13, "ls", "chmod", 1, None, None, None),
    ]


def test_span_by_function(tmp_path: Path) -> None:
    span = """
    ts_ns duration_ns function
    1     100         do_wp_page
    2     300         do_wp_page
    3     -           do_wp_page
    4     50          wp_page_copy
    """
    assert ask(make_store(tmp_path / "s", span=span), "span/by_function") == [
        ("do_wp_page", 3, 2, 400, 100, 300, 300),
        ("wp_page_copy", 1, 1, 50, 50, 50, 50),
    ]
