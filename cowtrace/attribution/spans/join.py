"""Calls of fault handlers among the events, and which of them belong to one fault.

A fault whose handler had to wait calls it again (VM_FAULT_RETRY). A handler called without an exception (populate, ptrace, writes of
another process) is no fault of table ``fault``: nothing was interrupted, and no exception counts it.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from cowtrace.attribution import roles as R
from cowtrace.attribution.asof import Int
from cowtrace.attribution.rows import Rows
from cowtrace.attribution.spans import functions as C
from cowtrace.attribution.spans import marks as M
from cowtrace.attribution.spans.builder import Handled
from cowtrace.attribution.spans.edges import NOT_TOLD

#: Handlers that wait for something and are then called again.
_FILE = sum(1 << part for part in (C.FAULT, C.COW_FAULT, C.READ_FAULT, C.SHARED_FAULT))
_PATHS = _FILE | sum(1 << part for part in (C.ANON, C.WP, C.SWAP, C.THP_ANON, C.THP_WP, C.HUGETLB, C.NUMA, C.NEW_ANON))


def with_handled(rows: Rows, handled: Handled, first_seq: int) -> Rows:
    """Events of a batch and the handler calls that it completed, in the order in which they began.

    Args:
        rows: Events of the batch; those that say nothing of faults are left out, calls of functions above all.
        handled: Calls of fault handlers.
        first_seq: Number of the batch's first event in the recording.
    """
    rows = replace(rows, seq=np.arange(len(rows)) + first_seq)
    keep = np.flatnonzero(rows.role != R.OTHER)
    rows = rows.take(keep) if len(keep) < len(rows) else rows
    count = len(handled.ts_ns)
    if not count:
        return rows
    told = {
        "seq": handled.seq,
        "ts_ns": handled.ts_ns,
        "tid": handled.tid.astype(np.int32),
        "tgid": handled.tgid.astype(np.int32),
        "cpu": handled.cpu.astype(np.int32),
        "role": np.full(count, R.SPAN, np.int8),
        "first": handled.marks,
        "second": handled.end_ns,
        "addr": np.where(handled.addr == NOT_TOLD, 0, handled.addr),
        "stack": np.full(count, -1, np.int64),
        "period": np.ones(count, np.int64),
    }
    if rows.addr is None and (handled.addr != NOT_TOLD).any():
        rows.addr = np.zeros(len(rows), np.int64)
    if rows.first is None:
        rows.first, rows.second = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    columns: dict[str, Any] = {}
    for field in fields(Rows):
        column = getattr(rows, field.name)
        columns[field.name] = None if column is None else told.get(field.name, np.zeros(count, column.dtype))
    return in_order(Rows(**columns).after(rows))


def in_order(rows: Rows) -> Rows:
    """The rows by number of their event."""
    if rows.seq is None or (rows.seq[1:] > rows.seq[:-1]).all():
        return rows
    return rows.take(np.argsort(rows.seq, kind="stable"))


def repeats(marks: Int, addr: Int | None) -> np.ndarray:
    """bool for each call but the first: it is the same fault as the call before, tried again. Calls of one thread, in order.

    Args:
        marks: Marks of n calls.
        addr: Their addresses, where arguments are recorded.

    Returns:
        bool[n - 1].
    """
    before, after = marks[:-1], marks[1:]
    told = before & M.RETURNED != 0
    by_return = before & M.RETRY != 0
    again = after & M.TRIED != 0
    if addr is not None:
        both = (before & M.FLAGS_TOLD != 0) & (after & M.FLAGS_TOLD != 0)
        fell_back = (before & M.VMA_LOCKED != 0) & (after & M.VMA_LOCKED == 0) & (before & M.WROTE == after & M.WROTE)
        again |= both & (addr[:-1] == addr[1:]) & fell_back
    unfinished = (before & M.UNFINISHED != 0) & (before & _PATHS & after != 0)
    result: np.ndarray = np.where(told, by_return, again | unfinished)
    return result


def continues(marks: Int) -> np.ndarray:
    """bool for each call but the first: within one fault it may be another try. As ``repeats``, where the fault is known to be one."""
    before, after = marks[:-1], marks[1:]
    told = before & M.RETURNED != 0
    waits = _FILE | 1 << C.SWAP
    possible = (before & after & waits != 0) | (before & _PATHS == 0) | (before & M.UNFINISHED != 0)
    result: np.ndarray = np.where(told, before & M.RETRY != 0, possible | (after & M.TRIED != 0))
    return result


def gather(owner: Int, marks: Int, end_ns: Int, count: int) -> tuple[Int, Int]:
    """Marks and end of each of ``count`` faults from those of the calls that belong to it, in the order of faults; 0 and -1 without.

    Args:
        owner: Fault of each call, ascending; calls of one fault in order.
        marks: Of each call.
        end_ns: Of each call.
        count: Number of faults.
    """
    all_marks, ends = np.zeros(count, np.int64), np.full(count, -1, np.int64)
    if len(owner):
        first = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
        last = np.append(first[1:], len(owner)) - 1
        # what an earlier try returned is past
        earlier = np.ones(len(owner), np.bool_)
        earlier[last] = False
        said = np.where(earlier, marks & ~(M.RETRY | M.FAILED | M.UNFINISHED), marks)
        all_marks[owner[first]] = np.bitwise_or.reduceat(said, first)
        tried = first != last
        all_marks[owner[first[tried]]] |= M.TRIED_AGAIN
        ends[owner[last]] = end_ns[last]
    return all_marks, ends


def within_one_fault(owner: Int, marks: Int) -> Int:
    """Which calls belong to their fault: the first, and those that may be another try of it. Numbers, ascending."""
    if not len(owner):
        return owner
    starts = np.r_[True, owner[1:] != owner[:-1]]
    breaks = ~starts
    breaks[1:] &= ~continues(marks)
    broken = np.cumsum(breaks)
    at_start = np.maximum.accumulate(np.where(starts, np.arange(len(owner)), 0))
    return np.flatnonzero(broken == broken[at_start])
