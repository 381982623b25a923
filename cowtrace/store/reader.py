"""Reading a store: checked once, then Parquet through DuckDB or polars."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cowtrace.errors import StoreError
from cowtrace.schema import SCHEMA_VERSION, TABLES
from cowtrace.store.layout import MANIFEST, table_path

if TYPE_CHECKING:
    import duckdb
    import polars as pl


class Store:
    """An existing store.

    Args:
        path: Its folder.

    Raises:
        StoreError: The folder holds no store, an unfinished one, or one of another schema version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.manifest: dict[str, Any] = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
            version = self.manifest["schema_version"]
        except FileNotFoundError:
            raise StoreError(f"{path}: not a cowtrace store (no {MANIFEST}); make one with: cowtrace ingest INPUT -o {path}") from None
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise StoreError(f"{path / MANIFEST}: unreadable ({type(error).__name__}); ingest again with --force") from None
        if version != SCHEMA_VERSION:
            raise StoreError(
                f"{path}: schema version {version}, this cowtrace reads {SCHEMA_VERSION}; ingest the recording again with --force"
            )
        missing = [name for name in TABLES if not table_path(path, name).is_file()]
        if missing:
            raise StoreError(f"{path}: table {missing[0]} is missing; ingest again with --force")

    def connect(self) -> duckdb.DuckDBPyConnection:
        """An in-memory DuckDB with one view per table."""
        import duckdb

        connection = duckdb.connect(":memory:")
        connection.execute("SET TimeZone = 'UTC'")
        for name in TABLES:
            literal = str(table_path(self.path, name).resolve()).replace("'", "''")
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{literal}')")
        return connection

    def lazy(self, table: str) -> pl.LazyFrame:
        """One table as a polars LazyFrame."""
        import polars as pl

        return pl.scan_parquet(table_path(self.path, table))
