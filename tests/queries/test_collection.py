"""The library's form: what a file documents is what it makes, loading gives no rows, and every number has a unit that survives Parquet."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from cowtrace.queries import catalog, connect, public_names
from cowtrace.queries.collection import Query, load_order, read_query
from cowtrace.schema import COPY_KINDS, KINDS
from tests.support.ask import ask
from tests.support.stores import make_store

QUERIES = pytest.mark.parametrize("query", catalog().values(), ids=lambda query: query.name)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    return connect(make_store(tmp_path_factory.mktemp("library") / "empty"))


@QUERIES
def test_columns_are_the_documented_ones(query: Query, connection: duckdb.DuckDBPyConnection) -> None:
    described = connection.execute(f"DESCRIBE {query.select}").fetchall()
    assert [row[0] for row in described] == [column.name for column in query.columns]


@QUERIES
def test_numbers_keep_their_type_in_parquet(query: Query, connection: duckdb.DuckDBPyConnection) -> None:
    for name, kind, *_ in connection.execute(f"DESCRIBE {query.select}").fetchall():
        assert kind not in {"HUGEINT", "UHUGEINT"}, f"{name}: sums are cast to BIGINT"
        if name.endswith(("_ns", "_bytes", "_kb", "_count", "_events")):
            assert kind in {"BIGINT", "INTEGER"}, f"{name} is {kind}"
        if name.endswith(("_share", "confidence")):
            assert kind in {"DOUBLE", "FLOAT"}, f"{name} is {kind}"


@QUERIES
def test_a_file_creates_one_thing_and_nothing_else(query: Query) -> None:
    statements = duckdb.connect().extract_statements(query.sql)
    assert [statement.type.name for statement in statements] == ["CREATE"]


@QUERIES
def test_the_text_says_what_people_need(query: Query) -> None:
    assert query.question.endswith("?")
    assert query.grain.endswith(".")
    for item in (*query.columns, *query.parameters):
        assert item.doc.endswith("."), f"{item.name}: {item.doc}"
        unit = {"_ns": "ns", "_bytes": "bytes", "_kb": "KiB", "_count": "count"}.get("_" + item.name.rpartition("_")[2])
        if unit:
            assert f"; {unit}." in item.doc, f"{item.name} has no unit: {item.doc}"


def test_private_steps_are_not_offered() -> None:
    assert "fault/_weighed" in catalog()
    assert "fault/_weighed" not in public_names()
    assert "fault/by_kind" in public_names()


def test_a_view_is_loaded_after_what_it_reads() -> None:
    order = [query.name for query in load_order()]
    assert order.index("fault/kind") < order.index("fault/_weighed") < order.index("fault/by_fork") < order.index("fork/summary")
    assert sorted(order) == sorted(catalog())


def test_every_kind_has_a_family(tmp_path: Path) -> None:
    rows = ask(make_store(tmp_path / "s"), "fault/kind", "kind", "family", "position")
    assert {kind for kind, _, _ in rows} == set(KINDS)
    assert {kind for kind, family, _ in rows if family == "copy"} == set(COPY_KINDS)
    assert [position for _, _, position in rows] == list(range(1, len(KINDS) + 1))


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("-- What?\n-- Grain: one row.\nCREATE VIEW x_y(\n) AS SELECT 1;", "no CREATE OR REPLACE VIEW"),
        ("CREATE OR REPLACE VIEW x_y(\n    -- A.\n    a\n) AS SELECT 1;", "the question"),
        ("-- What?\n-- Grain: one row.\nCREATE OR REPLACE VIEW x_y(\n    a\n) AS SELECT 1;", "no comment above"),
        ("-- What?\n-- Grain: one row.\nCREATE OR REPLACE VIEW x_y(\n    -- A.\n    a\n", "does not end"),
    ],
)
def test_a_file_without_the_form_is_refused(tmp_path: Path, sql: str, complaint: str) -> None:
    path = tmp_path / "x" / "y.sql"
    path.parent.mkdir()
    path.write_text(sql)
    with pytest.raises(ValueError, match=complaint):
        read_query(path, tmp_path)
