"""Rows on their way into a table: gathered into large pieces, and held back while the columns are not all known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

#: Bytes of rows that are gathered before they move on.
PIECE_BYTES = 32 << 20


class Gather:
    """Joins small batches, as thousands of small files give them, into pieces worth a row group.

    Args:
        sink: Takes each piece.
    """

    def __init__(self, sink: Callable[[pa.Table], None]) -> None:
        self._sink = sink
        self._batches: list[pa.RecordBatch] = []
        self._size_bytes = 0

    def append(self, batch: pa.RecordBatch) -> None:
        """Take some rows; a change of schema starts a new piece."""
        if self._batches and self._batches[0].schema != batch.schema:
            self.flush()
        self._batches.append(batch)
        self._size_bytes += batch.nbytes
        if self._size_bytes >= PIECE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Pass on what was gathered."""
        if self._batches:
            self._sink(pa.Table.from_batches(self._batches).unify_dictionaries())
        self._batches, self._size_bytes = [], 0


class Spool:
    """Rows on disk whose schema grows; they come back in order, all with the final schema.

    Args:
        folder: Where the files of the spool lie meanwhile.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[Path] = []
        self._schema: pa.Schema | None = None
        self._writer: pa.RecordBatchStreamWriter | None = None

    def append(self, rows: pa.Table) -> None:
        """Take some rows."""
        if self._writer is None or rows.schema != self._schema:
            self.close()
            self._schema = rows.schema
            self._files.append(self._folder / f"spool-{len(self._files)}.arrows")
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._writer = pa.ipc.new_stream(self._files[-1], rows.schema, options=options)
        self._writer.write_table(rows.combine_chunks())

    def close(self) -> None:
        """Finish the current file."""
        if self._writer is not None:
            self._writer.close()
        self._writer = None

    def drain(self, schema: pa.Schema) -> Iterator[pa.Table]:
        """All rows with the columns of ``schema``, NULL where they had none; the files are removed."""
        self.close()
        for file in self._files:
            with pa.OSFile(str(file)) as source, pa.ipc.open_stream(source) as reader:
                for batch in reader:
                    columns = [
                        batch.column(field.name) if field.name in batch.schema.names else pa.nulls(len(batch), field.type)
                        for field in schema
                    ]
                    yield pa.Table.from_arrays(columns, schema=schema)
            file.unlink()
        self._files = []
