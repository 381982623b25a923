"""Results as CSV, JSON and Parquet, batch by batch: memory stays bounded however many rows there are."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cowtrace.queries.answer import Result
from cowtrace.text import printable


def write_csv(result: Result, out: BinaryIO, *, for_terminal: bool = False) -> None:
    """RFC 4180 with a header; NULL is empty, an empty string is ``""``, binary is hex, lists and structs are JSON.

    Args:
        for_terminal: Escape control characters in strings; files and pipes get them as they are.
    """
    out.write((",".join(_quoted(pa.array(result.columns, pa.string())).to_pylist()) + "\n").encode("utf-8", "backslashreplace"))
    for batch in result.batches():
        cells = [_csv_cells(column, for_terminal) for column in batch.columns]
        lines = pc.binary_join_element_wise(*cells, ",")
        out.write(("\n".join(lines.to_pylist()) + "\n").encode() if len(lines) else b"")


def write_json(result: Result, out: BinaryIO) -> None:
    """``{"schema": "cowtrace.query/1", "columns": [{"name", "type"}], "rows": [{...}]}``, one row a line, integers never as floats."""
    columns = [{"name": name, "type": kind} for name, kind in zip(result.columns, result.types, strict=True)]
    out.write(b'{"schema": "cowtrace.query/1",\n"columns": ' + json.dumps(columns).encode() + b',\n"rows": [')
    separator, encode = b"\n", json.JSONEncoder(allow_nan=False).encode
    for batch in result.batches():
        values = [_json_values(column) for column in batch.columns]
        lines = [encode(dict(zip(result.columns, row, strict=True))) for row in zip(*values, strict=True)]
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


def _json_values(column: pa.Array) -> list[Any]:
    values: list[Any] = column.to_pylist()
    if pa.types.is_integer(column.type) or pa.types.is_string(column.type) or pa.types.is_boolean(column.type):
        return values
    return [json_value(value) for value in values]


def _csv_cells(column: pa.Array, for_terminal: bool) -> pa.Array:
    """A column as CSV text: string[n] without NULL."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return pc.fill_null(column.cast(pa.string()), "")
    if not pa.types.is_string(kind):
        column = pa.array([None if value is None else _csv_text(json_value(value)) for value in column.to_pylist()], pa.string())
    if for_terminal:
        column = pa.array([None if text is None else printable(text) for text in column.to_pylist()], pa.string())
    return pc.fill_null(_quoted(column), "")


def _quoted(texts: pa.Array) -> pa.Array:
    """Quotes where CSV needs them, and around empty strings: nothing at all is NULL."""
    inner = pc.replace_substring(texts, '"', '""')
    needs = pc.match_substring_regex(texts, r'^$|[",\r\n]')
    return pc.if_else(needs, pc.binary_join_element_wise('"', inner, '"', ""), texts)


def _csv_text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict | list) else str(value)
