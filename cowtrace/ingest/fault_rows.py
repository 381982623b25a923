"""Attributed faults as rows of table ``fault``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from cowtrace.attribution import facts as F
from cowtrace.attribution.asof import Int
from cowtrace.attribution.engine import Attributed, Engine
from cowtrace.attribution.pairing import Faults
from cowtrace.attribution.roles import EXC_KERNEL, EXC_USER
from cowtrace.attribution.verdict import Verdict
from cowtrace.schema import TABLES

_CPUMODE_KERNEL, _CPUMODE_USER = 1, 2  # include/uapi/linux/perf_event.h
#: Names that are not worth a look at which are used.
_FEW_NAMES = 256
_X86_INSTR = 16  # arch/x86/include/asm/trap_pf.h


@dataclass(frozen=True, slots=True)
class Offsets:
    """What is added to the row numbers of one recording when several share a store."""

    mm: int = 0
    fork: int = 0
    vma: int = 0
    stack: int = 0
    extent: int = 0


def nullable(values: Int, valid: np.ndarray, kind: pa.DataType) -> pa.Array:
    """An Arrow array with NULL where ``valid`` is False."""
    return pa.array(values, kind, mask=None if valid.all() else ~valid)


def labels(codes: np.ndarray, names: list[str]) -> pa.Array:
    """A dictionary array; NULL where the code is negative. Of many names only those in use are kept."""
    absent = codes < 0
    if len(names) > _FEW_NAMES:
        used = np.zeros(len(names) + 1, np.bool_)
        used[codes] = True
        names = [names[code] for code in np.flatnonzero(used[:-1]).tolist()]
        codes = (np.cumsum(used) - 1).take(codes, mode="wrap")
    index = pa.array(codes.astype(np.int32, copy=False), mask=absent if absent.any() else None)
    return pa.DictionaryArray.from_arrays(index, pa.array(names, pa.string()))


def text_labels(texts: Iterable[str | None]) -> pa.Array:
    """The same from texts; NULL for None. (``dictionary_encode`` would import pyarrow.compute, for 0.03 s.)"""
    numbers: dict[str, int] = {}
    codes = [-1 if text is None else numbers.setdefault(text, len(numbers)) for text in texts]
    return labels(np.array(codes, np.int32), list(numbers))


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of a recording when a batch is attributed; later batches do not change it.

    Attributes:
        verdicts: Rows of the verdict table.
        comm_names: Names by code.
        vma_of_record: ``vma_id`` of each mapping record.
        offsets: Of this recording in the store.
        base_page_bytes: Bytes of a base page.
    """

    verdicts: list[Verdict]
    comm_names: list[str]
    vma_of_record: Int
    offsets: Offsets
    base_page_bytes: int


def context_of(engine: Engine, offsets: Offsets, base_page_bytes: int) -> Context:
    """The present context: rows of an attributed batch may then be made in another thread while the engine goes on."""
    names, mappings = list(engine.history.comm_names), engine.mappings
    verdicts = list(engine.verdicts.rows)
    if engine.evidence_of_calls != "span":
        verdicts = [replace(row, evidence=engine.evidence_of_calls) if row.evidence == "span" else row for row in verdicts]
    return Context(verdicts, names, mappings.vma_of_record, offsets, base_page_bytes)


