"""Results for people: aligned, NULL visible, nothing cut, nothing that drives a terminal."""

from __future__ import annotations

import io

import duckdb
import pytest
from rich.console import Console

from cowtrace.queries import connect, run
from cowtrace.queries.table import write_table
from tests.support.stores import make_store


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    faults = r"""
    ts_ns comm         kind     duration_ns addr               is_write confidence
    1     redis        cow_copy 1000        0x7fff00001000     yes      1.0
    2     \x1b[2J\x20x failed   -           0xffffffffff600000 -        0.333333333
    """
    return connect(make_store(tmp_path_factory.mktemp("table") / "s", fault=faults))


def shown(connection: duckdb.DuckDBPyConnection, sql: str, *, width: int | None = None) -> str:
    out = io.StringIO()
    terminal = width is not None
    write_table(run(connection, sql), Console(file=out, width=width or 10, force_terminal=terminal, no_color=True, color_system=None))
    return out.getvalue()


def test_table(connection: duckdb.DuckDBPyConnection) -> None:
    assert shown(connection, "SELECT comm, duration_ns, addr, is_write, confidence, [1, 2] AS list FROM fault") == (
        "comm       duration_ns                addr  is_write  confidence  list\n"
        "─────────  ───────────  ──────────────────  ────────  ──────────  ──────\n"
        "redis             1000      0x7fff00001000  true               1  [1, 2]\n"
        "\\x1b[2J x            ∅  0xffffffffff600000  ∅           0.333333  [1, 2]\n"
    )


def test_no_rows(connection: duckdb.DuckDBPyConnection) -> None:
    assert shown(connection, "SELECT comm FROM fault WHERE false") == "comm\n────\n"


def test_a_pipe_gets_whole_lines_however_long(connection: duckdb.DuckDBPyConnection) -> None:
    text = shown(connection, "SELECT repeat('x', 5000) AS long, 1 AS one")
    assert text.splitlines()[2] == "x" * 5000 + "    1"


def test_a_narrow_terminal_gets_blocks(connection: duckdb.DuckDBPyConnection) -> None:
    assert shown(connection, "SELECT comm, kind, duration_ns FROM fault", width=20) == (
        "── row 1 ────\n"
        "comm         redis\n"
        "kind         cow_copy\n"
        "duration_ns  1000\n"
        "── row 2 ────\n"
        "comm         \\x1b[2J x\n"
        "kind         failed\n"
        "duration_ns  ∅\n"
    )


def test_later_rows_may_widen_the_table(connection: duckdb.DuckDBPyConnection) -> None:
    lines = shown(connection, "SELECT CASE WHEN range < 2000 THEN 'x' ELSE 'wide' END AS a, 1 AS b FROM range(2001)").splitlines()
    assert lines[2] == "x  1"
    assert lines[-1] == "wide  1"
    assert len(lines) == 2003


def test_columns_named_by_strangers(connection: duckdb.DuckDBPyConnection) -> None:
    assert shown(connection, 'SELECT 1 AS "\x1b[31m[red]"').splitlines()[0] == "\\x1b[31m[red]"
