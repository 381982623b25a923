"""Names of code in SQL: tables that stay empty until a question reads them, since most questions need none and finding them takes time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from cowtrace.queries.collection import catalog
from cowtrace.schema.derived import DERIVED
from cowtrace.store.reader import sql_type

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from cowtrace.store.reader import Store
    from cowtrace.symbols import Sources, Symbols

#: Read when a question asks for them, and not with the other names: debug information takes its time.
_LINES = "code_line"


@dataclass(slots=True)
class _Promise:
    """Where a connection's names come from, and what has been filled in."""

    store: Store
    sources: Sources | None
    symbols: Symbols | None = None
    has_lines: bool = False


_PROMISES: WeakKeyDictionary[duckdb.DuckDBPyConnection, _Promise] = WeakKeyDictionary()


def declare(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables, empty."""
    for table in DERIVED.values():
        columns = ", ".join(f'"{column.name}" {sql_type(column.type)}' for column in table.columns)
        connection.execute(f"CREATE TABLE {table.name} ({columns})")


def promise(connection: duckdb.DuckDBPyConnection, store: Store, sources: Sources | None) -> None:
    """Say where names will come from, should a question need them."""
    _PROMISES[connection] = _Promise(store, sources)


def fulfil(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Fill the tables that this SQL reads, directly or through the library, if they are not yet."""
    promised = _PROMISES.get(connection)
    words = frozenset(re.findall(r"\w+", sql.lower()))
    if promised is None or words.isdisjoint(readers(*DERIVED)):
        return
    if promised.symbols is None:
        from cowtrace.symbols import resolve

        promised.symbols = resolve(promised.store, promised.sources)
        for name in DERIVED.keys() - {_LINES, "symbol_note"}:
            _insert(connection, name, getattr(promised.symbols, name))
        _insert(connection, "symbol_note", promised.symbols.notes_table())
    if not promised.has_lines and not words.isdisjoint(readers(_LINES)):
        promised.has_lines = True
        known = len(promised.symbols.notes)
        _insert(connection, _LINES, promised.symbols.code_line())
        _insert(connection, "symbol_note", promised.symbols.notes_table()[known:])


def _insert(connection: duckdb.DuckDBPyConnection, name: str, rows: pl.DataFrame) -> None:
    connection.register("found_names", rows.to_arrow())
    connection.execute(f"INSERT INTO {name} SELECT {', '.join(DERIVED[name].names())} FROM found_names")
    connection.unregister("found_names")


def symbol_notes(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Why names are missing that questions asked for so far; empty while none did."""
    return [note for (note,) in connection.execute("SELECT note FROM symbol_note").fetchall()]


@cache
def readers(*tables: str) -> frozenset[str]:
    """The tables, and the views of the library that read one of them."""
    found = set(tables)
    while True:
        more = {query.view for query in catalog().values() if not found.isdisjoint(query.words())} - found
        if not more:
            return frozenset(found)
        found |= more
