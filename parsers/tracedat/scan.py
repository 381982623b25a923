"""Pass 1 over the pages, in file order: counts, losses, task facts, and when each piece begins.

Pass 2 merges the pieces by time and needs to know their first times beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.tracedat.decode import Decoded, Decoder, Rows
from cowtrace.parsers.tracedat.facts import PLACES, TID_MAX, Collector
from cowtrace.parsers.tracedat.pieces import PageStore, Pieces
from cowtrace.parsers.tracedat.stacks import STACK_EVENTS
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
        damaged_count: Damaged pages.
        first_event_ns, last_event_ns: Times of the earliest and latest event; None without events.
        lost: Columns of losses that pages tell: seq, ts_ns, piece, lost_events (-1: the kernel could not say).
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


def scan(store: PageStore, decoder: Decoder, collector: Collector, block_bytes: int) -> Scan:
    """Read all pieces once; ``collector`` gets every block."""
    pieces = store.pieces
    result = Scan(np.full(len(pieces), NEVER), np.zeros(len(pieces), bool), np.zeros(len(decoder.descs), np.int64))
    is_stack = np.zeros(len(decoder.descs) + 1, bool)
    is_stack[decoder.numbers(*STACK_EVENTS)] = True
    owners = _Owners(is_stack, pieces)
    rows_before = 0
    for numbers in _blocks(pieces.plain, block_bytes):
        found = decoder.decode(store.load(numbers))
        rows = found.rows
        result.unknown_count += found.unknown_count
        result.damaged_count += found.damaged_count
        _note_losses(result, found, rows_before)
        collector.add(rows)
        rows_before += len(rows)
        if not len(rows):
            continue
        result.counts += np.bincount(rows.event, minlength=len(result.counts))
        tids = decoder.tids(rows)
        result.seen[tids[(tids >= 0) & (tids <= TID_MAX)]] = True
        np.minimum.at(result.first_ns, rows.piece[_run_starts(rows.piece)], _run_minimum(rows))
        low, high = int(rows.ts_ns.min()), int(rows.ts_ns.max())
        result.first_event_ns = low if result.first_event_ns is None else min(low, result.first_event_ns)
        result.last_event_ns = high if result.last_event_ns is None else max(high, result.last_event_ns)
        owners.pull_forward(rows, result)
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


def _run_starts(piece: npt.NDArray[np.int32]) -> Index:
    return np.flatnonzero(np.append(True, piece[1:] != piece[:-1]))


def _run_minimum(rows: Rows) -> Index:
    return np.minimum.reduceat(rows.ts_ns, _run_starts(rows.piece))


def _note_losses(result: Scan, found: Decoded, rows_before: int) -> None:
    events = found.events
    if len(events.lost_page):
        first = np.searchsorted(events.page, events.lost_page)
        seq = (rows_before + first) * PLACES
        result.lost.append({"seq": seq, "ts_ns": found.lost_ts_ns, "piece": found.lost_piece, "lost_events": events.lost_events})


class _Owners:
    """Remembers, per CPU, the last event that was no call stack."""

    def __init__(self, is_stack: npt.NDArray[np.bool_], pieces: Pieces) -> None:
        self._is_stack = is_stack
        self._stream = pieces.stream
        self._last: dict[int, int] = {}

    def pull_forward(self, rows: Rows, result: Scan) -> None:
        """Let pieces that start with a call stack begin with the event that it belongs to."""
        if not self._is_stack.any():
            return
        stack = self._is_stack.take(rows.event)
        latest = np.maximum.accumulate(np.where(stack, -1, np.arange(len(rows))))
        starts = _run_starts(rows.piece)
        for start in starts[stack[starts]].tolist():
            piece = int(rows.piece[start])
            stream = int(self._stream[piece])
            owner = int(latest[start])
            if owner >= 0 and self._stream[rows.piece[owner]] == stream:
                time: int | None = int(rows.ts_ns[owner])
            else:
                time = self._last.get(stream)
            if time is not None:
                result.first_ns[piece] = min(int(result.first_ns[piece]), time)
                result.begins_with_stack[piece] = True
        for end in np.append(starts[1:] - 1, len(rows) - 1).tolist():
            owner = int(latest[end])
            stream = int(self._stream[rows.piece[end]])
            if owner >= 0 and self._stream[rows.piece[owner]] == stream:
                self._last[stream] = int(rows.ts_ns[owner])
