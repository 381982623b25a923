"""Samples in time order, from blocks that are in file order.

The recorder empties one ring buffer after the other, so a file goes back in time at every change of CPU. The order wanted is a stable
sort of everything by time. Pass 1 notes the earliest time of each block; pass 2 loads blocks by that time, and after each one lets go
of everything that no later block can precede. What is let go late is copied to the front of the next buffer:

    block 1  [ 3 5 4 9 ]            later blocks start at 6    out: 3 4 5        kept: 9
    block 2  [ 6 8 7 ]  + 9         later blocks start at 10   out: 6 7 8 9      kept: -

Memory is one buffer plus what overlaps in time. The recorder's own FINISHED_ROUND marks are not needed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from cowtrace.errors import TruncatedError
from cowtrace.parsers.perfdata.samples import SampleDecoder
from cowtrace.parsers.perfdata.stream import Block
from cowtrace.parsers.perfdata.walk import heads
from cowtrace.parsers.source import Source, SpillFile
from cowtrace.parsers.words import Index, Words, pack


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """The samples of one block, as pass 1 found them.

    Attributes:
        source: File of the bytes.
        offset: Byte of the block's start.
        size: Bytes of the block.
        index_at: Byte of the index file at which the sample starts are, as u32 offsets in the block.
        count: Samples.
        first_key: Earliest place in time of any.
        seed: Place in time of samples without a time before the first sample with one.
        position: ``seq`` of a record at the block's first byte.
    """

    source: Source
    offset: int
    size: int
    index_at: int
    count: int
    first_key: int
    seed: int
    position: int


@dataclass(slots=True)
class SamplePlan:
    """Where all valid samples of a recording are: the result of pass 1.

    Attributes:
        index: Offsets of the samples.
        has_times: Some event has times. Without, the order is that of the file.
        blocks: In file order.
    """

    index: SpillFile
    has_times: bool
    blocks: list[BlockPlan] = field(default_factory=list)

    def add(self, block: Block, starts: Index, times: Index, *, seed: int, position: int) -> int:
        """Note the valid samples of a block, in file order; returns the seed of the next block."""
        if not len(starts):
            return seed
        keys = sort_keys(times, seed) if self.has_times else starts + position
        self.blocks.append(
            BlockPlan(
                source=block.source,
                offset=block.offset,
                size=block.words.size,
                index_at=self.index.size,
                count=len(starts),
                first_key=int(keys.min()),
                seed=seed,
                position=position,
            )
        )
        self.index.append(starts.astype(np.uint32).tobytes())
        return int(keys[-1])

    def starts(self, block: BlockPlan) -> Index:
        """Offsets of a block's samples."""
        data = self.index.read(block.index_at, 4 * block.count, "sample index")
        return np.frombuffer(data, np.uint32).astype(np.int64)


def sort_keys(times: Index, seed: int) -> Index:
    """Place in time of each sample: its time, or that of the sample before it in the file when it has none (-1)."""
    timed = times >= 0
    if timed.all():
        return times
    latest = np.maximum.accumulate(np.where(timed, np.arange(1, len(times) + 1), 0))
    return np.append(seed, times)[latest]


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive samples in time order.

    Attributes:
        words: Buffer that holds them.
        at: Word of each header.
        times: Nanoseconds; -1 without time.
        keys: What they are ordered by: place in time, or ``seq`` when no event has times.
    """

    words: Words
    at: Index
    times: Index
    keys: Index


@dataclass(slots=True)
class _Pending:
    """Samples in memory that are not let go yet, each block's in file order."""

    words: Words
    starts: Index
    times: Index
    keys: Index
    blocks: Index

    @classmethod
    def nothing(cls, order: str) -> _Pending:
        none = np.empty(0, np.int64)
        return cls(Words.empty(0, order), none, none, none, none)

    def in_order(self) -> Index:
        """Rows by key, equal ones in file order."""
        if (self.blocks[1:] >= self.blocks[:-1]).all():
            return np.argsort(self.keys, kind="stable")
        return np.lexsort((self.blocks, self.keys))

    def keep(self, rows: Index) -> _Pending:
        """Only some samples, in a buffer of their own."""
        starts = self.starts[rows]
        words, starts = pack(self.words, starts, self.words.take16((starts >> 1) + 3).astype(np.int64))
        return _Pending(words, starts, self.times[rows], self.keys[rows], self.blocks[rows])


def in_time_order(plan: SamplePlan, decoder: SampleDecoder, order: str, buffer_bytes: int) -> Iterator[Run]:
    """All samples of a plan; a run's buffer holds ``buffer_bytes`` and what was kept from before."""
    # A block's number is its place in the file: equal times come in file order, whatever the order of loading.
    queue = deque(sorted(range(len(plan.blocks)), key=lambda number: plan.blocks[number].first_key))
    pending = _Pending.nothing(order)
    while queue:
        numbers = [queue.popleft()]
        room = buffer_bytes - plan.blocks[numbers[0]].size
        while queue and plan.blocks[queue[0]].size <= room:
            numbers.append(queue.popleft())
            room -= plan.blocks[numbers[-1]].size
        pending = _load(plan, numbers, decoder, pending)
        rows = pending.in_order()
        ready = len(rows)
        if queue:
            keys, blocks = pending.keys[rows], pending.blocks[rows]
            next_key = plan.blocks[queue[0]].first_key
            low, high = np.searchsorted(keys, next_key, "left"), np.searchsorted(keys, next_key, "right")
            ready = int(low + np.searchsorted(blocks[low:high], queue[0]))
        if ready:
            out = rows[:ready]
            yield Run(pending.words, pending.starts[out] >> 3, pending.times[out], pending.keys[out])
        pending = pending.keep(np.sort(rows[ready:]))


def _load(plan: SamplePlan, numbers: Sequence[int], decoder: SampleDecoder, kept: _Pending) -> _Pending:
    """Read blocks behind what was kept."""
    size = kept.words.size + sum((plan.blocks[number].size + 7) & ~7 for number in numbers)
    words = Words.empty(size, kept.words.order)
    words.u8[: kept.words.size] = kept.words.u8[: kept.words.size]
    starts, times, keys, blocks = [kept.starts], [kept.times], [kept.keys], [kept.blocks]
    at = kept.words.size
    for number in numbers:
        block = plan.blocks[number]
        own_starts = plan.starts(block)
        if (own_starts & 7).any():
            raw = Words.read(block.source, block.offset, block.size, words.order)
            packed, own_starts = pack(raw, own_starts, heads(raw, own_starts)[1])
            words.u8[at : at + packed.size] = packed.u8[: packed.size]
        else:
            words.u8[at + block.size : (at + block.size + 7) & ~7] = 0
            if block.source.read_into(words.u8[at : at + block.size], block.offset) < block.size:
                raise TruncatedError(block.source.path, "the file became shorter while it was read", offset=block.offset)
        own_starts += at
        own_times = decoder.times(words, own_starts >> 3)
        starts.append(own_starts)
        times.append(own_times)
        keys.append(sort_keys(own_times, block.seed) if plan.has_times else plan.starts(block) + block.position)
        blocks.append(np.full(block.count, number, np.int64))
        at += (block.size + 7) & ~7
    parts = (np.concatenate(column) for column in (starts, times, keys, blocks))
    return _Pending(words, *parts)
