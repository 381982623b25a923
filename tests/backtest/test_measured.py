"""What a store says of one run: threads count to their process, unknown is not 0."""

from __future__ import annotations

from pathlib import Path

from cowtrace.backtest.measured import Run, Totals, measure
from tests.support.stores import make_store

PROCESS = """
mm_id tgid comm
0     12   redis
1     13   snap
"""
FORK = """
fork_id ts_ns duration_ns parent_mm_id child_mm_id
0       50    700         0            1
1       60    900         0            1
2       70    -           1            2
"""
FAULT = """
ts_ns mm_id comm   kind      duration_ns weight copied_bytes zeroed_bytes
100   0     redis  anon_zero 1000        1      0            4096
110   0     bio    anon_zero 3000        2      0            4096
120   1     redis  cow_copy  2000        1      4096         0
130   1     redis  unknown   -           1      -            -
140   -     lost   failed    -           1      -            -
"""


def test_threads_count_to_their_process_and_unknown_is_none(tmp_path: Path) -> None:
    run = measure(make_store(tmp_path / "s", process=PROCESS, fork=FORK, fault=FAULT))
    redis = Totals(3, 7000, 0, 12288, 1600, {"anon_zero": 3})
    snap = Totals(2, 2000, 4096, 0, None, {"cow_copy": 1, "unknown": 1})
    lost = Totals(1, None, None, None, 0, {"failed": 1})
    assert run.by_comm["redis"] == redis
    assert (run.by_comm["snap"].faults, run.by_comm["snap"].copied_bytes, run.by_comm["snap"].kinds) == (2, 4096, snap.kinds)
    assert run.by_comm["lost"] == lost
    assert run.total == Totals(6, 9000, 4096, 12288, 1600, {"anon_zero": 3, "cow_copy": 1, "unknown": 1, "failed": 1})


def test_a_process_whose_forks_were_not_timed_has_no_fork_time(tmp_path: Path) -> None:
    run = measure(make_store(tmp_path / "s", process=PROCESS, fork=FORK, fault=FAULT))
    assert run.by_comm["snap"].fork_time_ns is None


def test_an_empty_store_cost_nothing(tmp_path: Path) -> None:
    assert measure(make_store(tmp_path / "s")) == Run(Totals(), {})
