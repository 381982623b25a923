"""Results as CSV, JSON and Parquet, batch by batch: memory stays bounded however many rows there are."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from cowtrace.queries.run import Result
from cowtrace.text import printable


def write_csv(result: Result, out: BinaryIO, *, for_terminal: bool = False) -> None:
    """RFC 4180 with a header; NULL is empty, an empty string is ``""``, binary is hex, lists and structs are JSON.

    Args:
        for_terminal: Escape control characters in strings; files and pipes get them as they are.
    """
    header = io.StringIO()
    csv.writer(header, lineterminator="\n").writerow(result.columns)
    out.write(header.getvalue().encode("utf-8", "backslashreplace"))
    options = pa.csv.WriteOptions(include_header=False, quoting_style="needed")
    for batch in result.batches():
        arrays = [_csv_column(column, for_terminal) for column in batch.columns]
        pa.csv.write_csv(pa.RecordBatch.from_arrays(arrays, names=list(result.columns)), out, options)


def write_json(result: Result, out: BinaryIO) -> None:
    """``{"schema": "cowtrace.query/1", "columns": [{"name", "type"}], "rows": [{...}]}``, one row a line, integers never as floats."""
    columns = [{"name": name, "type": kind} for name, kind in zip(result.columns, result.types, strict=True)]
    out.write(b'{"schema": "cowtrace.query/1",\n"columns": ' + json.dumps(columns).encode() + b',\n"rows": [')
    separator = b"\n"
    for batch in result.batches():
        lines = [json.dumps(json_value(row), allow_nan=False) for row in batch.to_pylist()]
        if lines:
            out.write(separator + ",\n".join(lines).encode())
            separator = b",\n"
    out.write(b"\n]}\n")


def write_parquet(result: Result, out: BinaryIO) -> None:
    """Parquet with zstd; HUGEINT, which Parquet lacks, becomes DECIMAL(38, 0)."""
    schema = pa.schema([field.with_name(name) for field, name in zip(result.reader.schema, result.columns, strict=True)])
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for batch in result.batches():
            writer.write_batch(batch)


WRITERS: dict[str, Callable[[Result, BinaryIO], None]] = {"csv": write_csv, "json": write_json, "parquet": write_parquet}


def json_value(value: Any) -> Any:
    """A value of a result as JSON can hold it: whole decimals as integers, NaN and infinities as null, the rest as text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case bytes():
            return value.hex()
        case dict():
            return {str(key): json_value(item) for key, item in value.items()}
        case list() | tuple():
            return [json_value(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _csv_column(column: pa.Array, for_terminal: bool) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.array([None if text is None else printable(text) for text in column.to_pylist()]) if for_terminal else column
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return column
    return pa.array([None if value is None else _csv_text(json_value(value)) for value in column.to_pylist()], pa.string())


def _csv_text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict | list) else str(value)
