"""Where records start: the chain ``position += size`` of a whole buffer, followed in many places at once.

Each record only says where the next one is, so the walk is sequential by nature. It is made wide by guessing one record start per
chunk, following all chunks in lockstep, and then proving the guesses: a chunk counts only if the chunk before it ended exactly on
its start. What can't be proven is walked again one by one, so the result never depends on a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from struct import Struct

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.perfdata.records import AUXTRACE, COMPRESSED, COMPRESSED2, HEADER_TRACING_DATA, SAMPLE
from cowtrace.parsers.words import Index, Words, pack

#: Stretches up to this size are walked one by one.
_SMALL_BYTES = 64 * 1024
#: So are this many bytes after something irregular. Longer than any record: each stretch makes progress.
_CAREFUL_BYTES = 64 * 1024
_CHUNK_BYTES = 4 * 1024
#: Words at the start of a chunk in which a SAMPLE header is looked for.
_LOOK_WORDS, _LOOK_FIRST_WORDS = 96, 16
#: Records of each chunk that are followed before anything is checked.
_STEPS = 16
#: Chunks left below which a step of all of them costs more than walking each of them to its end.
_FEW = 16
_HEADER_BYTES = 8
#: Header and the size of the payload, of the two records with a payload outside of their own size.
_TRACING_DATA_BYTES, _AUXTRACE_BYTES = 8 + 4, 8 + 8
_IRREGULAR = (HEADER_TRACING_DATA, AUXTRACE, COMPRESSED, COMPRESSED2)


class Stop(Enum):
    """Why a walk ended."""

    END = "the next record is not completely in the buffer"
    COMPRESSED = "the next record holds compressed records"
    BAD = "the next record's size is less than its fixed part"
    IRREGULAR = "the alignment ends here, or the next record's size does not tell where the one after it starts"


@dataclass(frozen=True, slots=True)
class Walk:
    """Records found.

    Attributes:
        starts: Byte offsets of complete records, ascending.
        end: Byte at which to go on; behind the buffer when the payload of the last record is longer.
        stop: Why the walk ended there.
    """

    starts: Index
    end: int
    stop: Stop


def walk(words: Words, start: int = 0) -> Walk:
    """All complete records of a buffer from byte ``start``."""
    parts: list[Index] = []
    # The whole buffer at once, unless something irregular was just met: more of it is likely, and each costs one window.
    window = words.size - start
    careful = False
    while True:
        until = min(words.size, start + window)
        step_by_step = careful or until - start <= _SMALL_BYTES
        part = _one_by_one(words, start, until) if step_by_step else _lockstep(words, start, until)
        parts.append(part.starts)
        careful = part.stop is Stop.IRREGULAR
        window = _CAREFUL_BYTES if careful else window * 8
        start = part.end
        if part.stop in (Stop.COMPRESSED, Stop.BAD) or (part.stop is Stop.END and until == words.size) or start > words.size:
            return Walk(np.concatenate(parts), start, part.stop)


def heads(words: Words, starts: Index) -> tuple[npt.NDArray[np.uint32], Index]:
    """Type and size in bytes of the records at ``starts``, whatever their alignment."""
    if (starts & 7).any():
        words, starts = pack(words, starts, np.full(len(starts), _HEADER_BYTES))
    return words.take32(starts >> 2), words.take16((starts >> 1) + 3).astype(np.int64)


def _one_by_one(words: Words, start: int, until: int) -> Walk:
    """Records of any size and alignment."""
    unpack = Struct(words.order + "IHH").unpack_from
    data = words.u8.data
    starts: list[int] = []
    stop = Stop.END
    while start + _HEADER_BYTES <= until:
        kind, _, size = unpack(data, start)
        if kind in (COMPRESSED, COMPRESSED2):
            stop = Stop.COMPRESSED
            break
        payload = 0
        if kind in (HEADER_TRACING_DATA, AUXTRACE):
            if size < (_AUXTRACE_BYTES if kind == AUXTRACE else _TRACING_DATA_BYTES):
                stop = Stop.BAD
                break
            if start + size <= until:
                payload = payload_bytes(words, start, kind)
        if size < _HEADER_BYTES:
            stop = Stop.BAD
            break
        if start + size > until:
            break
        starts.append(start)
        start += size + payload
    return Walk(np.array(starts, np.int64), start, stop)


def payload_bytes(words: Words, start: int, kind: int) -> int:
    """Bytes that follow a HEADER_TRACING_DATA or AUXTRACE record outside of its own size."""
    if kind == AUXTRACE:
        return int(Struct(words.order + "Q").unpack_from(words.u8.data, start + 8)[0])
    return (int(Struct(words.order + "I").unpack_from(words.u8.data, start + 8)[0]) + 7) & ~7


def _lockstep(words: Words, start: int, until: int) -> Walk:
    """The same for a long stretch; it ends in front of, or behind, anything irregular."""
    base = 0
    if start & 7:
        base, words, start, until = start, words.tail(start), 0, until - start
    first, end = start >> 3, until >> 3
    guesses = _guess(words, first, end)
    sizes = words.u16.astype(np.uint16, copy=False)
    found = _follow(sizes, guesses, end)
    proven, walked_to = _prove(sizes.data, guesses, found.reached, end)
    starts = _ascending([*found.positions(proven.chunks), np.array(proven.extra, np.int64)], end)
    irregular = np.flatnonzero(np.isin(words.take32(starts * 2), _IRREGULAR))
    if len(irregular):
        return Walk(starts[: irregular[0]] * 8 + base, int(starts[irregular[0]]) * 8 + base, Stop.IRREGULAR)
    # The record at which the chain stopped is incomplete, or says why it stopped.
    last = _one_by_one(words, walked_to * 8, min(until, walked_to * 8 + 0xFFFF))
    stop = Stop.IRREGULAR if len(last.starts) else last.stop
    return Walk(starts * 8 + base, walked_to * 8 + base, stop)


@dataclass(slots=True)
class _Followed:
    """Chains of regular records, one for each chunk.

    Attributes:
        reached: Word behind the last record of each chunk.
        rounds: Words of records, which of them count, and the chunk of each column.
    """

    reached: Index
    rounds: list[tuple[Index, npt.NDArray[np.bool_], Index]]

    def positions(self, chunks: npt.NDArray[np.bool_]) -> Iterator[Index]:
        """Words of the records of some chunks."""
        for at, counts, chunk in self.rounds:
            yield at[counts] if chunks.all() else at[counts & chunks[chunk]]


def _follow(sizes: npt.NDArray[np.uint16], guesses: Index, end: int) -> _Followed:
    """Follow the chain from each guess to the next one; ``sizes`` are the u16 of a buffer, of which every fourth is a record's size."""
    limits = np.append(guesses[1:], end)
    result = _Followed(guesses.copy(), [])
    chunk, position = np.arange(len(guesses)), guesses
    while len(chunk) > _FEW:
        # Nothing is checked between the steps of a round: what lies behind a chunk's limit or a bad size is left out afterwards.
        at = np.empty((_STEPS + 1, len(chunk)), np.int64)
        bytes_of = np.empty((_STEPS, len(chunk)), np.uint16)
        half = np.empty(len(chunk), np.uint16)
        np.add(position * 4, 3, out=at[0])
        for step in range(_STEPS):
            sizes.take(at[step], out=bytes_of[step], mode="clip")
            np.right_shift(bytes_of[step], 1, out=half)
            np.add(at[step], half, out=at[step + 1])
        at >>= 2
        counts = at[:-1] < limits[chunk]
        good = (bytes_of >= _HEADER_BYTES) & (bytes_of & 7 == 0) & (at[1:] <= end)
        if not (good | ~counts).all():
            counts &= np.logical_and.accumulate(good)
        taken = counts.sum(axis=0)
        position = at[taken, np.arange(len(chunk))]
        result.reached[chunk] = position
        result.rounds.append((at[:-1], counts, chunk))
        going = (taken == _STEPS) & (position < limits[chunk])
        chunk, position = chunk[going], position[going]
    for at_, number in zip(position.tolist(), chunk.tolist(), strict=True):
        steps, result.reached[number] = _chain(sizes.data, at_, int(limits[number]), end)
        result.rounds.append((steps, np.ones(len(steps), np.bool_), np.full(len(steps), number)))
    return result


