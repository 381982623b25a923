"""cowtrace query."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cowtrace.schema import TABLES
from tests.support.bill import small_bill
from tests.support.cli import cowtrace

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_bill(tmp_path_factory.mktemp("query") / "s", hostile=True).path


def test_table(capfd: Capture, store: Path) -> None:
    ran = cowtrace(capfd, "query", store, "SELECT tgid, comm, count(*) AS n FROM fault GROUP BY ALL ORDER BY tgid")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "tgid  comm            n\n"
        "────  ──────────────  ─\n"
        "  12  \\x1b[31m|\\n<b>  6\n"
        "  13  <script>`*x*    6\n"
    )  # fmt: skip


def test_wide_tables_are_not_cut_in_pipes(capfd: Capture, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    ran = cowtrace(capfd, "query", store, "cow/fork_bill")
    header, _, row = ran.out.splitlines()
    assert header.split()[0] == "fork_id"
    assert header.split()[-1] == "duration_ns"
    assert row.split()[-1] == "6500"
    assert "\x1b" not in ran.out


def test_csv(capfd: Capture, store: Path) -> None:
    ran = cowtrace(capfd, "query", store, "SELECT DISTINCT comm FROM fault ORDER BY comm DESC", "--format", "csv")
    assert ran.out == 'comm\n<script>`*x*\n"\x1b[31m|\n<b>"\n'


def test_json(capfd: Capture, store: Path) -> None:
    ran = cowtrace(capfd, "query", store, "SELECT 9007199254740993 AS big", "--format", "json")
    assert json.loads(ran.out) == {
        "schema": "cowtrace.query/1",
        "columns": [{"name": "big", "type": "BIGINT"}],
        "rows": [{"big": 9007199254740993}],
    }


def test_parquet_to_a_file_named_by_its_suffix(capfd: Capture, store: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.parquet"
    ran = cowtrace(capfd, "query", store, "fault/by_kind", "-o", target)
    assert (ran.code, ran.out, ran.err) == (0, "", f"Wrote {target}\n")
    assert pq.read_table(target)["fault_count"].to_pylist() == [4, 3, 2, 1, 1, 1]


def test_an_existing_file_is_kept_without_force(capfd: Capture, store: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    target.write_text("mine")
    ran = cowtrace(capfd, "query", store, "fault/by_kind", "-o", target)
    assert (ran.code, ran.err) == (2, f"cowtrace: error: {target}: exists; --force overwrites it\n")
    assert target.read_text() == "mine"
    assert cowtrace(capfd, "query", store, "SELECT 1 AS one", "-o", target, "--force").code == 0
    assert target.read_text() == "one\n1\n"


def test_a_file_appears_whole_or_not_at_all(capfd: Capture, store: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    sql = "SELECT CASE WHEN range < 200000 THEN range ELSE error('late') END FROM range(300000)"
    ran = cowtrace(capfd, "query", store, sql, "-o", target)
    assert (ran.code, ran.err) == (2, "cowtrace: error: SQL: Invalid Input Error: late\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["SELEC"], "unknown query 'SELEC'"),
        (["SELECT FROM"], "SQL: Parser Error"),
        (["fault/by_knd"], "unknown query 'fault/by_knd': did you mean fault/by_kind"),
        (["DROP VIEW fault"], "SQL: DROP does not only read"),
        (["SELECT 1", "-o", "/nowhere/at/all.csv"], "/nowhere/at/all.csv: the folder /nowhere/at does not exist"),
        (["SELECT 1", "-o", "/"], "/: is a folder"),
        (["SELECT 1", "--format", "xml"], "Invalid value for '--format'"),
        ([], "query needs SQL or the name of a query"),
    ],
)
def test_mistakes(capfd: Capture, store: Path, arguments: list[str], complaint: str) -> None:
    ran = cowtrace(capfd, "query", store, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"cowtrace: error: {complaint}")
    assert ran.err.count("\n") == 1


def test_not_a_store(capfd: Capture, tmp_path: Path) -> None:
    ran = cowtrace(capfd, "query", tmp_path / "missing", "SELECT 1")
    assert ran.code == 2
    assert "missing" in ran.err


def test_the_default_store(capfd: Capture, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.symlink(store, tmp_path / "cowtrace.rec")
    assert cowtrace(capfd, "query", "SELECT count(*) AS n FROM fault", "--format", "csv").out == "n\n12\n"
    assert cowtrace(capfd, "query", "fault/total", "--format", "csv").out.splitlines()[1].startswith("12,5,1,")


def test_sql_from_standard_input(capfd: Capture, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 1 AS one"))
    assert cowtrace(capfd, "query", store, "-", "--format", "csv").out == "one\n1\n"


def test_list(capfd: Capture) -> None:
    ran = cowtrace(capfd, "query", "--list")
    assert "cow/fork_bill" in ran.out
    assert "_weighed" not in ran.out
    for table in TABLES:
        assert f"\n  {table} " in ran.out


def test_describe(capfd: Capture) -> None:
    ran = cowtrace(capfd, "query", "--describe", "fault/timeline")
    assert ran.out.splitlines()[:2] == [
        "fault/timeline: When did the faults happen?",
        "Grain: one row per stretch of time with at least one fault; stretches without are absent.",
    ]
    assert "  bucket_ns  Length of a stretch; ns. One second unless given." in ran.out
    assert "  tgid int32 " in cowtrace(capfd, "query", "--describe", "fault").out
    assert cowtrace(capfd, "query", "--describe", "folt").err.startswith(
        "cowtrace: error: unknown query or table 'folt': did you mean fault"
    )
