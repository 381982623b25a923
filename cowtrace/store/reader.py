"""Reading a store: checked once, then Parquet through DuckDB or polars.

A store of an older cowtrace may lack tables and columns that are declared now. It opens all the same: such a table is empty, such a
column NULL, which is what NULL means ("the recording can't tell").
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cowtrace.errors import StoreError
from cowtrace.schema import SCHEMA_VERSION, TABLES, Table
from cowtrace.store.layout import MANIFEST, table_path

if TYPE_CHECKING:
    import duckdb
    import polars as pl

_AGAIN = "ingest again with --force"

#: DuckDB's name of each type that a column is declared with.
_SQL_TYPES = {
    pa.bool_(): "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.uint64(): "UBIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.string(): "VARCHAR",
    pa.binary(): "BLOB",
}


class Store:
    """An existing store.

    Args:
        path: Its folder.

    Raises:
        StoreError: The folder holds no store, an unfinished or damaged one, or one of another schema version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.manifest: dict[str, Any] = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
            version = int(self.manifest["schema_version"])
        except FileNotFoundError:
            raise StoreError(f"{path}: not a cowtrace store (no {MANIFEST}); make one with: cowtrace ingest INPUT -o {path}") from None
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise StoreError(f"{path / MANIFEST}: unreadable ({type(error).__name__}); {_AGAIN}") from None
        if version > SCHEMA_VERSION:
            writer = self.manifest.get("cowtrace_version") or "a newer version"
            raise StoreError(
                f"{path}: made by cowtrace {writer} with schema version {version}, this cowtrace reads up to {SCHEMA_VERSION}; "
                f"update cowtrace, or {_AGAIN}"
            )
        if version < SCHEMA_VERSION:
            raise StoreError(f"{path}: schema version {version}, this cowtrace reads {SCHEMA_VERSION}; {_AGAIN}")
        # the manifest counts the rows of each table that was written: one that it does not name is younger than the store
        written = self.manifest.get("rows")
        gone = [name for name in TABLES if not self._has(name) and (not isinstance(written, dict) or name in written)]
        if gone:
            raise StoreError(f"{path}: table {gone[0]} is missing; {_AGAIN}")

    def connect(self) -> duckdb.DuckDBPyConnection:
        """An in-memory DuckDB with one view per table."""
        import duckdb

        connection = duckdb.connect(":memory:")
        connection.execute("SET TimeZone = 'UTC'")
        for name, table in TABLES.items():
            connection.execute(f"CREATE VIEW {name} AS {self._select(table)}")
        return connection

    def lazy(self, table: str) -> pl.LazyFrame:
        """One table as a polars LazyFrame."""
        import polars as pl

        declared = pl.from_arrow(TABLES[table].arrow().empty_table())
        assert isinstance(declared, pl.DataFrame)
        if not self._has(table):
            return declared.lazy()
        lacking = set(self._lacking(TABLES[table]))
        rows = pl.scan_parquet(table_path(self.path, table))
        return rows.with_columns(pl.lit(None, kind).alias(name) for name, kind in declared.schema.items() if name in lacking)

    def _select(self, table: Table) -> str:
        nulls = [f'CAST(NULL AS {sql_type(kind)}) AS "{name}"' for name, kind in self._lacking(table).items()]
        if not self._has(table.name):
            return f"SELECT {', '.join(nulls)} WHERE false"
        literal = str(table_path(self.path, table.name).resolve()).replace("'", "''")
        return f"SELECT {', '.join(['*', *nulls])} FROM read_parquet('{literal}')"

    def _has(self, name: str) -> bool:
        return table_path(self.path, name).is_file()

    def _lacking(self, table: Table) -> dict[str, pa.DataType]:
        """Declared columns that the file does not have, and their types."""
        present = set(self._columns(table.name)) if self._has(table.name) else set()
        return {column.name: column.type for column in table.columns if column.name not in present}

    def _columns(self, name: str) -> list[str]:
        import pyarrow.parquet as pq

        try:
            return list(pq.read_schema(table_path(self.path, name)).names)
        except (pa.ArrowException, OSError) as error:
            problem = f"{table_path(self.path, name).name}: {type(error).__name__}"
            raise StoreError(f"{self.path}: unreadable ({problem}); ingest the recording again with --force") from None


def sql_type(kind: pa.DataType) -> str:
    """DuckDB's name of a declared column type."""
    if pa.types.is_dictionary(kind):
        return sql_type(kind.value_type)
    if pa.types.is_list(kind):
        return f"{sql_type(kind.value_type)}[]"
    return _SQL_TYPES[kind]