def fault_rows(context: Context, part: Attributed) -> pa.Table:
    """One Arrow table in the declared schema, one row a fault."""
    faults, seen, rows, offsets = part.faults, part.seen, part.faults.rows, context.offsets
    start, pick = faults.start, part.verdict
    count = len(start)
    whole = count == len(rows)

    def at_start(column: Int | None) -> Any:
        return None if column is None else column if whole else column[start]

    def verdicts(name: str, kind: Any = np.int64) -> Int:
        return np.array([getattr(verdict, name) for verdict in context.verdicts], kind)

    wrote = verdicts("wrote", np.int8)[pick]
    write = wrote if isinstance(seen.write, int) else np.where(seen.write == F.UNKNOWN, wrote, seen.write)
    user, user_known = _is_user(faults, at_start(rows.cpumode))
    cpu, ip, cgroup, stack, period = (at_start(column) for column in (rows.cpu, rows.ip, rows.cgroup, rows.stack, rows.period))
    columns = {
        "ts_ns": pa.array(seen.ts_ns),
        "duration_ns": _where(seen.exit_ns, lambda ends: ends >= 0, lambda ends: ends - seen.ts_ns, pa.int64(), count),
        "cpu": pa.nulls(count, pa.int32()) if cpu is None else nullable(cpu, cpu >= 0, pa.int32()),
        "tgid": pa.array(at_start(rows.tgid)),
        "tid": pa.array(at_start(rows.tid)),
        "comm": labels(part.comm, context.comm_names),
        "mm_id": nullable(part.mm + offsets.mm, part.mm >= 0, pa.int64()),
        "addr": pa.nulls(count, pa.uint64()) if rows.addr is None else pa.array(seen.addr.view(np.uint64)),
        "ip": pa.nulls(count, pa.uint64()) if ip is None else _instruction(ip, rows.addr is not None, seen.addr),
        "is_write": nullable(write == F.YES, write != F.UNKNOWN, pa.bool_()),
        "is_exec": _where(seen.error_code, lambda code: code >= 0, lambda code: (code & _X86_INSTR) != 0, pa.bool_(), count),
        "is_user": nullable(user, user_known, pa.bool_()),
        "is_major": _where(seen.major, lambda major: major != F.UNKNOWN, lambda major: major == F.YES, pa.bool_(), count),
        "error_code": _where(seen.error_code, lambda code: code >= 0, lambda code: code, pa.int32(), count),
        "kind": _named(verdicts("kind", object), pick),
        "possible_kinds": _named(verdicts("possible", object), pick),
        "evidence": _named(verdicts("evidence", object), pick),
        "confidence": pa.array(verdicts("confidence", np.float32)[pick]),
        "copied_bytes": _bytes(verdicts("copied"), pick, faults.order, context.base_page_bytes),
        "zeroed_bytes": _bytes(verdicts("zeroed"), pick, faults.order, context.base_page_bytes),
        "alloc_order": _where(
            -1 if faults.order is None else faults.order, lambda order: order >= 0, lambda order: order, pa.int8(), count
        ),
        "fork_id": nullable(part.fork_id + offsets.fork, part.fork_id >= 0, pa.int64()),
        "fork_side": labels(np.where(part.fork_id >= 0, part.fork_side, -1), ["parent", "child"]),
        "vma_id": _vma_ids(context, seen.record),
        "extent_id": _where(seen.record, lambda record: record >= 0, lambda record: record + offsets.extent, pa.int64(), count),
        "cgroup_id": pa.nulls(count, pa.uint64()) if cgroup is None else pa.array(cgroup.view(np.uint64)),
        "stack_id": pa.nulls(count, pa.int64()) if stack is None else nullable(stack + offsets.stack, stack >= 0, pa.int64()),
        "weight": pa.array(np.ones(count, np.int64) if period is None else np.maximum(period, 1)),
    }  # fmt: skip
    schema = TABLES["fault"].arrow()
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _vma_ids(context: Context, record: Int) -> pa.Array:
    if not len(context.vma_of_record):
        return pa.nulls(len(record), pa.int64())
    return nullable(context.vma_of_record[np.maximum(record, 0)] + context.offsets.vma, record >= 0, pa.int64())


def _where(
    column: Int | int, valid: Callable[[Int], np.ndarray], value: Callable[[Int], np.ndarray], kind: pa.DataType, count: int
) -> pa.Array:
    """An Arrow array of ``value(column)`` where ``valid(column)``; all NULL for a column that is not recorded."""
    if isinstance(column, int):
        return pa.nulls(count, kind)
    return nullable(value(column), valid(column), kind)


def _instruction(ip: Int, has_addr: bool, addr: Int) -> pa.Array:
    """NULL where it is not known: texts show the kernel's own by name only. Instruction 0 is real after a jump to address 0."""
    told = (ip != 0) | (addr == 0) if has_addr else ip != 0
    return nullable(ip.view(np.uint64), told, pa.uint64())


def _is_user(faults: Faults, mode: Int | None) -> tuple[np.ndarray, np.ndarray]:
    """The mode of the faulting instruction: from the exception event if there is one, else from the sample's cpumode."""
    role = faults.rows.role[np.where(faults.exception >= 0, faults.exception, faults.start)]
    user, known = role == EXC_USER, (role == EXC_USER) | (role == EXC_KERNEL)
    if mode is not None:
        told = ~known & ((mode == _CPUMODE_KERNEL) | (mode == _CPUMODE_USER))
        user, known = np.where(told, mode == _CPUMODE_USER, user), known | told
    return user, known


def _bytes(size_class: Int, pick: Int, order: Int | None, base: int) -> pa.Array:
    """Size class of each row's verdict in bytes: 0 nothing, 1 base page, 2 huge page, 3 the allocated folio, -1 NULL."""
    values = np.array([0, base, 512 * base, base, 0])[size_class][pick]
    if order is not None and (size_class == 3).any():
        folio = np.flatnonzero((size_class == 3)[pick])
        values[folio] = base << np.maximum(order[folio], 0)
    return nullable(values, (size_class >= 0)[pick], pa.int64())


def _named(names: np.ndarray, pick: Int) -> pa.Array:
    """The name of each row's verdict; NULL where it is None."""
    distinct = list(dict.fromkeys(name for name in names if name is not None))
    place = {name: number for number, name in enumerate(distinct)}
    return labels(np.array([place.get(name, -1) for name in names], np.int32)[pick], distinct)
