"""Running SQL: names, mistakes on one line, results that stream."""

from __future__ import annotations

import resource
from pathlib import Path

import duckdb
import pytest

from cowtrace.errors import StoreError, UsageError
from cowtrace.queries import catalog, connect, run, summarize
from cowtrace.queries.answer import one_line
from tests.support.bill import small_bill
from tests.support.stores import make_store


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    return connect(make_store(tmp_path_factory.mktemp("answer") / "s", fault="ts_ns kind\n1 cow_copy\n2 failed"))


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("fault/total", [{"fault_count": 2}]),
        ("fault_total", [{"fault_count": 2}]),
        ("fault", [{"ts_ns": 1}, {"ts_ns": 2}]),
        ("SELECT kind FROM fault ORDER BY kind DESC;", [{"kind": "failed"}, {"kind": "cow_copy"}]),
        ("FROM fault_timeline(bucket_ns := 2)", [{"start_ns": 0}, {"start_ns": 2}]),
        pytest.param(
            "PIVOT fault ON kind USING count(*) GROUP BY tgid",
            [{"tgid": 12, "cow_copy": 1, "failed": 1}],
            marks=pytest.mark.skipif(duckdb.__version__ < "2", reason="DuckDB 1 makes two statements of it"),
        ),
        ("DESCRIBE SELECT 1 AS one", [{"column_name": "one"}]),
        ("SELECT 1 AS a, 2 AS a, 3 AS a_2", [{"a": 1, "a_2": 2, "a_2_2": 3}]),
    ],
)
def test_names_tables_and_sql(connection: duckdb.DuckDBPyConnection, text: str, rows: list[dict[str, object]]) -> None:
    found = list(run(connection, text).rows())
    assert [{name: row[name] for name in expected} for row, expected in zip(found, rows, strict=True)] == rows


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("SELEC 1", 'SQL: Parser Error: syntax error at or near "SELEC"'),
        ("SELECT kind\nFRM fault", 'SQL: Parser Error: syntax error at or near "fault"'),
        ("SELECT kind,\nknd FROM fault", 'SQL: Binder Error: Referenced column "knd" not found in FROM clause!'),
        ("SELECT kind FROM faults", 'SQL: Catalog Error: Table with name faults does not exist! Did you mean "fault'),
        ("SELECT knd FROM fault", 'SQL: Binder Error: Referenced column "knd" not found in FROM clause!'),
        ("", "SQL: expected one statement, found 0"),
        ("-- nothing", "SQL: expected one statement, found 0"),
        ("SELECT 1; SELECT 2", "SQL: expected one statement, found 2"),
        ("COPY fault TO '/nowhere/x.csv'", "SQL: COPY does not only read"),
        ("CREATE TABLE x AS FROM fault", "SQL: CREATE does not only read"),
        ("DROP VIEW fault", "SQL: DROP does not only read"),
        ("ATTACH 'x.db'", "SQL: ATTACH does not only read"),
        ("SELECT * FROM connection", "SQL: Catalog Error: Table with name connection does not exist!"),
        ("fault/by_knd", "unknown query 'fault/by_knd': did you mean fault/by_kind"),
        ("faul", "unknown query 'faul': did you mean fault"),
    ],
)
def test_a_mistake_is_one_line(connection: duckdb.DuckDBPyConnection, text: str, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        list(run(connection, text).rows())
    assert str(caught.value).startswith(complaint)
    assert "\n" not in str(caught.value)


def test_a_mistake_in_a_late_row_is_one_line_too(connection: duckdb.DuckDBPyConnection) -> None:
    result = run(connection, "SELECT CASE WHEN range < 500000 THEN range ELSE error('row ' || range) END FROM range(1000000)")
    with pytest.raises(UsageError, match=r"^SQL: Invalid Input Error: row 500000$"):
        for _ in result.batches():
            pass


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("Parser Error: bad\n\nLINE 1: SELEC\n        ^^^^^", "Parser Error: bad"),
        ("Binder Error: bad\nworse\nLINE 12: knd\n         ^", "Binder Error: bad worse (line 12)"),
        ("IO Error: gone", "IO Error: gone"),
    ],
)
def test_one_line(message: str, line: str) -> None:
    assert one_line(Exception(message)) == line


def test_a_damaged_store_is_one_line(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", fault="ts_ns kind\n1 cow_copy")
    table = tmp_path / "s" / "fault.parquet"
    table.write_bytes(table.read_bytes()[:-7])
    with pytest.raises(StoreError, match=r"s: unreadable \(.*fault\.parquet.*\); ingest the recording again with --force$"):
        connect(store)


def test_the_network_is_never_asked(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(UsageError, match="httpfs"):
        run(connection, "SELECT * FROM 'http://127.0.0.1:9/x.parquet'")


def test_large_results_stream(connection: duckdb.DuckDBPyConnection) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = run(connection, "SELECT range, 'row ' || range AS text FROM range(10000000)")
    rows = 0
    for batch in result.batches():
        assert batch.num_rows <= 65_536
        rows += batch.num_rows
    assert rows == 10_000_000
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 150 * 1024, "the result is 300 MB; only a batch of it is ever held"


def test_a_sort_spills_outside_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make_store(tmp_path / "s")
    monkeypatch.chdir(tmp_path)
    with connect(store) as connection:
        connection.execute("SET memory_limit = '40MB'")
        count = sum(batch.num_rows for batch in run(connection, "SELECT range FROM range(3000000) ORDER BY hash(range)").batches())
    assert count == 3_000_000
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_summed_faults_answer_the_same(tmp_path: Path) -> None:
    store = small_bill(tmp_path / "s")
    names = [query.view for query in catalog().values() if "fault__summed" in query.words() and query.view != "fault__summed"]
    assert len(names) == 11
    with connect(store) as connection:
        before = {name: list(run(connection, name).rows()) for name in names}
        summarize(connection)
        assert list(run(connection, "SELECT count(*) AS n FROM fault__summed").rows()) == [{"n": 8}]  # of 12 faults
        assert {name: list(run(connection, name).rows()) for name in names} == before
