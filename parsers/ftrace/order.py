"""Events in time order, from pieces that each are in time order.

Pass 1 noted when each piece begins. Pieces are loaded by that time, as many as fit the block; then everything that no later piece can
precede is let go, and the rest is copied to the front of the next block:

    CPU 0  [ 3 5 9 ][ 11 ]       loaded: 3 5 9 and 4 6; the next piece begins at 8      out: 3 4 5 6    kept: 9
    CPU 1  [ 4 6 ][ 8 12 ]       loaded: 8 12;          the next piece begins at 11     out: 8 9        kept: 12

Memory is one block and what overlaps it in time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from cowtrace.parsers.ftrace.rows import EventStore, Rows, numbers
from cowtrace.parsers.ftrace.scan import NEVER, Scan
from cowtrace.parsers.ftrace.stacks import STACK_EVENTS, StackFinder, StackPayloads
from cowtrace.parsers.words import Index, Words, pack


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive events in time order.

    Attributes:
        rows: The events.
        stacks: Payloads of their call stacks by kind; empty when the recording has none.
    """

    rows: Rows
    stacks: dict[str, StackPayloads]


@dataclass(slots=True)
class _Pending:
    """Events in memory that are not let go yet, in file order; ``stacks`` has the row of each event's stack by kind, -1 without one."""

    rows: Rows
    stacks: dict[str, Index] = field(default_factory=dict)

    def some(self, order: Index, count: int) -> _Pending:
        """Rows by number; the stacks follow to their new places."""
        new_place = np.full(count + 1, -1, np.int64)
        new_place[order] = np.arange(len(order))
        return _Pending(self.rows.some(order), {name: new_place[rows[order]] for name, rows in self.stacks.items()})

    def packed(self) -> _Pending:
        """The same with a buffer that holds nothing else."""
        # Payloads start at a multiple of 4: cut from the multiple of 8 below, which needs no shifting.
        shift = self.rows.start & 7
        words, start = pack(self.rows.words, self.rows.start - shift, self.rows.size + shift)
        rows = Rows(words, start + shift, self.rows.size, self.rows.ts_ns, self.rows.event, self.rows.piece)
        return _Pending(rows, self.stacks)

    def run(self, order: Index) -> Run:
        """Rows by number, to be let go."""
        stacks = {}
        for name, rows in self.stacks.items():
            stack = rows[order]
            size = np.where(stack >= 0, self.rows.size.take(stack, mode="clip"), 0)
            stacks[name] = StackPayloads(self.rows.start.take(stack, mode="clip"), size)
        return Run(self.rows.some(order), stacks)


class Merger:
    """Pass 2.

    Args:
        store: The pieces.
        scan: What pass 1 found.
        block_bytes: Bytes of pieces in memory at a time.
    """

    def __init__(self, store: EventStore, scan: Scan, block_bytes: int) -> None:
        self._store = store
        self._first_ns = scan.first_ns
        self._begins_with_stack = scan.begins_with_stack
        self._block_bytes = block_bytes
        has_stacks = scan.counts[numbers(store.descs, *STACK_EVENTS)].any()
        self._finder = StackFinder(store) if has_stacks else None

    def runs(self) -> Iterator[Run]:
        """All events of the file."""
        filled = np.flatnonzero(self._first_ns != NEVER)
        queue = filled[np.argsort(self._first_ns[filled], kind="stable")]
        ends = np.cumsum(self._store.sizes[queue])
        none = np.empty(0, np.int64)
        nothing = Rows(Words.empty(0, self._store.order), none, none, none, none.astype(np.uint16), none.astype(np.int32))
        pending = _Pending(nothing, {name: none for name in STACK_EVENTS} if self._finder else {})
        at = 0
        while at < len(queue):
            begin = int(ends[at] - self._store.sizes[queue[at]])
            behind = max(int(np.searchsorted(ends, begin + self._block_bytes, side="right")), at + 1)
            pending = self._load(np.sort(queue[at:behind]), pending)
            order = np.argsort(pending.rows.ts_ns, kind="stable")
            ready = len(order) if behind == len(queue) else self._ready(pending.rows, order, int(queue[behind]))
            if ready:
                yield pending.run(order[:ready])
            pending = pending.some(np.sort(order[ready:]), len(order)).packed()
            at = behind

    def _ready(self, rows: Rows, order: Index, next_piece: int) -> int:
        """How many of the sorted rows no later piece can precede; at equal times the order of the file counts.

        An event whose stack is still to come is not ready either.
        """
        next_ns = self._first_ns[next_piece]
        times = rows.ts_ns[order]
        low, high = np.searchsorted(times, [next_ns, next_ns + 1])
        if self._begins_with_stack[next_piece]:
            return int(low)
        return int(low + np.searchsorted(rows.piece[order[low:high]], next_piece))

    def _load(self, pieces: Index, kept: _Pending) -> _Pending:
        """Read pieces and bring everything in file order."""
        new = self._store.load(pieces, kept.rows.words).rows
        count = len(kept.rows) + len(new)
        rows = kept.rows.followed_by(new)
        stacks = {name: np.append(old, np.full(len(new), -1, np.int64)) for name, old in kept.stacks.items()}
        pending = _Pending(rows, stacks)
        is_new = np.arange(count) >= len(kept.rows)
        if len(kept.rows) and len(new):
            order = np.argsort(rows.piece, kind="stable")
            pending = pending.some(order, count)
            is_new = is_new[order]
        if self._finder is not None:
            self._finder.find(pending.rows, self._store.streams(pending.rows), is_new, pending.stacks)
        return pending