def _chain(sizes: memoryview, at: int, limit: int, end: int) -> tuple[Index, int]:
    """Regular records from word ``at`` until one starts at or behind ``limit``, and where that is or would be."""
    steps = []
    while at < limit:
        size = sizes[at * 4 + 3]
        if size < _HEADER_BYTES or size & 7 or at + (size >> 3) > end:
            break
        steps.append(at)
        at += size >> 3
    return np.array(steps, np.int64), at


def _guess(words: Words, first: int, end: int) -> Index:
    """``first`` and, for every later chunk that shows one near its start, a word that looks like a SAMPLE's header."""
    stride = _CHUNK_BYTES // 8
    corners = np.arange(first + stride, end - _LOOK_WORDS, stride)
    guesses = np.full(len(corners), -1, np.int64)
    for look in (_LOOK_FIRST_WORDS, _LOOK_WORDS):
        # Most chunks show one soon.
        rest = np.flatnonzero(guesses < 0)
        grid = (corners[rest, None] + np.arange(look)).ravel()
        size = words.take16(grid * 4 + 3)
        place = np.flatnonzero((words.take32(grid * 2) == SAMPLE) & (size >= 2 * _HEADER_BYTES) & (size & 7 == 0))
        following = grid[place] + (size[place] >> 3).astype(np.int64)
        next_type, next_size = words.take32(following * 2), words.take16(following * 4 + 3)
        place = place[(next_type - np.uint32(1) < 128) & (next_size >= _HEADER_BYTES) & (next_size & 7 == 0)]
        corner = place // look
        earliest = np.flatnonzero(np.diff(corner, prepend=-1))
        guesses[rest[corner[earliest]]] = grid[place[earliest]]
    return np.append(first, guesses[guesses >= 0])


@dataclass(frozen=True, slots=True)
class _Proof:
    """Chunks that the chain from the first one reaches, and the words of records that it has between them."""

    chunks: npt.NDArray[np.bool_]
    extra: list[int]


def _prove(sizes: memoryview, guesses: Index, reached: Index, end: int) -> tuple[_Proof, int]:
    """What of the guesses is true, and the word at which the chain ends."""
    wrong = np.flatnonzero(reached[:-1] != guesses[1:])
    proven = np.zeros(len(guesses), bool)
    extra: list[int] = []
    targets = {guess: chunk for chunk, guess in enumerate(guesses.tolist())} if len(wrong) else {}
    chunk = 0
    while True:
        last = int(np.append(wrong, len(guesses) - 1)[np.searchsorted(wrong, chunk)])
        proven[chunk : last + 1] = True
        at = int(reached[last])
        while at < end and at not in targets:
            size = sizes[at * 4 + 3]
            if size < _HEADER_BYTES or size & 7 or at + (size >> 3) > end:
                break
            extra.append(at)
            at += size >> 3
        chunk = targets.get(at, -1)
        if chunk <= last:
            return _Proof(proven, extra), at


def _ascending(parts: Iterable[Index], end: int) -> Index:
    # Positions are distinct and dense: marking them costs a tenth of sorting them.
    marks = np.zeros(end, bool)
    for positions in parts:
        marks[positions] = True
    return np.flatnonzero(marks)
