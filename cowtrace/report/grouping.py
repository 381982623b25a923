"""A grouping of all faults: the dearest groups one by one, the others in one sum."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from cowtrace.queries import materialize, run
from cowtrace.report.cost import Cost, check_sum

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Group:
    """One row of a grouping: its keys (``tgid``, ``comm``, ``path``, ...) and its cost."""

    keys: dict[str, Any]
    cost: Cost


@dataclass(frozen=True, slots=True)
class Grouping:
    """Groups that together are all faults.

    Attributes:
        rows: The dearest, dearest first.
        rest_count: Groups that are not listed.
        rest: Their cost.
    """

    rows: list[Group]
    rest_count: int
    rest: Cost


def compose_grouping(connection: duckdb.DuckDBPyConnection, view: str, keys: tuple[str, ...], total: Cost, top: int) -> Grouping:
    """The dearest groups of a view that has ``keys`` and the columns of ``Cost``; the view is computed once.

    Raises:
        ConservationError: Its rows do not add up to ``total``.
    """
    groups = materialize(connection, view)
    sums = one(connection, sum_sql(groups))
    check_sum(view.removeprefix("fault_").replace("_", " "), total, Cost.of(sums))
    rows = [Group({key: row[key] for key in keys}, Cost.of(row)) for row in run(connection, f"FROM {groups} LIMIT {top}").rows()]
    rest = total.less(Cost.total(row.cost for row in rows))
    return Grouping(rows, sums["group_count"] - len(rows), rest)


def one(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    """The first row of a result."""
    return next(run(connection, sql).rows())


def sum_sql(table: str) -> str:
    """SQL that sums the columns of ``Cost`` over a table that has them, and counts its rows."""
    sums = [f"coalesce(sum({field.name}), 0)::BIGINT AS {field.name}" for field in fields(Cost) if field.name != "duration_ns"]
    return f"SELECT {', '.join(sums)}, sum(duration_ns)::BIGINT AS duration_ns, count(*) AS group_count FROM {table}"
