"""Distinct call chains: a number for each, the addresses kept once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cowtrace.attribution.asof import Int
from cowtrace.attribution.numbering import Numbering
from cowtrace.parsers.base import EventBatch

_BLOCK_ADDRESSES = 1 << 14
# odd constants of a multiplicative mix (Steele and Vigna, 2021, table of 64-bit multipliers)
_MIX_VALUE, _MIX_PLACE = np.uint64(0xF1357AEA2E62A9C5), np.uint64(0xD1342543DE82EF95)


class StackTable:
    """Numbers call chains in order of their first appearance; chains are told apart by a 64-bit hash of addresses and places."""

    def __init__(self) -> None:
        self._numbering = Numbering()
        self._chains: list[np.ndarray] = []

    def assign(self, batch: EventBatch) -> Int:
        """Stack number of every event, -1 without a chain: int64[count]."""
        offsets, ips = batch.chains()
        length = np.diff(offsets)
        result = np.full(batch.count, -1, np.int64)
        rows = np.flatnonzero(length)
        if not len(rows):
            return result
        hashes = _hash(offsets[rows], length[rows], ips)
        result[rows], fresh = self._numbering.number(hashes.view(np.int64))
        for row in rows[fresh].tolist():
            self._chains.append(ips[offsets[row] : offsets[row + 1]].copy())
        return result

    def chains_from(self, number: int) -> list[np.ndarray]:
        """The chains from a number on, each uint64, context markers included."""
        return self._chains[number:]

    def table(self) -> dict[str, pa.Array]:
        """Columns of table ``stack``."""
        return {
            "stack_id": pa.array(np.arange(len(self._chains))),
            "ips": pa.array([chain.tolist() for chain in self._chains], pa.list_(pa.uint64())),
        }


def _hash(first: Int, length: Int, ips: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """A hash of each chain: the sum over its addresses, each mixed with its place."""
    hashes = np.empty(len(first), np.uint64)
    ends = first + length
    row = 0
    while row < len(first):
        # blocks that stay in the processor's cache through the dozen steps
        past = max(int(np.searchsorted(ends, first[row] + _BLOCK_ADDRESSES, side="right")), row + 1)
        part = slice(row, past)
        begin = first[row]
        starts = first[part] - begin
        block = ips[begin : ends[past - 1]]
        place = (np.arange(len(block)) - np.repeat(starts, length[part])).view(np.uint64)
        mixed = block >> np.uint64(29)
        mixed ^= block
        mixed *= _MIX_VALUE
        place *= _MIX_PLACE
        mixed ^= place
        mixed *= _MIX_VALUE
        np.right_shift(mixed, np.uint64(32), out=place)
        mixed ^= place
        hashes[part] = np.add.reduceat(mixed, starts)
        row = past
    hashes += length.astype(np.uint64) * _MIX_PLACE
    return hashes
