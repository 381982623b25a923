"""Asking a store in one line."""

from __future__ import annotations

from typing import Any

from cowtrace.queries import connect, run
from cowtrace.store.reader import Store


def ask(store: Store, question: str, *columns: str) -> list[tuple[Any, ...]]:
    """Rows of an answer as tuples, all columns or the named ones in that order."""
    with connect(store) as connection:
        rows = list(run(connection, question).rows())
    return [tuple(row[name] for name in columns or row) for row in rows]
