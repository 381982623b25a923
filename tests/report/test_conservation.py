"""Every store adds up, whatever is in it; a library that lost or doubled a fault prints no report."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cowtrace.report.bill
from cowtrace.queries import connect
from cowtrace.report.bill import compose
from cowtrace.report.cost import ConservationError, Cost, check_families, check_sum
from cowtrace.schema import KINDS
from cowtrace.store.reader import Store
from tests.support.bill import small_bill
from tests.support.stores import make_store

_MAYBE = st.sampled_from(["-", "0", "4096"])
FAULT = st.tuples(
    st.integers(0, 50),  # ts_ns
    st.sampled_from(["-", "0", "7", "900"]),  # duration_ns
    st.integers(1, 4),  # tgid
    st.sampled_from(["-", "0", "1", "2", "9"]),  # mm_id, one of them without a row
    st.sampled_from([*KINDS, "kind_of_tomorrow"]),
    _MAYBE,  # copied_bytes
    _MAYBE,  # zeroed_bytes
    st.sampled_from(["-", "0", "1", "8"]),  # fork_id, one of them without a row
    st.sampled_from(["-", "parent", "child"]),
    st.sampled_from(["-", "0", "1", "7"]),  # vma_id, one of them without a row
    st.integers(1, 5000),  # weight
)
HEADER = "ts_ns duration_ns tgid mm_id kind copied_bytes zeroed_bytes fork_id fork_side vma_id weight"


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(FAULT, max_size=30), st.integers(1, 3))
def test_every_store_adds_up(faults: list[tuple[object, ...]], top: int) -> None:
    lines = "\n".join([HEADER, *(" ".join(map(str, fault)) for fault in faults)])
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(
            Path(folder) / "s",
            fault=lines,
            process="mm_id tgid parent_mm_id\n0 1 -\n1 2 0\n2 2 1",
            fork="fork_id ts_ns parent_mm_id\n0 5 0\n1 6 0",
            vma="vma_id\n0\n1",
        )
        report = compose(store, top=top)
    whole = sum(int(str(fault[-1])) for fault in faults)
    assert report.total.fault_count == whole
    assert sum(row.fault_count for row in report.kinds) == whole
    for grouping in (report.processes, report.comms, report.objects):
        assert Cost.total([*(group.cost for group in grouping.rows), grouping.rest]) == report.total
    forks = report.forks
    assert Cost.total([*(fork.cost for fork in forks.rows), forks.rest, forks.no_fork]) == report.total


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("CREATE OR REPLACE VIEW fault_by_process AS SELECT *, 'x' AS comm FROM fault_total, (SELECT 1 AS tgid WHERE false)", "by process"),
        (
            "CREATE OR REPLACE VIEW fault_kind AS SELECT 'cow_copy' AS kind, 'copy' AS family, 1 AS position FROM range(2)",
            "over all faults",
        ),
        (
            "CREATE OR REPLACE VIEW fault_by_fork AS SELECT NULL AS fork_id, * FROM fault_total UNION ALL SELECT 0, * FROM fault_total",
            "by fork",
        ),
    ],
)
def test_a_library_that_does_not_add_up_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sql: str, complaint: str) -> None:
    def broken(store: Store, *_: object) -> duckdb.DuckDBPyConnection:
        connection = connect(store)
        connection.execute(sql)
        return connection

    monkeypatch.setattr(cowtrace.report.bill, "connect", broken)
    with pytest.raises(ConservationError, match=complaint):
        compose(small_bill(tmp_path / "s"))


def test_checks() -> None:
    check_families(Cost(fault_count=3, copy_count=1, unknown_count=2))
    with pytest.raises(ConservationError, match="sum to 2, all faults are 3"):
        check_families(Cost(fault_count=3, copy_count=2))
    check_sum("by x", Cost(duration_ns=None), Cost(duration_ns=None))
    with pytest.raises(ConservationError, match="duration_ns by x sums to 5, all faults have None"):
        check_sum("by x", Cost(duration_ns=None), Cost(duration_ns=5))


def test_a_remainder_has_a_time_only_where_something_timed_is_left() -> None:
    whole = Cost(fault_count=3, duration_ns=10, timed_count=2)
    assert whole.less(Cost(fault_count=1, duration_ns=4, timed_count=1)) == Cost(fault_count=2, duration_ns=6, timed_count=1)
    assert whole.less(Cost(fault_count=2, duration_ns=10, timed_count=2)) == Cost(fault_count=1, duration_ns=None)
    assert whole.less(Cost(fault_count=1)) == Cost(fault_count=2, duration_ns=10, timed_count=2)
