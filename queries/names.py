"""Names of code in SQL: tables that stay empty until a question reads them, since most questions need none and finding them takes time."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from cowtrace.queries.collection import catalog
from cowtrace.schema.derived import DERIVED
from cowtrace.store.reader import sql_type

if TYPE_CHECKING:
    import duckdb

    from cowtrace.store.reader import Store
    from cowtrace.symbols import Sources

#: What each connection's names would be found from; an entry goes when they have been.
_PENDING: WeakKeyDictionary[duckdb.DuckDBPyConnection, tuple[Store, Sources | None]] = WeakKeyDictionary()


def declare(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables, empty."""
    for table in DERIVED.values():
        columns = ", ".join(f'"{column.name}" {sql_type(column.type)}' for column in table.columns)
        connection.execute(f"CREATE TABLE {table.name} ({columns})")


def promise(connection: duckdb.DuckDBPyConnection, store: Store, sources: Sources | None) -> None:
    """Say where names will come from, should a question need them."""
    _PENDING[connection] = (store, sources)


def fulfil(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Fill the tables if this SQL reads one of them, directly or through the library, and they are not yet."""
    if connection not in _PENDING or not _reads_names(sql):
        return
    from cowtrace.symbols import resolve

    store, sources = _PENDING.pop(connection)
    symbols = resolve(store, sources)
    for name in DERIVED:
        rows = symbols.notes_table() if name == "symbol_note" else getattr(symbols, name)
        connection.register("found_names", rows.to_arrow())
        connection.execute(f"INSERT INTO {name} SELECT {', '.join(DERIVED[name].names())} FROM found_names")
        connection.unregister("found_names")


def symbol_notes(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Why names are missing that questions asked for so far; empty while none did."""
    return [note for (note,) in connection.execute("SELECT note FROM symbol_note").fetchall()]


def _reads_names(sql: str) -> bool:
    return not _views_with_names().isdisjoint(re.findall(r"\w+", sql.lower()))


@cache
def _views_with_names() -> frozenset[str]:
    """The tables, and the views of the library that read them."""
    found = set(DERIVED)
    while True:
        more = {query.view for query in catalog().values() if not found.isdisjoint(query.words())} - found
        if not more:
            return frozenset(found)
        found |= more
