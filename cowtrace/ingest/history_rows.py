"""Process history as rows of ``process``, ``fork``, ``vma``, ``cgroup``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from cowtrace.attribution.asof import ALWAYS, Int
from cowtrace.attribution.engine import Engine
from cowtrace.attribution.history import FORKED, HOW, NEVER
from cowtrace.attribution.mappings import PERMS, perm_codes
from cowtrace.attribution.memory_calls import CALLS
from cowtrace.ingest.fault_rows import Offsets, labels, nullable, text_labels
from cowtrace.schema import TABLES
from cowtrace.text import decode_name


def _table(name: str, columns: dict[str, Any]) -> pa.Table:
    schema = TABLES[name].arrow()
    return pa.table([columns[column] for column in schema.names], schema=schema)


def process_rows(engine: Engine, offsets: Offsets, first_ns: int) -> pa.Table:
    """One row a life of a process."""
    lives = engine.history.lives
    parent = np.where(lives.parent >= 0, lives.parent, 0) + offsets.mm
    return _table(
        "process",
        {
            "mm_id": pa.array(np.arange(len(lives.tgid)) + offsets.mm),
            "tgid": pa.array(lives.tgid.astype(np.int32)),
            "parent_mm_id": nullable(parent, lives.parent >= 0, pa.int64()),
            "comm": labels(engine.history.comm_at_end(), engine.history.comm_names),
            "start_ns": pa.array(np.where(lives.start_ns == ALWAYS, np.minimum(first_ns, lives.end_ns), lives.start_ns)),
            "end_ns": nullable(lives.end_ns, lives.end_ns != NEVER, pa.int64()),
            "how": labels(lives.how, list(HOW)),
        },
    )


def fork_rows(engine: Engine, offsets: Offsets) -> pa.Table:
    """One row a fork of an address space; vfork children have none."""
    lives = engine.history.lives
    child = np.flatnonzero(lives.how == FORKED)
    parent = lives.parent[child]
    known = parent >= 0
    parent_tgid = np.where(known, lives.tgid[np.maximum(parent, 0)], -1)
    duration = engine.calls.durations(parent_tgid, lives.start_ns[child])
    return _table(
        "fork",
        {
            "fork_id": pa.array(np.arange(len(child)) + offsets.fork),
            "ts_ns": pa.array(lives.start_ns[child]),
            "duration_ns": nullable(duration, duration >= 0, pa.int64()),
            "parent_tgid": pa.array(parent_tgid.astype(np.int32)),
            "child_tgid": pa.array(lives.tgid[child].astype(np.int32)),
            "parent_mm_id": nullable(parent + offsets.mm, known, pa.int64()),
            "child_mm_id": pa.array(child + offsets.mm),
            "end_ns": nullable(lives.end_ns[child], lives.end_ns[child] != NEVER, pa.int64()),
            "execed": pa.array(lives.execed[child]),
        },
    )


def vma_rows(engine: Engine, offsets: Offsets, first_ns: int, build_ids: Mapping[str, str]) -> pa.Table:
    """One row a mapping. ``build_ids``: of paths, for mappings whose record carries none."""
    columns = engine.mappings.table(first_ns)
    path_codes, paths = columns["path"]
    by_path = np.array([build_ids.get(path) for path in paths] + [None], object)
    build_id = np.where(columns["build_id"] == None, by_path[path_codes], columns["build_id"])  # noqa: E711 (elementwise)

    def coded(name: str) -> pa.Array:
        codes, names = columns[name]
        return labels(codes, names)

    end_ns, end_known = columns["end_ns"]
    inode: Int = columns["inode"]
    return _table(
        "vma",
        {
            "vma_id": pa.array(columns["vma_id"] + offsets.vma),
            "mm_id": pa.array(columns["mm_id"] + offsets.mm),
            "start_addr": pa.array(columns["start_addr"]),
            "end_addr": pa.array(columns["end_addr"]),
            "pgoff": pa.array(columns["pgoff"]),
            "perms": coded("perms"),
            "path": coded("path"),
            "dev": text_labels(columns["dev"]),
            "inode": nullable(inode, inode != 0, pa.uint64()),
            "vma_kind": coded("vma_kind"),
            "build_id": pa.array(build_id.tolist(), pa.string()).dictionary_encode(),
            "start_ns": pa.array(columns["start_ns"]),
            "end_ns": nullable(end_ns, end_known, pa.int64()),
        },
    )


def extent_rows(engine: Engine, offsets: Offsets, first_ns: int) -> pa.Table:
    """One row a mapping record, as numbered by ``fault.extent_id``."""
    mappings = engine.mappings
    codes = perm_codes(mappings.prot, mappings.flags, mappings.has_flags)
    return _table(
        "vma_extent",
        {
            "extent_id": pa.array(np.arange(len(mappings.mm)) + offsets.extent),
            "vma_id": pa.array(mappings.vma_of_record + offsets.vma),
            "mm_id": pa.array(mappings.mm + offsets.mm),
            "ts_ns": pa.array(np.where(mappings.ts == ALWAYS, first_ns, mappings.ts)),
            "start_addr": pa.array(mappings.start.astype(np.uint64)),
            "end_addr": pa.array(mappings.end.astype(np.uint64)),
            "perms": labels(codes, PERMS),
        },
    )


def memory_call_rows(engine: Engine, offsets: Offsets) -> pa.Table:
    """One row a munmap, madvise or mremap."""
    calls = engine.memory_calls.rows()
    mm = engine.history.life_at(calls.tgid, calls.ts_ns)
    return _table(
        "memory_call",
        {
            "ts_ns": pa.array(calls.ts_ns),
            "tgid": pa.array(calls.tgid.astype(np.int32)),
            "mm_id": nullable(mm + offsets.mm, mm >= 0, pa.int64()),
            "call": labels(calls.call, list(CALLS)),
            "addr": pa.array(calls.addr.view(np.uint64)),
            "size_bytes": pa.array(calls.size_bytes),
            "new_addr": nullable(calls.new_addr.view(np.uint64), calls.new_addr != -1, pa.uint64()),
            "advice": nullable(calls.advice.astype(np.int32), calls.advice >= 0, pa.int32()),
        },
    )


def cgroup_rows(cgroups: pl.DataFrame) -> pa.Table:
    """One row a cgroup record."""
    names = [decode_name(raw) for raw in cgroups["path"].to_list()]
    ts = cgroups["ts_ns"].to_numpy()
    return _table(
        "cgroup",
        {
            "cgroup_id": pa.array(cgroups["cgroup_id"].to_numpy()),
            "path": text_labels(names),
            "ts_ns": nullable(ts, ts >= 0, pa.int64()),
        },
    )
