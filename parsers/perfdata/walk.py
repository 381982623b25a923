"""Where records start: the chain ``position += size`` of a whole buffer, followed in many places at once.

Each record only says where the next one is, so the walk is sequential by nature. It is made wide by guessing one record start per
chunk, following all chunks in lockstep, and then proving the guesses: a chunk counts only if the chunk before it ended exactly on
its start. What can't be proven is walked again one by one, so the result never depends on a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from struct import Struct

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.perfdata.records import COMPRESSED, COMPRESSED2, SAMPLE, WITH_PAYLOAD
from cowtrace.parsers.words import Index, Words, pack

#: Stretches up to this size are walked one by one; so is the first one after something irregular.
_SMALL_BYTES = 64 * 1024
_CHUNK_BYTES = 4 * 1024
#: Words at the start of a chunk in which a SAMPLE header is looked for.
_LOOK_WORDS = 96
_HEADER_BYTES = 8
_SPECIAL = (*WITH_PAYLOAD, COMPRESSED, COMPRESSED2)


class Stop(Enum):
    """Why a walk ended before the end of the buffer."""

    END = "the next record is not completely in the buffer"
    SPECIAL = "the next record's size does not tell where the one after it starts"
    BAD = "the next record's size is less than a header"
    UNALIGNED = "the last record's size is not a multiple of 8"


@dataclass(frozen=True, slots=True)
class Walk:
    """Records found.

    Attributes:
        starts: Byte offsets of complete records, ascending.
        end: Byte offset behind the last of them.
        stop: Why the walk ended there.
    """

    starts: Index
    end: int
    stop: Stop


def walk(words: Words, start: int = 0) -> Walk:
    """All complete records of a buffer from byte ``start``, until it ends or something irregular comes."""
    parts: list[Index] = []
    # The whole buffer at once, unless something irregular was just met: more of it is likely, and each costs one window.
    window = _SMALL_BYTES if start else words.size
    while True:
        until = min(words.size, start + window)
        part = _one_by_one(words, start, until) if until - start <= _SMALL_BYTES else _lockstep(words, start, until)
        parts.append(part.starts)
        window = _SMALL_BYTES if part.stop is Stop.UNALIGNED else window * 8
        start = part.end
        if part.stop in (Stop.SPECIAL, Stop.BAD) or (part.stop is Stop.END and until == words.size):
            return Walk(np.concatenate(parts), start, part.stop)


def heads(words: Words, starts: Index) -> tuple[npt.NDArray[np.uint32], Index]:
    """Type and size in bytes of the records at ``starts``, whatever their alignment."""
    if (starts & 7).any():
        words, starts = pack(words, starts, np.full(len(starts), _HEADER_BYTES))
    return words.take32(starts >> 2), words.take16((starts >> 1) + 3).astype(np.int64)


def _one_by_one(words: Words, start: int, until: int) -> Walk:
    unpack = Struct(words.order + "IHH").unpack_from
    data = words.u8.data
    starts: list[int] = []
    stop = Stop.END
    while start + _HEADER_BYTES <= until:
        kind, _, size = unpack(data, start)
        if kind in _SPECIAL:
            stop = Stop.SPECIAL
            break
        if size < _HEADER_BYTES:
            stop = Stop.BAD
            break
        if start + size > until:
            break
        starts.append(start)
        start += size
    return Walk(np.array(starts, np.int64), start, stop)


def _lockstep(words: Words, start: int, until: int) -> Walk:
    """The same for a large buffer; it also ends behind a record whose size is not a multiple of 8."""
    base = 0
    if start & 7:
        base, words, start, until = start, words.tail(start), 0, until - start
    first, end = start >> 3, until >> 3
    guesses = _guess(words, first, end)
    limits = np.append(guesses[1:], end)
    position, chunk = guesses.copy(), np.arange(len(guesses))
    reached = guesses.copy()
    found, owners = [], []
    while len(position):
        size = words.take16(position * 4 + 3).astype(np.int64)
        following = position + (size >> 3)
        good = (size >= _HEADER_BYTES) & (size & 7 == 0) & (following <= end)
        if not good.all():
            position, chunk, following = position[good], chunk[good], following[good]
        found.append(position)
        owners.append(chunk)
        reached[chunk] = following
        going = following < limits[chunk]
        position, chunk = (following, chunk) if going.all() else (following[going], chunk[going])
    starts, walked_to = _prove(words, guesses, reached, end, found=np.concatenate(found), owners=np.concatenate(owners))
    special = np.flatnonzero(np.isin(words.take32(starts * 2), _SPECIAL))
    if len(special):
        return Walk(starts[: special[0]] * 8 + base, int(starts[special[0]]) * 8 + base, Stop.SPECIAL)
    rest = _one_by_one_step(words, walked_to * 8, until)
    return Walk(np.append(starts * 8, rest.starts) + base, rest.end + base, rest.stop)


def _guess(words: Words, first: int, end: int) -> Index:
    """``first`` and, for every later chunk that shows one near its start, a word that looks like a SAMPLE's header."""
    corners = np.arange(first + _CHUNK_BYTES // 8, end - _LOOK_WORDS, _CHUNK_BYTES // 8)
    grid = (corners[:, None] + np.arange(_LOOK_WORDS)).ravel()
    size = words.take16(grid * 4 + 3)
    place = np.flatnonzero((words.take32(grid * 2) == SAMPLE) & (size >= 2 * _HEADER_BYTES) & (size & 7 == 0))
    following = grid[place] + (size[place] >> 3).astype(np.int64)
    next_type, next_size = words.take32(following * 2), words.take16(following * 4 + 3)
    place = place[(next_type - np.uint32(1) < 128) & (next_size >= _HEADER_BYTES) & (next_size & 7 == 0)]
    _, earliest = np.unique(place // _LOOK_WORDS, return_index=True)
    return np.append(first, grid[place[earliest]])


def _prove(words: Words, guesses: Index, reached: Index, end: int, *, found: Index, owners: Index) -> tuple[Index, int]:
    """Word positions of the chunks that the chain from the first one really reaches, and where the chain ends."""
    wrong = np.flatnonzero(reached[:-1] != guesses[1:])
    if not len(wrong):
        return _ascending(found, end), int(reached[-1])
    proven = np.zeros(len(guesses), bool)
    extra: list[int] = []
    targets = {guess: chunk for chunk, guess in enumerate(guesses.tolist())}
    sizes = words.u16.astype(np.uint16, copy=False).data
    chunk = 0
    while True:
        last = int(wrong[np.searchsorted(wrong, chunk)]) if chunk <= wrong[-1] else len(guesses) - 1
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
            starts = np.append(found[proven[owners]], np.array(extra, np.int64))
            return _ascending(starts, end), at


def _ascending(positions: Index, end: int) -> Index:
    # Positions are distinct and dense: marking them costs a tenth of sorting them.
    marks = np.zeros(end, bool)
    marks[positions] = True
    return np.flatnonzero(marks)


def _one_by_one_step(words: Words, start: int, until: int) -> Walk:
    """The record at which the lockstep stopped: incomplete, irregular, or the one that ends the alignment."""
    step = _one_by_one(words, start, min(until, start + 0xFFFF))
    if len(step.starts):
        unaligned = int(step.starts[1]) if len(step.starts) > 1 else step.end
        return Walk(step.starts[:1], unaligned, Stop.UNALIGNED)
    return step
