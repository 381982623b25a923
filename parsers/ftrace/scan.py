"""Pass 1 over the pieces, in file order: counts, losses, task facts, and when each piece begins.

Pass 2 merges the pieces by time and needs to know their first times beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.ftrace.facts import PLACES, TID_MAX, Collector
from cowtrace.parsers.ftrace.rows import EventStore, Loaded, Rows, numbers, tids
from cowtrace.parsers.ftrace.stacks import STACK_EVENTS, owners
from cowtrace.parsers.words import Array, Index

#: First time of a piece without events.
NEVER = np.iinfo(np.int64).max


@dataclass(slots=True)
class Scan:
    """What pass 1 found.

    Attributes:
        first_ns: Earliest time in each piece, ``NEVER`` without events; of a piece that begins with a call stack the time of the event that
            the stack belongs to, which is in the piece before.
        begins_with_stack: Which pieces those are.
        counts: Events by event number.
        unknown_count: Events of types without a format.
        damaged_count: Damaged parts.
        first_event_ns, last_event_ns: Times of the earliest and latest event; None without events.
        lost: Columns of losses: seq, ts_ns, cpu, instance, lost_events (-1: the kernel could not say).
        seen: Whether a tid occurs in the events.
    """

    first_ns: Index
    begins_with_stack: npt.NDArray[np.bool_]
    counts: Index
    unknown_count: int = 0
    damaged_count: int = 0
    first_event_ns: int | None = None
    last_event_ns: int | None = None
    lost: list[dict[str, Array]] = field(default_factory=list)
    seen: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(TID_MAX + 1, bool))


def scan(store: EventStore, collector: Collector, block_bytes: int) -> Scan:
    """Read all pieces once; ``collector`` gets every block."""
    pieces = len(store.sizes)
    result = Scan(np.full(pieces, NEVER), np.zeros(pieces, bool), np.zeros(len(store.descs), np.int64))
    stacks = _Owners(store)
    rows_before = 0
    for numbers_of_block in _blocks(store.sizes, block_bytes):
        found = store.load(numbers_of_block)
        rows = found.rows
        result.unknown_count += found.unknown_count
        result.damaged_count += found.damaged_count
        _note_losses(result, found, rows_before)
        collector.add(rows)
        rows_before += len(rows)
        if not len(rows):
            continue
        result.counts += np.bincount(rows.event, minlength=len(result.counts))
        task = tids(rows, store.pid)
        result.seen[task[(task >= 0) & (task <= TID_MAX)]] = True
        starts = np.flatnonzero(np.append(True, rows.piece[1:] != rows.piece[:-1]))
        np.minimum.at(result.first_ns, rows.piece[starts], np.minimum.reduceat(rows.ts_ns, starts))
        timed = rows.ts_ns[rows.ts_ns >= 0]
        if len(timed):
            low, high = int(timed.min()), int(timed.max())
            result.first_event_ns = low if result.first_event_ns is None else min(low, result.first_event_ns)
            result.last_event_ns = high if result.last_event_ns is None else max(high, result.last_event_ns)
        stacks.pull_forward(rows, result)
    return result


def _blocks(sizes: Index, block_bytes: int) -> Iterator[Index]:
    """Consecutive pieces of up to ``block_bytes`` together, at least one."""
    ends = np.cumsum(sizes)
    first = 0
    while first < len(sizes):
        begin = int(ends[first] - sizes[first])
        behind = max(int(np.searchsorted(ends, begin + block_bytes, side="right")), first + 1)
        yield np.arange(first, behind)
        first = behind


def _note_losses(result: Scan, found: Loaded, rows_before: int) -> None:
    if found.lost and len(found.lost["row"]):
        lost = dict(found.lost)
        lost["seq"] = (rows_before + lost.pop("row")) * PLACES
        result.lost.append(lost)


class _Owners:
    """Remembers, per stream, the last event that was no call stack."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._is_stack = np.zeros(len(store.descs) + 1, bool)
        self._is_stack[numbers(store.descs, *STACK_EVENTS)] = True
        self._last: dict[int, int] = {}

    def pull_forward(self, rows: Rows, result: Scan) -> None:
        """Let pieces that start with a call stack begin with the event that it belongs to."""
        if not self._is_stack.any():
            return
        stream = self._store.streams(rows)
        is_stack = self._is_stack.take(rows.event)
        owner = owners(is_stack, stream)
        stacks = np.flatnonzero(is_stack)
        apart = stacks[(owner[stacks] < 0) | (rows.piece[owner[stacks]] != rows.piece[stacks])]
        for stack in apart.tolist():
            at = int(owner[stack])
            time = int(rows.ts_ns[at]) if at >= 0 else self._last.get(int(stream[stack]))
            if time is not None:
                piece = int(rows.piece[stack])
                result.first_ns[piece] = min(int(result.first_ns[piece]), time)
                result.begins_with_stack[piece] = True
        plain = np.flatnonzero(~is_stack)
        streams, last = np.unique(stream[plain][::-1], return_index=True)
        self._last.update(zip(streams.tolist(), rows.ts_ns[plain[::-1][last]].tolist(), strict=True))
