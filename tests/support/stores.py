"""Small stores from readable lines: the columns that matter are written down, the others get plain defaults."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from cowtrace.schema import SCHEMA_VERSION, TABLES
from cowtrace.schema.smaps import SMAPS_FIELDS
from cowtrace.store.reader import Store
from cowtrace.store.writer import StoreWriter

#: What a column holds when a table's lines do not name it; nullable columns are NULL.
DEFAULTS: dict[str, dict[str, Any]] = {
    "fault": {"tgid": 12, "tid": 12, "comm": "app", "evidence": "frames", "confidence": 1.0, "weight": 1},
    "process": {"comm": "app", "start_ns": 0, "how": "seen"},
    "fork": {"parent_tgid": 12, "child_tgid": 13, "child_mm_id": 1, "execed": False},
    "vma": {"pgoff": 0, "perms": "rw-p", "vma_kind": "anon", "start_ns": 0, "start_addr": 4096, "end_addr": 8192},
    "vma_extent": {"vma_id": 0, "mm_id": 0, "ts_ns": 0, "perms": "rw-p"},
    "memory_call": {"tgid": 12, "mm_id": 0},
    "smaps": {"form": "smaps", "snapshot_id": 0, "start_addr": 4096, "end_addr": 8192, "perms": "rw-p"}
    | {"pgoff": 0, "dev": "00:00", "inode": 0},
    "copyup": {"tgid": 12, "comm": "app", "evidence": "span"},
    "overlay_mount": {},
    "overlay_change": {},
    "loss": {"source_id": 0, "reason": "lost"},
    "source": {"source_id": 0, "path": "perf.data", "format": "perf.data", "sha256": "00", "facts": "{}"},
    "span": {"comm": "app", "depth": 0},
    "cgroup": {},
    "stack": {},
    "vmstat": {"snapshot_id": 0},
}

#: Columns of smaps that depend on the kernel.
FIELDS = frozenset(field.column for field in SMAPS_FIELDS)

#: One source of the manifest, as ingest writes it.
SOURCE: dict[str, Any] = {
    "source_id": 0,
    "path": "perf.data",
    "format": "perf.data",
    "sha256": "ab" * 32,
    "size_bytes": 4096,
    "recorder": "perf 6.1.187",
    "hostname": "db1",
    "kernel_release": "6.18.5",
    "arch": "x86_64",
    "page_size": 4096,
    "cpu_desc": "AMD EPYC",
    "cpu_count": 2,
    "clock": "mono",
    "wall_offset_ns": None,
    "first_ns": 1_000_000_000,
    "last_ns": 3_000_000_000,
    "records_read": 100,
    "records_unknown": 0,
    "records_damaged": 0,
    "bytes_unread": 0,
    "records_by_type": {"SAMPLE": 90, "MMAP2": 10},
    "features": {},
    "notes": [],
    "lost_events": 0,
    "events": [],
}


def event(name: str, columns: str = "", count: int = 1, *, has_callchain: bool = False, period: int | None = 1) -> dict[str, Any]:
    """One event of a source in the manifest; ``columns`` are separated by blanks."""
    return {"name": name, "columns": columns.split(), "count": count, "has_callchain": has_callchain, "period": period}


def make_store(
    path: Path,
    *,
    sources: list[dict[str, Any]] | None = None,
    recording: dict[str, Any] | None = None,
    **tables: str | Sequence[Mapping[str, Any]],
) -> Store:
    r"""A store with these tables.

    Args:
        path: Its folder.
        sources: Facts that replace those of ``SOURCE``, one mapping a source.
        recording: What ``cowtrace record`` wrote beside perf.data.
        tables: Lines of a table: column names first, then one row a line, cells separated by blanks. ``-`` is NULL, ``""`` is empty,
            ``\x20`` is a blank inside a cell; any escape of a Python string works. Or rows as mappings, where values are made by code.
    """
    described = [{**SOURCE, "source_id": number, **facts} for number, facts in enumerate(sources if sources is not None else [{}])]
    with StoreWriter(path) as writer:
        for name, lines in tables.items():
            writer.table(name).write(_table(name, lines) if isinstance(lines, str) else _table_of_rows(name, lines))
        host = {"hostname": "db1", "kernel_release": "6.18.5", "arch": "x86_64", "page_size": 4096}
        facts = {"schema_version": SCHEMA_VERSION, "cowtrace_version": "0.1.0", "sources": described, "host": host}
        writer.finish(facts | ({"recording": recording} if recording else {}))
    return Store(path)


def _table(name: str, lines: str) -> pa.Table:
    header, *rows = [line.split() for line in lines.strip().splitlines()]
    table = TABLES[name]
    types = {column.name: column.type for column in table.columns}
    columns: dict[str, list[Any]] = {
        column: [_cell(row[number], types.get(column, pa.int64())) for row in rows] for number, column in enumerate(header)
    }
    for column in table.columns:
        # fields of smaps that the lines do not name are absent from the file, as with an old kernel
        if column.name not in columns and not (table.open_ended and column.name in FIELDS):
            columns[column.name] = [DEFAULTS[name].get(column.name)] * len(rows)
    if table.open_ended:
        fields = [pa.field(column, types.get(column, pa.int64())) for column in columns]
        return pa.table(_arrays(columns, pa.schema(fields)), schema=pa.schema(fields))
    return pa.table(_arrays(columns, table.arrow()), schema=table.arrow())


def _table_of_rows(name: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    schema = TABLES[name].arrow()
    defaults = DEFAULTS.get(name, {})
    return pa.table(_arrays({column: [{**defaults, **row}.get(column) for row in rows] for column in schema.names}, schema), schema=schema)


def _arrays(columns: Mapping[str, list[Any]], schema: pa.Schema) -> dict[str, pa.Array]:
    return {field.name: pa.array(columns[field.name], field.type) for field in schema}


def _cell(text: str, kind: pa.DataType) -> Any:
    if text == "-":
        return None
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind):
        return "" if text == '""' else json.loads(f'"{text}"') if "\\u" in text else text.encode().decode("unicode_escape")
    if pa.types.is_boolean(kind):
        return {"yes": True, "no": False}[text]
    if pa.types.is_floating(kind):
        return float(text)
    if pa.types.is_binary(kind):
        return bytes.fromhex(text)
    if pa.types.is_list(kind):
        return [int(item, 0) for item in text.split(";")]
    return int(text, 0) if text.startswith("0x") else int(text)
