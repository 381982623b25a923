"""The SQL library: one question a file, on the tables of a store, answered by DuckDB."""

from __future__ import annotations

from cowtrace.queries.answer import Result, connect, load, materialize, public_names, run, summarize
from cowtrace.queries.collection import Documented, Query, catalog
from cowtrace.queries.names import symbol_notes

__all__ = ["Documented", "Query", "Result", "catalog", "connect", "load", "materialize", "public_names", "run", "summarize", "symbol_notes"]
