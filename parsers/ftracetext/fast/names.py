"""Names in a text as numbers: each distinct one is looked at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cowtrace.parsers.ftracetext.fast.text import U64, Mask, Text
from cowtrace.parsers.words import Index

_PRIME = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)
_ONE, _ALL = np.uint64(1), np.uint64((1 << 64) - 1)


def mix(key: U64, word: U64) -> U64:
    """One more word of a name in its key."""
    key = (key ^ word) * _PRIME
    mixed: U64 = key ^ (key >> _SHIFT)
    return mixed


class Names:
    """Numbers of keys, kept from block to block."""

    def __init__(self) -> None:
        self._keys = np.empty(0, np.uint64)
        self._numbers = np.empty(0, np.int64)

    def numbers(self, keys: U64, resolve: Callable[[int], int]) -> Index:
        """The number of each row's key.

        Args:
            keys: Keys.
            resolve: Gives the number of a key that is new, from the first of the rows that have it; called in the order of rows.
        """
        place = self._find(keys)
        missing = np.flatnonzero(place < 0)
        if len(missing):
            fresh, first = np.unique(keys[missing], return_index=True)
            first_seen = np.argsort(first)
            numbers = np.empty(len(fresh), np.int64)
            numbers[first_seen] = [resolve(row) for row in missing[first[first_seen]].tolist()]
            keyed = np.append(self._keys, fresh)
            order = np.argsort(keyed)
            self._keys, self._numbers = keyed[order], np.append(self._numbers, numbers)[order]
            place = self._find(keys)
        return self._numbers.take(place)

    def _find(self, keys: U64) -> Index:
        if not len(self._keys):
            return np.full(len(keys), -1, np.int64)
        place = np.searchsorted(self._keys, keys)
        place[self._keys.take(place, mode="clip") != keys] = -1
        return place


def span_keys(text: Text, at: Index, ends: Index, limit: int) -> U64:
    """Keys of the texts ``at .. ends``; what is longer than ``limit`` bytes is told apart by its beginning and its length only."""
    size = ends - at
    key: U64 = size.astype(np.uint64)
    rows = np.arange(len(at))
    for start in range(0, limit, 8):
        rows = rows[size[rows] > start]
        if not len(rows):
            break
        key[rows] = mix(key[rows], text.word(at[rows] + start) & first_bytes(size[rows] - start))
    return key


def first_bytes(count: Index) -> U64:
    """A mask for the first bytes of a word; none for counts below 1, all from 8 on."""
    mask: U64 = np.where(count >= 8, _ALL, (_ONE << (np.clip(count, 0, 7) << 3).astype(np.uint64)) - _ONE)
    return mask


def name_keys(text: Text, at: Index, stop: Callable[[U64], U64], words: int) -> tuple[U64, Index, Mask]:
    """Keys of names that begin at ``at`` and end before a byte that ``stop`` marks.

    Returns:
        Keys, lengths, and whether the name ended within ``words`` words.
    """
    key = np.zeros(len(at), np.uint64)
    length = np.zeros(len(at), np.int64)
    rows = np.arange(len(at))
    done = np.zeros(len(at), bool)
    for number in range(words):
        word = text.word(at[rows] + 8 * number)
        marks = stop(word)
        low = marks & (~marks + _ONE)
        inside = (low >> np.uint64(7)) - _ONE  # the bytes before the first mark; all of them without one
        ended = marks != 0
        inside = np.where(ended, inside, _ALL)
        key[rows] = mix(key[rows], word & inside)
        length[rows] += np.bitwise_count(inside).astype(np.int64) >> 3
        done[rows[ended]] = True
        rows = rows[~ended]
        if not len(rows):
            break
    return key, length, done
