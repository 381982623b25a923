"""Arrow columns from numpy arrays, short lists of names, and snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from cowtrace.parsers.base import Array
from cowtrace.parsers.procfs.lines import Index, Mask
from cowtrace.parsers.procfs.marks import Stamp
from cowtrace.text import decode_name


def label_column(values: Iterable[bytes | None]) -> pa.DictionaryArray:
    """Names, one per row; None is NULL."""
    numbers: dict[bytes, int] = {}
    codes = [numbers.setdefault(value, len(numbers)) if value is not None else -1 for value in values]
    array = np.array(codes, dtype=np.int64)
    return coded_column(array, list(numbers), array >= 0)


def coded_column(codes: Array, names: Iterable[bytes], valid: Mask | None = None) -> pa.DictionaryArray:
    """Names by their number, one number per row; NULL where ``valid`` is False."""
    mask = None if valid is None else ~valid
    values = pa.array([decode_name(name) for name in names], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32), mask=mask), values)


def stamp_columns(stamps: Sequence[Stamp], which: Index) -> dict[str, pa.Array]:
    """Columns ``ts_ns``, ``tgid`` and ``snapshot_id``; ``which`` has for each row the number of its stamp in ``stamps``."""
    columns: dict[str, pa.Array] = {}
    for name, values, dtype in (
        ("ts_ns", [stamp.ts_ns for stamp in stamps], np.int64),
        ("tgid", [stamp.tgid for stamp in stamps], np.int32),
    ):
        unknown = np.array([value is None for value in values], dtype=np.bool_)
        known = np.array([0 if value is None else value for value in values], dtype=dtype)
        columns[name] = pa.array(known[which], mask=unknown[which])
    ids = np.array([stamp.snapshot_id for stamp in stamps], dtype=np.int64)
    return {**columns, "snapshot_id": pa.array(ids[which])}
