"""The SQL library: one question a file, on the tables of a store, answered by DuckDB."""

from __future__ import annotations

from cowtrace.queries.catalog import Documented, Query, catalog
from cowtrace.queries.run import Result, connect, load, public_names, run

__all__ = ["Documented", "Query", "Result", "catalog", "connect", "load", "public_names", "run"]
