"""Results in files: what goes in comes out, digit by digit."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from cowtrace.queries import connect, run
from cowtrace.queries.write import write_csv, write_json, write_parquet
from tests.support.stores import make_store

SQL = r"""
SELECT * FROM (VALUES
    (1, 9007199254740993::BIGINT, 18446744073709551615::UBIGINT, 0.5::DOUBLE, true, 'plain', [1, NULL], '\x00\xFF'::BLOB),
    (2, NULL, NULL, 'nan'::DOUBLE, false, '', NULL, NULL),
    (3, -1, 0, 'inf'::DOUBLE, NULL, E'a,"b"\n\x1b[31m', [], ''::BLOB)
) AS rows(id, big, address, ratio, flag, text, list, raw)
ORDER BY id
"""


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    return connect(make_store(tmp_path_factory.mktemp("write") / "s", fault="ts_ns kind copied_bytes\n1 cow_copy 9007199254740993"))


def test_csv(connection: duckdb.DuckDBPyConnection) -> None:
    out = io.BytesIO()
    write_csv(run(connection, SQL), out)
    assert out.getvalue().decode() == (
        "id,big,address,ratio,flag,text,list,raw\n"
        '1,9007199254740993,18446744073709551615,0.5,true,plain,"[1, null]",00ff\n'
        '2,,,nan,false,"",,\n'
        '3,-1,0,inf,,"a,""b""\n\x1b[31m",[],""\n'
    )
    rows = list(csv.reader(io.StringIO(out.getvalue().decode())))
    assert rows[3][5] == 'a,"b"\n\x1b[31m'


def test_csv_for_a_terminal_cannot_drive_it(connection: duckdb.DuckDBPyConnection) -> None:
    out = io.BytesIO()
    write_csv(run(connection, SQL), out, for_terminal=True)
    assert out.getvalue().decode().splitlines()[3] == '3,-1,0,inf,,"a,""b""\\n\\x1b[31m",[],""'


def test_json(connection: duckdb.DuckDBPyConnection) -> None:
    out = io.BytesIO()
    write_json(run(connection, SQL), out)
    text = out.getvalue().decode()
    assert json.loads(text) == {
        "schema": "cowtrace.query/1",
        "columns": [
            {"name": "id", "type": "INTEGER"},
            {"name": "big", "type": "BIGINT"},
            {"name": "address", "type": "UBIGINT"},
            {"name": "ratio", "type": "DOUBLE"},
            {"name": "flag", "type": "BOOLEAN"},
            {"name": "text", "type": "VARCHAR"},
            {"name": "list", "type": "INTEGER[]"},
            {"name": "raw", "type": "BLOB"},
        ],
        "rows": [
            {"id": 1, "big": 9007199254740993, "address": 18446744073709551615, "ratio": 0.5, "flag": True}
            | {"text": "plain", "list": [1, None], "raw": "00ff"},
            {"id": 2, "big": None, "address": None, "ratio": None, "flag": False, "text": "", "list": None, "raw": None},
            {"id": 3, "big": -1, "address": 0, "ratio": None, "flag": None, "text": 'a,"b"\n\x1b[31m', "list": [], "raw": ""},
        ],
    }
    assert "\x1b" not in text
    assert len(text.splitlines()) == 3 + 3 + 1  # three of the head, one a row, the end


def test_json_keeps_sums_as_integers(connection: duckdb.DuckDBPyConnection) -> None:
    out = io.BytesIO()
    write_json(run(connection, "SELECT sum(copied_bytes) AS bytes, 2.5::DECIMAL(3, 1) AS part FROM fault"), out)
    assert b'{"bytes": 9007199254740993, "part": 2.5}' in out.getvalue()


def test_json_without_rows(connection: duckdb.DuckDBPyConnection) -> None:
    out = io.BytesIO()
    write_json(run(connection, "SELECT 1 AS one WHERE false"), out)
    assert json.loads(out.getvalue())["rows"] == []


def test_parquet_round_trip(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    with path.open("wb") as out:
        write_parquet(run(connection, SQL), out)
    table = pq.read_table(path)
    assert table.column_names == ["id", "big", "address", "ratio", "flag", "text", "list", "raw"]
    assert table["big"].to_pylist() == [9007199254740993, None, -1]
    assert table["address"].to_pylist() == [18446744073709551615, None, 0]
    assert table["text"].to_pylist() == ["plain", "", 'a,"b"\n\x1b[31m']
    assert table["raw"].to_pylist() == [b"\x00\xff", None, b""]


def test_values_of_every_type_have_a_text(connection: duckdb.DuckDBPyConnection) -> None:
    sql = "SELECT DATE '2024-02-29' AS d, TIMESTAMP '2024-02-29 01:02:03' AS t, INTERVAL 3 DAY AS i, {'a': 1} AS s, MAP {'k': 2} AS m"
    out = io.BytesIO()
    write_json(run(connection, sql), out)
    row = json.loads(out.getvalue())["rows"][0]
    assert row["d"] == "2024-02-29"
    assert row["t"] == "2024-02-29T01:02:03"
    assert row["s"] == {"a": 1}
    assert row["m"] == [["k", 2]]
    write_csv(run(connection, sql), out)
