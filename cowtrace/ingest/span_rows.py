"""Calls of functions as rows of table ``span``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from cowtrace.attribution.asof import Int
from cowtrace.attribution.copyup_spans import SpanCopyUp
from cowtrace.attribution.history import History
from cowtrace.attribution.spans.builder import Spans
from cowtrace.attribution.spans.edges import NOT_TOLD
from cowtrace.attribution.spans.functions import Functions
from cowtrace.ingest.fault_rows import labels, nullable
from cowtrace.schema import TABLES
from cowtrace.text import decode_name


def span_rows(spans: Spans, functions: Functions, history: History, source: str) -> pa.Table:
    """One Arrow table in the declared schema, one row a call."""
    comm = history.comm_at(spans.tid, spans.ts_ns)
    columns = {
        "ts_ns": nullable(spans.ts_ns, spans.ts_ns >= 0, pa.int64()),
        "duration_ns": nullable(spans.taken_ns, spans.taken_ns >= 0, pa.int64()),
        "cpu": nullable(spans.cpu, spans.cpu >= 0, pa.int32()),
        "tid": nullable(spans.tid, spans.tid >= 0, pa.int32()),
        "comm": labels(comm, history.comm_names),
        "function": _names(_shown(spans, functions), [*functions.plain, *functions.symbols]),
        "depth": pa.array(spans.depth, pa.int32()),
        "tgid": nullable(spans.tgid, spans.tgid >= 0, pa.int32()),
        "parent": _names(spans.parent, functions.plain),
        "retval": nullable(spans.retval, spans.retval != NOT_TOLD, pa.int64()),
        "source": labels(np.zeros(len(spans), np.int64), [source]),
    }
    schema = TABLES["span"].arrow()
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _shown(spans: Spans, functions: Functions) -> Int:
    """Place of each call's name among the plain names and, behind them, the symbols.

    A part that the compiler cut out of a function and that the same function calls is one call in the source, and must not count twice.
    """
    cut_out = np.array([".part." in symbol for symbol in functions.symbols], np.bool_)
    number = {name: place for place, name in enumerate(dict.fromkeys(functions.plain))}
    base = np.array([number[name] for name in functions.plain], np.int64)
    if not cut_out.any():
        return spans.function
    inner = cut_out[spans.function] & (spans.parent >= 0)
    inner &= base[spans.function] == base[np.maximum(spans.parent, 0)]
    return np.where(inner, spans.function + len(functions.plain), spans.function)


def _names(codes: Int, names: list[str]) -> pa.Array:
    """Names by number; a name that stands twice in the list gets one code."""
    distinct = {name: place for place, name in enumerate(dict.fromkeys(names))}
    place = np.array([*(distinct[name] for name in names), -1], np.int64)
    return labels(place[codes], list(distinct))


def copyup_rows(found: Sequence[SpanCopyUp], history: History, evidence: str) -> pa.Table:
    """Copy-ups that spans, or call chains of traced functions, show as rows of table ``copyup``."""
    tid, ts = (np.array([getattr(each, name) for each in found], np.int64) for name in ("tid", "ts_ns"))
    comm = history.comm_at(tid, ts).tolist()
    rows = [
        {
            "ts_ns": each.ts_ns,
            "duration_ns": each.duration_ns,
            "tgid": each.tgid if each.tgid >= 0 else None,
            "tid": each.tid if each.tid >= 0 else None,
            "comm": history.comm_names[code] if code >= 0 else None,
            "trigger": each.trigger,
            "path": None if each.path is None else decode_name(each.path.strip(b'"')),
            "copied_bytes": each.copied_bytes,
            "metadata_only": each.metadata_only,
            "evidence": evidence,
            "confidence": 0.0 if each.trigger == "unknown" else 0.95,
            "matched_by": "span",
            "file_type": each.file_type,
        }
        for each, code in zip(found, comm, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=TABLES["copyup"].arrow())
