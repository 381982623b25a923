"""Call stacks: ftrace writes them as events of their own, right behind the event that they belong to.

They stay events, as ``trace-cmd report`` lists them; besides, the event before gets them as its call chain, in perf's form: a marker for
kernel or user, then the addresses, innermost first. An interrupt may put its own events in between. So a stack belongs to the nearest
event before it on its CPU, of the same task, that has none of its kind yet; one without such an event stays alone.

Sources: kernel/trace/trace.c (__ftrace_trace_stack, ftrace_trace_userstack), kernel/trace/trace_entries.h.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.base import EventDesc
from cowtrace.parsers.ftrace.rows import EventStore, Rows, field_of, numbers, tids
from cowtrace.parsers.traceevent.payload import Payloads
from cowtrace.parsers.words import Index, Words, ragged_index

KERNEL, USER = "ftrace:kernel_stack", "ftrace:user_stack"
STACK_EVENTS = (KERNEL, USER)
#: include/uapi/linux/perf_event.h (enum perf_callchain_context).
_MARKERS = {KERNEL: np.uint64((1 << 64) - 128), USER: np.uint64((1 << 64) - 512)}


class StackFinder:
    """Ties stacks to events."""

    def __init__(self, store: EventStore) -> None:
        self._pid = store.pid
        self._kind = np.zeros(len(store.descs) + 1, np.int8)
        for kind, name in enumerate(STACK_EVENTS, 1):
            self._kind[numbers(store.descs, name)] = kind

    def find(self, rows: Rows, stream: npt.NDArray[np.int32], is_new: npt.NDArray[np.bool_], into: dict[str, Index]) -> None:
        """Note for each event the row of its stack.

        Args:
            rows: In file order.
            stream: CPU and buffer of each row.
            is_new: Rows that were not looked at before.
            into: Row of the stack by kind, -1 without one; set for the events whose stacks are new.
        """
        kind = self._kind.take(rows.event)
        is_stack = kind > 0
        stack = np.flatnonzero(is_stack & is_new)
        if not len(stack):
            return
        owner = owners(is_stack, stream)[stack]
        stack, owner = stack[owner >= 0], owner[owner >= 0]
        same_task = tids(rows.some(owner), self._pid) == tids(rows.some(stack), self._pid)
        stack, owner = stack[same_task], owner[same_task]
        for number, name in enumerate(STACK_EVENTS, 1):
            of_kind = np.flatnonzero(kind[stack] == number)
            having, first = np.unique(owner[of_kind], return_index=True)
            free = into[name][having] < 0
            into[name][having[free]] = stack[of_kind[first[free]]]


def owners(is_stack: npt.NDArray[np.bool_], stream: npt.NDArray[np.int32]) -> Index:
    """For each row the last one up to it of its stream that is no stack; -1 without one."""
    # text mixes the CPUs; pages have them one after the other, and sorting what is sorted is cheap
    order = np.argsort(stream, kind="stable")
    latest = np.maximum.accumulate(np.where(is_stack[order], -1, np.arange(len(order))))
    found = np.full(len(order), -1, np.int64)
    near = (latest >= 0) & (stream[order[latest]] == stream[order])
    found[order[near]] = order[latest[near]]
    return found


@dataclass(frozen=True, slots=True)
class StackPayloads:
    """Payload of the stack of each event of a batch; size 0 without one."""

    start: Index
    size: Index


def chains(words: Words, descs: Sequence[EventDesc], count: int, stacks: dict[str, StackPayloads]) -> tuple[Index, npt.NDArray[np.uint64]]:
    """Call chains of ``count`` events as ``(offsets, ips)``."""
    parts = {name: _addresses(words, descs, name, place) for name, place in stacks.items()}
    lengths = {name: counts + (counts > 0) for name, (counts, _) in parts.items()}
    total = sum(lengths.values(), np.zeros(count, np.int64))
    offsets = np.zeros(count + 1, np.int64)
    np.cumsum(total, out=offsets[1:])
    ips = np.empty(int(offsets[-1]), np.uint64)
    at = offsets[:-1].copy()
    for name, (counts, addresses) in parts.items():
        ips[at[counts > 0]] = _MARKERS[name]
        index, _ = ragged_index(at + 1, counts)
        ips[index] = addresses
        at += lengths[name]
    return offsets, ips


def _addresses(words: Words, descs: Sequence[EventDesc], name: str, place: StackPayloads) -> tuple[Index, npt.NDArray[np.uint64]]:
    """Number of addresses of each stack, and all of them in a row; they end before the first that is 0 or all ones."""
    desc = next((desc for desc in descs if desc.name == name), None)
    caller, length = (None, None) if desc is None else (field_of(desc, "caller"), field_of(desc, "size"))
    if caller is None or caller.element_size not in (4, 8):
        return np.zeros(len(place.size), np.int64), np.empty(0, np.uint64)
    width = caller.element_size
    counts = np.maximum(place.size - caller.offset, 0) // width
    if length is not None and length.kind == "int":
        stated = Payloads(words, place.start, place.size).ints(length).astype(np.int64)
        counts = np.minimum(counts, np.maximum(stated, 0))
    number, offsets = ragged_index(np.zeros(len(counts), np.int64), counts)
    begin = np.repeat(place.start + caller.offset, counts) + number * width
    raw = words.take32(begin >> 2).astype(np.uint64)
    if width == 8:
        second = words.take32((begin >> 2) + 1).astype(np.uint64)
        low, high = (raw, second) if words.order == "<" else (second, raw)
        raw = low | high << np.uint64(32)
    ends = np.append(np.flatnonzero((raw == 0) | (raw == np.uint64((1 << 8 * width) - 1))), len(raw))
    kept = np.minimum(ends[np.searchsorted(ends, offsets[:-1])] - offsets[:-1], counts)
    index, _ = ragged_index(offsets[:-1], kept)
    return kept, raw[index]
