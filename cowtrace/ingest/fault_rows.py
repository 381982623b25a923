"""Attributed faults as rows of table ``fault``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cowtrace.attribution import facts as F
from cowtrace.attribution.asof import Int
from cowtrace.attribution.engine import Attributed, Engine
from cowtrace.attribution.pairing import Faults
from cowtrace.attribution.roles import EXC_KERNEL, EXC_USER
from cowtrace.schema import TABLES

_CPUMODE_KERNEL, _CPUMODE_USER = 1, 2  # include/uapi/linux/perf_event.h
_X86_INSTR = 16  # arch/x86/include/asm/trap_pf.h


@dataclass(frozen=True, slots=True)
class Offsets:
    """What is added to the row numbers of one recording when several share a store."""

    mm: int = 0
    fork: int = 0
    vma: int = 0
    stack: int = 0


def nullable(values: Int, valid: np.ndarray, kind: pa.DataType) -> pa.Array:
    """An Arrow array with NULL where ``valid`` is False."""
    return pa.array(values, mask=~valid).cast(kind) if not valid.all() else pa.array(values).cast(kind)


def labels(codes: Int, names: list[str]) -> pa.Array:
    """A dictionary array; NULL where the code is negative."""
    index = pa.array(codes.astype(np.int32), mask=codes < 0) if (codes < 0).any() else pa.array(codes.astype(np.int32))
    return pa.DictionaryArray.from_arrays(index, pa.array(names, pa.string()))


def fault_rows(engine: Engine, part: Attributed, offsets: Offsets, base_page_bytes: int) -> pa.Table:
    """One Arrow table in the declared schema, one row a fault."""
    faults, seen, rows = part.faults, part.seen, part.faults.rows
    start = faults.start
    count = len(start)
    known = np.ones(count, np.bool_)
    absent = pa.nulls(count)

    def optional(column: Int | None, kind: pa.DataType, valid: np.ndarray | None = None) -> pa.Array:
        if column is None:
            return absent.cast(kind)
        return nullable(column[start], known if valid is None else valid, kind)

    table = engine.verdicts
    pick = part.verdict
    wrote = np.array(table.column("wrote"), np.int64)[pick]
    write = wrote if isinstance(seen.write, int) else np.where(seen.write == F.UNKNOWN, wrote, seen.write)
    user, user_known = _is_user(faults)
    kinds, kind_code = _distinct(table.column("kind"))
    evidence, evidence_code = _distinct(table.column("evidence"))
    possible, possible_code = _distinct(table.column("possible"))
    sizes = {name: np.array(table.column(name), np.int64)[pick] for name in ("copied", "zeroed")}
    columns = {
        "ts_ns": pa.array(seen.ts_ns),
        "duration_ns": _where(seen.exit_ns, lambda ends: ends >= 0, lambda ends: ends - seen.ts_ns, pa.int64(), count),
        "cpu": optional(rows.cpu, pa.int32(), None if rows.cpu is None else rows.cpu[start] >= 0),
        "tgid": pa.array(rows.tgid[start].astype(np.int32)),
        "tid": pa.array(rows.tid[start].astype(np.int32)),
        "comm": labels(part.comm, engine.history.comm_names),
        "mm_id": nullable(part.mm + offsets.mm, part.mm >= 0, pa.int64()),
        "addr": optional(rows.addr, pa.uint64()) if rows.addr is None else pa.array(seen.addr.view(np.uint64)),
        "ip": optional(rows.ip, pa.uint64()) if rows.ip is None else pa.array(rows.ip[start].view(np.uint64)),
        "is_write": nullable(write == F.YES, write != F.UNKNOWN, pa.bool_()),
        "is_exec": _where(seen.error_code, lambda code: code >= 0, lambda code: (code & _X86_INSTR) != 0, pa.bool_(), count),
        "is_user": nullable(user, user_known, pa.bool_()),
        "is_major": _where(seen.major, lambda major: major != F.UNKNOWN, lambda major: major == F.YES, pa.bool_(), count),
        "error_code": _where(seen.error_code, lambda code: code >= 0, lambda code: code, pa.int32(), count),
        "kind": labels(kind_code[pick], kinds),
        "possible_kinds": labels(possible_code[pick], possible),
        "evidence": labels(evidence_code[pick], evidence),
        "confidence": pa.array(np.array(table.column("confidence"), np.float32)[pick]),
        "copied_bytes": _bytes(sizes["copied"], faults.order, base_page_bytes),
        "zeroed_bytes": _bytes(sizes["zeroed"], faults.order, base_page_bytes),
        "alloc_order": _where(-1 if faults.order is None else faults.order, lambda order: order >= 0, lambda order: order, pa.int8(), count),
        "fork_id": nullable(part.fork_id + offsets.fork, part.fork_id >= 0, pa.int64()),
        "fork_side": labels(np.where(part.fork_id >= 0, part.fork_side, -1), ["parent", "child"]),
        "vma_id": _vma_ids(engine, seen.record, offsets.vma),
        "cgroup_id": optional(rows.cgroup, pa.uint64()) if rows.cgroup is None else pa.array(rows.cgroup[start].view(np.uint64)),
        "stack_id": absent.cast(pa.int64()) if rows.stack is None else nullable(rows.stack[start] + offsets.stack, rows.stack[start] >= 0, pa.int64()),
        "weight": pa.array(np.ones(count, np.int64) if rows.period is None else np.maximum(rows.period[start], 1)),
    }  # fmt: skip
    schema = TABLES["fault"].arrow()
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _vma_ids(engine: Engine, record: Int, offset: int) -> pa.Array:
    if not len(engine.mappings.vma_of_record):
        return pa.nulls(len(record), pa.int64())
    return nullable(engine.mappings.vma_of_record[np.maximum(record, 0)] + offset, record >= 0, pa.int64())


def _where(
    column: Int | int, valid: Callable[[Int], np.ndarray], value: Callable[[Int], np.ndarray], kind: pa.DataType, count: int
) -> pa.Array:
    """An Arrow array of ``value(column)`` where ``valid(column)``; all NULL for a column that is not recorded."""
    if isinstance(column, int):
        return pa.nulls(count, kind)
    return nullable(value(column), valid(column), kind)


def _is_user(faults: Faults) -> tuple[np.ndarray, np.ndarray]:
    """The mode of the faulting instruction: from the exception event if there is one, else from the sample's cpumode."""
    rows, start = faults.rows, faults.start
    role = rows.role[np.where(faults.exception >= 0, faults.exception, start)]
    user, known = role == EXC_USER, (role == EXC_USER) | (role == EXC_KERNEL)
    if rows.cpumode is not None:
        mode = rows.cpumode[start]
        told = ~known & np.isin(mode, (_CPUMODE_KERNEL, _CPUMODE_USER))
        user, known = np.where(told, mode == _CPUMODE_USER, user), known | told
    return user, known


def _bytes(size_class: Int, order: Int | None, base: int) -> pa.Array:
    """Size class of a verdict in bytes: 0 nothing, 1 base page, 2 huge page, 3 the allocated folio, -1 NULL."""
    folio = np.full(len(size_class), base) if order is None else base << np.maximum(order, 0)
    values = np.select([size_class == 1, size_class == 2, size_class == 3], [base, 512 * base, folio], 0)
    return nullable(values, size_class >= 0, pa.int64())


def _distinct(values: list[object]) -> tuple[list[str], Int]:
    names = list(dict.fromkeys(value for value in values if isinstance(value, str)))
    place = {name: number for number, name in enumerate(names)}
    return names, np.array([place[value] if isinstance(value, str) else -1 for value in values], np.int64)
