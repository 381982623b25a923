"""Recordings thinned to samples: every fault is kept with probability 1/period and then stands for ``period`` faults."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from cowtrace.gate.measures import Amount, Measure, amounts, prepare
from cowtrace.queries import connect
from cowtrace.store.reader import Store


def thinned_amounts(store: Store, measure: Measure, scope: dict[str, str], period: int, repeats: int) -> Iterator[Amount]:
    """The measure on ``repeats`` different samples of a store; the same each time."""
    with connect(store) as connection:
        _materialize(connection)
        for seed in range(repeats):
            connection.execute(
                f"""
                CREATE OR REPLACE VIEW fault AS
                SELECT * EXCLUDE (weight, place), CAST({period} AS BIGINT) AS weight
                FROM whole_fault
                WHERE hash(place, {seed}) % {period} = 0
                """
            )
            prepare(connection)
            yield amounts(connection, measure, scope, None, page_bytes=4096, is_lossy=False)[0]


def _materialize(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE TABLE whole_fault AS SELECT *, row_number() OVER () AS place FROM fault")


def coverage(store: Store, measure: Measure, scope: dict[str, str], *, period: int, repeats: int) -> float:
    """Share of the samples whose interval holds the true amount."""
    with connect(store) as connection:
        prepare(connection)
        truth = amounts(connection, measure, scope, None, page_bytes=4096, is_lossy=False)[0].value
    inside = [amount.low <= truth <= (amount.high or 0.0) for amount in thinned_amounts(store, measure, scope, period, repeats)]
    return sum(inside) / len(inside)
