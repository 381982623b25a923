"""Writing a store: whole or not at all.

Tables grow in ``<store>.partial`` beside the target; the manifest is written last and one rename makes the store visible. A killed
ingest leaves only the partial folder, which no command takes for a store and the next ingest replaces.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cowtrace.errors import UsageError
from cowtrace.schema import TABLES, Table
from cowtrace.store.layout import MANIFEST, is_store, table_path

#: Rows of one Parquet row group: the unit of memory while reading and writing.
ROW_GROUP_ROWS = 1 << 20


class TableWriter:
    """One Parquet file that grows by Arrow tables in the declared schema."""

    def __init__(self, path: Path, table: Table) -> None:
        self.table = table
        self.row_count = 0
        self._path = path
        self._writer: pq.ParquetWriter | None = None
        self._schema = table.arrow()

    def write(self, rows: pa.Table | pa.RecordBatch | Mapping[str, Any]) -> None:
        """Append rows; a mapping of columns is cast to the declared schema."""
        if isinstance(rows, Mapping):
            rows = pa.table(dict(rows), schema=self._schema)
        if isinstance(rows, pa.RecordBatch):
            rows = pa.Table.from_batches([rows])
        if self._writer is None:
            if self.table.open_ended:
                self._schema = pa.schema(list(rows.schema), metadata=self._schema.metadata)
            self._writer = self._open()
        self._writer.write_table(rows, row_group_size=ROW_GROUP_ROWS)
        self.row_count += rows.num_rows

    def close(self) -> None:
        """Finish the file; a table without rows exists all the same."""
        if self._writer is None:
            self._writer = self._open()
        self._writer.close()

    def _open(self) -> pq.ParquetWriter:
        # times grow by little; ids, addresses and sizes repeat. Behind such encodings lz4 leaves a third more bytes than zstd, and costs a
        # quarter of its time. Extremes help where queries pick a time, a task or a place, and cost as much as the values elsewhere.
        times = [field.name for field in self._schema if field.name.endswith("_ns")]
        plain = [field.name for field in self._schema if field.name in times or pa.types.is_int32(field.type)]
        return pq.ParquetWriter(
            self._path,
            self._schema,
            compression="lz4",
            use_dictionary=[name for name in self._schema.names if name not in plain],
            column_encoding=dict.fromkeys(times, "DELTA_BINARY_PACKED"),
            write_statistics=[
                field.name for field in self._schema if pa.types.is_integer(field.type) and not field.name.endswith("_bytes")
            ],
            store_schema=True,
        )


class StoreWriter:
    """A store in the making. Use as a context manager; without ``finish`` nothing becomes visible.

    Args:
        path: The store folder to make.
        force: Replace an existing store (and nothing else: a folder that is not a store is never removed).

    Raises:
        UsageError: ``path`` exists and is not to be replaced.
    """

    def __init__(self, path: Path, *, force: bool = False) -> None:
        if path.exists() and not (force and is_store(path)):
            what = "a store; --force replaces it" if is_store(path) else "not a store and is never overwritten"
            raise UsageError(f"{path}: exists and is {what}")
        self.path = path
        self.folder = path.with_name(path.name + ".partial")
        self._tables: dict[str, TableWriter] = {}

    def __enter__(self) -> StoreWriter:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def table(self, name: str) -> TableWriter:
        """The writer of one table, opened at its first use."""
        if name not in self._tables:
            self._tables[name] = TableWriter(table_path(self.folder, name), TABLES[name])
        return self._tables[name]

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Close all tables, write the manifest, make the store visible."""
        for name in TABLES:
            self.table(name).close()
        counts = {name: writer.row_count for name, writer in sorted(self._tables.items())}
        text = json.dumps({**manifest, "rows": counts}, indent=1, sort_keys=True, ensure_ascii=True)
        (self.folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
        if self.path.exists():
            old = self.path.with_name(self.path.name + ".partial-old")
            shutil.rmtree(old, ignore_errors=True)
            self.path.rename(old)
            os.replace(self.folder, self.path)
            shutil.rmtree(old)
        else:
            os.replace(self.folder, self.path)
