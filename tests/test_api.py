"""cowtrace in notebooks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import cowtrace
from tests.support.bill import small_bill


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> cowtrace.Trace:
    return cowtrace.open(small_bill(tmp_path_factory.mktemp("api") / "s", hostile=True).path)


def test_sql(trace: cowtrace.Trace) -> None:
    frame = trace.sql("SELECT kind, count(*) AS n FROM fault GROUP BY kind ORDER BY n DESC, kind LIMIT 2")
    assert frame.to_dicts() == [{"kind": "cow_copy", "n": 4}, {"kind": "unknown", "n": 3}]
    assert trace.sql("SELECT 1 AS one WHERE false").schema == {"one": pl.Int32}
    with pytest.raises(cowtrace.CowtraceError, match="SQL: Catalog Error"):
        trace.sql("SELECT * FROM faults")


def test_query(trace: cowtrace.Trace) -> None:
    assert trace.query("cow/by_process")["copied_bytes"].to_list() == [12288, 8192]
    with pytest.raises(cowtrace.CowtraceError, match="did you mean cow/by_process"):
        trace.query("cow/by_proces")


def test_table(trace: cowtrace.Trace) -> None:
    faults = trace.table("fault")
    assert isinstance(faults, pl.LazyFrame)
    assert faults.select(pl.col("copied_bytes").sum()).collect().item() == 20480
    with pytest.raises(cowtrace.CowtraceError, match="unknown table 'faults': did you mean fault"):
        trace.table("faults")


def test_report(trace: cowtrace.Trace) -> None:
    assert trace.report().total.copy_count == 5
    assert cowtrace.render(trace.report(), "md").startswith("**2 processes and 1 fork")


def test_notebooks_show_the_bill(trace: cowtrace.Trace) -> None:
    html = trace._repr_html_()
    assert html.startswith("<p><b>2 processes and 1 fork, first of all \\x1b[31m|\\n&lt;b&gt; (pid 12, 80 % of the time): 12 faults")
    assert "<li>25 % of the faults could not be classified" in html
    assert "12 faults" in repr(trace)


def test_replays_show_their_tables(trace: cowtrace.Trace) -> None:
    result = trace.replay("thp=always")
    html = result._repr_html_()
    assert html.startswith("<p><b>What if thp=always</b></p>\n<table><thead><tr><th></th><th>recorded</th>")
    assert "<td>page faults</td><td>12</td>" in html
    assert "<td>&lt;script&gt;`*x*</td>" in html  # a process of that name
    assert "<script>" not in html
    assert isinstance(result.what_if["faults"], cowtrace.Measure)


def test_missing_input(tmp_path: Path) -> None:
    with pytest.raises(cowtrace.CowtraceError, match=r"missing\.data"):
        cowtrace.open(tmp_path / "missing.data")


def test_import_is_cheap() -> None:
    code = "import cowtrace, sys; print([name for name in ('duckdb', 'polars', 'pyarrow', 'numpy', 'click') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"


def test_names() -> None:
    assert dir(cowtrace) == sorted(name for name in cowtrace.__all__ if hasattr(cowtrace, name)) == sorted(cowtrace.__all__)
    assert len(cowtrace.__all__) == 10


@pytest.mark.parametrize("name", sorted(set(cowtrace.__all__) - {"__version__"}))
def test_every_name_explains_itself(name: str) -> None:
    thing = getattr(cowtrace, name)
    assert thing.__doc__
    if name == "Trace":
        public = [value for key, value in vars(thing).items() if callable(value) and not key.startswith("_")]
        assert all(method.__doc__ and "return" in method.__annotations__ for method in public)


def test_an_unknown_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'opn'"):
        cowtrace.opn  # noqa: B018
