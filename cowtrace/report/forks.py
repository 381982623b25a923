"""The fork bill: what each fork caused in parent and child, what no fork caused, together all faults."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from cowtrace.queries import materialize, run
from cowtrace.report.cost import ConservationError, Cost, check_sum
from cowtrace.report.grouping import one, sum_sql

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class ForkRow:
    """One fork: a row of cow/fork_bill (see there for every column), with everything it caused in ``cost``."""

    fork_id: int
    ts_ns: int | None
    parent_tgid: int | None
    parent_comm: str | None
    child_tgid: int | None
    child_comm: str | None
    fork_ns: int | None
    lifetime_ns: int | None
    execed: bool | None
    parent_fault_count: int
    parent_copy_count: int
    parent_reuse_count: int
    parent_copied_bytes: int
    parent_ns: int | None
    child_fault_count: int
    child_copy_count: int
    child_reuse_count: int
    child_copied_bytes: int
    child_ns: int | None
    cost: Cost


@dataclass(frozen=True, slots=True)
class ForkBill:
    """All forks.

    Attributes:
        rows: The dearest, dearest first: faults caused and the call itself; forks that are known to have cost nothing are not among them.
        rest_count: Forks that are not listed.
        rest: Cost of the faults that those caused.
        fork_count: All forks.
        execed_count: Those whose child ended the sharing by exec.
        timed_count: Those of which the call was timed.
        fork_ns: Time of these calls; None when none was timed.
        caused: Cost of all faults that some fork caused.
        no_fork: Cost of all others.
    """

    rows: list[ForkRow]
    rest_count: int
    rest: Cost
    fork_count: int
    execed_count: int
    timed_count: int
    fork_ns: int | None
    caused: Cost
    no_fork: Cost


def compose_forks(connection: duckdb.DuckDBPyConnection, total: Cost, top: int) -> ForkBill:
    """The fork bill of a store.

    Raises:
        ConservationError: Faults by fork and faults of no fork are not all faults, or parent and child are not a fork's faults.
    """
    bill = materialize(connection, "cow_fork_bill")
    by_fork = materialize(connection, "fault_by_fork")
    facts = one(connection, _FACTS.format(bill=bill))
    no_fork = Cost.total(Cost.of(row) for row in run(connection, f"FROM {by_fork} WHERE fork_id IS NULL").rows())
    caused = Cost.of(one(connection, sum_sql(f"{by_fork} WHERE fork_id IS NOT NULL")))
    check_sum("by fork and of no fork", total, Cost.total([caused, no_fork]))
    if facts["fault_count"] != caused.fault_count or facts["overcharged_count"]:
        raise ConservationError(
            f"cow/fork_bill lists {facts['fault_count']} faults, fault/by_fork {caused.fault_count}; "
            f"{facts['overcharged_count']} forks have more faults on their sides than in all"
        )
    dearest = list(run(connection, f"FROM {bill} WHERE fault_count > 0 OR fork_ns IS NOT NULL LIMIT {top}").rows())
    ids = ", ".join(str(row["fork_id"]) for row in dearest) or "NULL"
    costs = {row["fork_id"]: Cost.of(row) for row in run(connection, f"FROM {by_fork} WHERE fork_id IN ({ids})").rows()}
    rows = [ForkRow(**{name: row[name] for name in _FACT_NAMES}, cost=costs.get(row["fork_id"], Cost())) for row in dearest]
    return ForkBill(
        rows=rows,
        rest_count=facts["fork_count"] - len(rows),
        rest=caused.less(Cost.total(row.cost for row in rows)),
        fork_count=facts["fork_count"],
        execed_count=facts["execed_count"],
        timed_count=facts["timed_count"],
        fork_ns=facts["fork_ns"],
        caused=caused,
        no_fork=no_fork,
    )


_FACT_NAMES = tuple(field.name for field in fields(ForkRow) if field.name != "cost")

_FACTS = """
SELECT
    count(*) AS fork_count,
    count(*) FILTER (WHERE execed) AS execed_count,
    count(fork_ns) AS timed_count,
    sum(fork_ns)::BIGINT AS fork_ns,
    coalesce(sum(fault_count), 0)::BIGINT AS fault_count,
    count(*) FILTER (WHERE parent_fault_count + child_fault_count > fault_count) AS overcharged_count
FROM {bill}
"""
