r"""Tracepoint fields of a row as JSON (``{"address":4096,"error_code":7}``) or as words (``address=0x1000 error_code=0x7``).

The common fields, which every tracepoint has, are left out. In JSON numbers stay numbers; character arrays and dynamic strings
are text up to their first NUL, with bytes that are no UTF-8 as ``\xNN``; other arrays are lists of numbers. As words, unsigned
longs and pointers are hexadecimal, as the kernel prints addresses, error codes and page frames; text has no control characters.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl

from cowtrace.parsers.base import Array, EventBatch, EventDesc, FieldDesc
from cowtrace.script.columns import spread
from cowtrace.script.hexadecimal import hex_text
from cowtrace.text import decode_name, printable

#: Makes the text of a field of ``int`` kind from its values.
Numbers = Callable[[FieldDesc, Array], pl.Series]
#: Makes the text of one value of any other kind: str, or list of int.
Value = Callable[[str | list[int]], str]


def json_args(batch: EventBatch, events: Sequence[EventDesc]) -> pl.Series:
    """The payload of each row as a JSON object, null for events without fields."""
    return _rows(batch, events, _json_layout, lambda field, values: pl.Series(values).cast(pl.String), _json_value)


def word_args(batch: EventBatch, events: Sequence[EventDesc]) -> pl.Series:
    """The payload of each row as ``name=value`` words, null for events without fields."""
    return _rows(batch, events, _word_layout, _word_numbers, _word_value)


def payload_fields(event: EventDesc) -> list[FieldDesc]:
    """The fields of an event's own."""
    return [field for field in event.fields if not field.name.startswith("common_")]


def _rows(
    batch: EventBatch, events: Sequence[EventDesc], layout: Callable[[list[str]], list[str]], numbers: Numbers, value: Value
) -> pl.Series:
    parts = []
    for event in events:
        rows = batch.rows(event.index) if event.fields and not event.hidden else np.empty(0, np.int64)
        if not len(rows):
            continue
        fields = payload_fields(event)
        around = layout([field.name for field in fields])
        pieces: list[Any] = [pl.lit(around[0])]
        for field, text in zip(fields, around[1:], strict=True):
            if field.kind == "int":
                pieces.append(numbers(field, batch.field(event.index, field.name)))
            else:
                values = [value(_plain(field, raw)) for raw in batch.field_values(event.index, field.name)]
                pieces.append(pl.Series(values, dtype=pl.String))
            pieces.append(pl.lit(text))
        # the last literal is repeated by hand: an event without fields of its own has no column that gives the length
        pieces.append(pl.repeat("", len(rows), dtype=pl.String, eager=True))
        parts.append((rows, pl.select(pl.concat_str(pieces)).to_series()))
    return spread(batch.count, parts)


def _plain(field: FieldDesc, raw: Any) -> str | list[int]:
    """A value of a reader as text or list: bytes are text when they were declared as characters."""
    if isinstance(raw, bytes):
        return decode_name(raw) if "char" in field.type else list(raw)
    return list(raw)


def _json_layout(names: list[str]) -> list[str]:
    heads = [f"{json.dumps(name)}:" for name in names]
    return ["{" + "".join(heads[:1]), *("," + head for head in heads[1:]), *(["}"] if names else [])] if names else ["{}"]


def _json_value(value: str | list[int]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _word_layout(names: list[str]) -> list[str]:
    return ["".join(f"{name}=" for name in names[:1]), *(f" {name}=" for name in names[1:]), *([""] if names else [])]


def _word_numbers(field: FieldDesc, values: Array) -> pl.Series:
    if not field.signed and ("long" in field.type or field.type.endswith("*")):
        return pl.select(pl.lit("0x") + hex_text(values.astype(np.uint64))).to_series()
    return pl.Series(values).cast(pl.String)


def _word_value(value: str | list[int]) -> str:
    return printable(value) if isinstance(value, str) else f"[{','.join(map(str, value))}]"
