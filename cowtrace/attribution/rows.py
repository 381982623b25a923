"""The columns of a batch that attribution needs, decoded once, and able to wait for the next batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from cowtrace.attribution import roles as R
from cowtrace.attribution.asof import Int
from cowtrace.parsers.base import EventBatch, EventDesc

#: Addresses from here on are the kernel's own (x86-64 and arm64: the upper half).
KERNEL_HALF = 1 << 63


#: Lengths are pages, so their low bits have room for the advice of a madvise (include/uapi/asm-generic/mman-common.h: below 256).
ADVICE_BITS = 8

#: Columns that are narrower than int64.
Small = npt.NDArray[Any]


@dataclass(slots=True)
class Rows:
    """Events in time order, one array a column: int64[n], tid, tgid and cpu int32[n], role and cpumode a byte. None: not recorded.

    ``first`` and ``second`` hold the payload fields of the role: exceptions (error_code, address), allocations (order, gfp_flags),
    rss_stat (member, curr), new tasks (pid, clone_flags), mremap (addr, new_len) and its return, munmap (addr, len), madvise (start,
    length << ADVICE_BITS | advice), calls of a fault handler (marks, end). ``stack`` is a stack number, -1 without. ``seq`` numbers the
    events of the recording; None where time order is all that is needed.
    """

    ts_ns: Int
    tid: Small
    tgid: Small
    role: Small
    first: Int | None = None
    second: Int | None = None
    cpu: Small | None = None
    ip: Int | None = None  # uint64 bits
    addr: Int | None = None  # uint64 bits
    phys: Int | None = None
    page_size: Int | None = None
    period: Int | None = None
    cgroup: Int | None = None
    cpumode: Small | None = None
    stack: Int | None = None
    seq: Int | None = None

    def __len__(self) -> int:
        return len(self.ts_ns)

    def take(self, index: Int) -> Rows:
        """The rows with these numbers."""
        picked: dict[str, Any] = {f.name: None if (c := getattr(self, f.name)) is None else c[index] for f in fields(self)}
        return Rows(**picked)

    def after(self, earlier: Rows) -> Rows:
        """Both, the earlier rows first."""
        joined: dict[str, Any] = {}
        for f in fields(self):
            mine, theirs = getattr(self, f.name), getattr(earlier, f.name)
            joined[f.name] = None if mine is None or theirs is None else np.concatenate([theirs, mine])
        return Rows(**joined)


def decode_rows(batch: EventBatch, roles: R.Roles, events: list[EventDesc], stacks: Callable[[EventBatch], Int] | None) -> Rows:
    """Decode a batch.

    Args:
        batch: Events in time order.
        roles: Roles of the recording's events.
        events: Its events.
        stacks: Gives the stack number of every row; None when call chains are not recorded.
    """
    columns, count = batch.columns, batch.count
    role = np.take(np.array(roles.of_event, np.int8), batch.event)
    # calls of fault handlers are put among the rows later, and carry their marks there
    needs_payload = roles.has_spans or any(roles.names(role) for role in _PAYLOAD)
    rows = Rows(
        ts_ns=columns["ts_ns"] if "ts_ns" in columns else np.full(count, -1, np.int64),
        tid=columns["tid"] if "tid" in columns else np.full(count, -1, np.int32),
        tgid=columns["tgid"] if "tgid" in columns else np.full(count, -1, np.int32),
        role=role,
        first=np.zeros(count, np.int64) if needs_payload else None,
        second=np.zeros(count, np.int64) if needs_payload else None,
        cpu=columns.get("cpu"),
        ip=columns["ip"].view(np.int64) if "ip" in columns else None,
        addr=columns["addr"].view(np.int64) if "addr" in columns else None,
        phys=columns["phys_addr"].view(np.int64) if "phys_addr" in columns else None,
        page_size=columns.get("data_page_size"),
        period=columns.get("period"),
        cgroup=columns["cgroup_id"].view(np.int64) if "cgroup_id" in columns else None,
        cpumode=columns.get("cpumode"),
        stack=stacks(batch) if stacks else None,
    )
    exceptions = [events[event] for role in (R.EXC_USER, R.EXC_KERNEL) for event in roles.names(role)]
    if exceptions:
        # also where none occurs in this batch: rows of batches are joined
        rows.addr = _own(rows.addr, count)
        if any(field.name == "ip" for event in exceptions for field in event.fields):
            rows.ip = _own(rows.ip, count)
    for wanted, names in _PAYLOAD.items():
        for event in roles.names(wanted):
            _fill(rows, batch, events[event], names)
    return rows


#: Role -> payload fields of ``first`` and ``second``; the first name that the format has is taken (kernels renamed some).
_PAYLOAD: dict[int, tuple[tuple[str, ...], tuple[str, ...]]] = {
    R.EXC_USER: (("error_code",), ("address",)),
    R.EXC_KERNEL: (("error_code",), ("address",)),
    R.ALLOC: (("order",), ("gfp_flags",)),
    R.RSS: (("member",), ("curr",)),
    R.NEWTASK: (("pid",), ("clone_flags",)),
    R.MREMAP_ENTER: (("addr",), ("new_len",)),
    R.MREMAP_EXIT: (("ret",), ("ret",)),
    R.MUNMAP: (("addr", "start"), ("len",)),
    R.MADVISE: (("start",), ("len_in", "len")),
}


def _fill(rows: Rows, batch: EventBatch, event: EventDesc, names: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
    at = batch.rows(event.index)
    if not len(at) or rows.first is None or rows.second is None:
        return
    have = {field.name for field in event.fields}
    for target, choices in zip((rows.first, rows.second), names, strict=True):
        name = next((choice for choice in choices if choice in have), None)
        if name is not None:
            target[at] = batch.field(event.index, name).astype(np.int64, copy=False)
    if event.base_name.endswith("sys_enter_madvise"):
        advice = batch.field(event.index, "behavior").astype(np.int64, copy=False) if "behavior" in have else np.zeros(len(at), np.int64)
        rows.second[at] = (rows.second[at] & ((1 << 56) - 1)) << ADVICE_BITS | advice & ((1 << ADVICE_BITS) - 1)
    if event.base_name.startswith("exceptions:"):
        # a tracepoint's own addr is 0 and its ip in the kernel: those of the fault are in the payload
        rows.addr = _own(rows.addr, len(rows))
        rows.addr[at] = rows.second[at]
        if "ip" in have:
            rows.ip = _own(rows.ip, len(rows))
            rows.ip[at] = batch.field(event.index, "ip").astype(np.uint64, copy=False).view(np.int64)


def _own(column: Int | None, count: int) -> Int:
    """A column that may be written to."""
    if column is None:
        return np.zeros(count, np.int64)
    return column if column.flags.writeable else column.copy()
