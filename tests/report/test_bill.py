"""The report as data: a bill added up by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowtrace.report.bill import Report, Root, compose
from cowtrace.report.cost import Cost
from tests.support.bill import small_bill
from tests.support.stores import make_store


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return compose(small_bill(tmp_path_factory.mktemp("bill") / "s"))


TOTAL = Cost(
    fault_count=12,
    copy_count=5,
    reuse_count=1,
    first_touch_count=2,
    file_count=0,
    other_count=0,
    failed_count=1,
    unknown_count=3,
    copied_bytes=5 * 4096,
    zeroed_bytes=2 * 4096,
    unsized_count=0,
    duration_ns=10_000,
    timed_count=10,
)


def test_total(report: Report) -> None:
    assert report.total == TOTAL
    assert report.maybe_copy_count == 3  # two copy-or-reuse, one that may be anything
    assert (report.process_count, report.sampled, report.start_ns) == (2, False, 1_000_000_000)
    assert report.root == Root(tgid=12, comm="redis", process_count=2, name_count=1, fault_count=12, tree_count=1)


def test_kinds(report: Report) -> None:
    first = report.kinds[0]
    assert (first.kind, first.fault_count, first.duration_ns, first.confidence) == ("cow_copy", 4, 6000, 0.875)
    assert (first.p50_ns, first.p90_ns, first.p99_ns, first.max_ns) == (1000, 2000, 2000, 2000)
    assert first.evidence == {"frames": 3, "join": 1}
    assert [row.kind for row in report.kinds] == ["cow_copy", "unknown", "anon_zero", "cow_reuse", "file_cow", "failed"]
    assert report.kinds[-1].p50_ns is None


def test_processes(report: Report) -> None:
    assert [(group.keys, group.cost.fault_count, group.cost.duration_ns) for group in report.processes.rows] == [
        ({"comm": "redis", "tgid": 12}, 6, 8000),
        ({"comm": "redis", "tgid": 13}, 6, 2000),
    ]


def test_forks(report: Report) -> None:
    forks = report.forks
    (fork,) = forks.rows
    assert (fork.fork_id, fork.ts_ns, fork.fork_ns, fork.lifetime_ns, fork.execed) == (0, 1_400_000_000, 26_000, 300_000_000, False)
    assert (fork.parent_fault_count, fork.parent_copy_count, fork.parent_reuse_count, fork.parent_ns) == (4, 3, 1, 5500)
    assert (fork.child_fault_count, fork.child_copy_count, fork.child_reuse_count, fork.child_ns) == (1, 1, 0, 1000)
    assert (forks.caused.fault_count, forks.caused.duration_ns) == (5, 6500)
    assert (forks.no_fork.fault_count, forks.no_fork.duration_ns, forks.no_fork.copied_bytes) == (7, 3500, 4096)
    assert (forks.fork_count, forks.timed_count, forks.fork_ns, forks.execed_count) == (1, 1, 26_000, 0)


def test_what_is_not_listed_is_summed(tmp_path: Path) -> None:
    report = compose(small_bill(tmp_path / "s"), top=1)
    assert [group.keys["comm"] for group in report.processes.rows] == ["redis"]
    assert (report.processes.rest_count, report.processes.rest.fault_count, report.processes.rest.duration_ns) == (1, 6, 2000)
    assert report.objects.rest_count == 2  # all anonymous memory of redis is one object
    assert report.objects.rows[0].cost.fault_count + report.objects.rest.fault_count == 12


def test_many_forks(tmp_path: Path) -> None:
    forks = "fork_id ts_ns\n" + "\n".join(f"{number} {number}" for number in range(30))
    faults = "ts_ns kind fork_id duration_ns\n" + "\n".join(f"{number} cow_reuse {number % 30} {number}" for number in range(60))
    report = compose(make_store(tmp_path / "s", fork=forks, fault=faults), top=3)
    assert [fork.fork_id for fork in report.forks.rows] == [29, 28, 27]  # 29 + 59 ns is the most
    assert (report.forks.rest_count, report.forks.rest.fault_count) == (27, 54)
    assert report.forks.rest.duration_ns == sum(range(60)) - (29 + 59) - (28 + 58) - (27 + 57)


def test_empty_store(tmp_path: Path) -> None:
    report = compose(make_store(tmp_path / "s", sources=[]))
    assert report.total == Cost()
    assert (report.kinds, report.root, report.start_ns, report.forks.fork_count) == ([], None, None, 0)


def test_sample_periods_multiply(tmp_path: Path) -> None:
    faults = """
    ts_ns kind      weight copied_bytes zeroed_bytes duration_ns
    1     cow_copy  4000   4096         0            2000
    2     anon_zero 1      0            4096         1000
    """
    report = compose(make_store(tmp_path / "s", fault=faults))
    assert report.sampled
    assert (report.total.fault_count, report.total.copied_bytes, report.total.duration_ns) == (4001, 4000 * 4096, 8_001_000)


def test_memory_shows_the_last_snapshot_of_each_process(tmp_path: Path) -> None:
    smaps = """
    ts_ns snapshot_id tgid rss_kb anonymous_kb shared_clean_kb shared_dirty_kb
    1     0           12   100    100          0               100
    2     1           12   200    150          0               100
    1     2           13   300    300          0               10
    """
    report = compose(make_store(tmp_path / "s", smaps=smaps))
    assert [(row["tgid"], row["rss_bytes"], row["debt_bytes"]) for row in report.memory] == [
        (13, 300 * 1024, 10 * 1024),
        (12, 200 * 1024, 100 * 1024),
    ]
