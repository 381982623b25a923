"""Which file's code lay at an address of an address space at a time, from the tables ``process`` and ``vma`` of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from cowtrace.attribution.asof import ALWAYS, AsOf
from cowtrace.symbols.table import Int

if TYPE_CHECKING:
    from cowtrace.store.reader import Store

#: Page numbers of user addresses with five-level page tables, beside 18 bits for the address space.
_PAGE_BITS = 44
_MAX_SPACES = 1 << 18


class TextMaps:
    """Executable mappings of a store.

    Attributes:
        rows: path, build_id, inode, pgoff, start_addr of each executable mapping.
        text_mm: int64[processes], for each address space the one whose mappings answer for it: its nearest ancestor that mapped
            code of its own, where all forks since only inherit.
        changes: (mm, time) at which code was mapped over other code: before and after, addresses mean different things.

    Args:
        store: A store.
    """

    def __init__(self, store: Store) -> None:
        process = store.lazy("process").select("mm_id", "parent_mm_id", "start_ns", "how", "tgid").sort("mm_id").collect()
        self.parent = process["parent_mm_id"].fill_null(-1).to_numpy().astype(np.int64)
        self.born = process["start_ns"].to_numpy().astype(np.int64)
        self.tgid = process["tgid"].to_numpy().astype(np.int64)
        self._inherits = process["how"].cast(pl.String).is_in(["fork", "vfork"]).to_numpy() & (self.parent >= 0)
        perms = pl.col("perms").cast(pl.String)
        self.rows = (
            store.lazy("vma")
            .filter(pl.col("mm_id").is_not_null() & (perms.str.contains("x", literal=True) | (perms == "????")))
            .select("mm_id", "start_addr", "end_addr", "pgoff", "path", "build_id", "inode", "vma_kind", "start_ns", "end_ns")
            .with_columns(pl.col("path", "build_id", "vma_kind").cast(pl.String))
            .filter(pl.col("end_addr") <= 1 << 56)
            .collect()
        )
        # a mapping that was there from the start holds for faults that bear the very first times, too
        self._mm = self.rows["mm_id"].to_numpy().astype(np.int64)
        first = self.born[self._mm] if len(self._mm) else self._mm
        ts = self.rows["start_ns"].to_numpy().astype(np.int64)
        self._ts = np.where(ts <= first, ALWAYS, ts)
        self._start = self.rows["start_addr"].to_numpy().astype(np.int64)
        self._end = self.rows["end_addr"].to_numpy().astype(np.int64)
        self._index()
        self.changes: tuple[Int, Int] = self._find_changes()
        self.text_mm = self._owners()

    def find(self, mm: Int, address: Int, ts: Int) -> Int:
        """Row of the mapping that has an address of an address space at a time: int64[n], -1 without."""
        found = self._find_own(mm, address, ts)
        pending = np.flatnonzero((found < 0) & (mm >= 0))
        space = mm[pending]
        while len(pending):
            inherited = self._inherits[space]
            pending, space = pending[inherited], space[inherited]
            when, space = self.born[space], self.parent[space]
            hit = self._find_own(space, address[pending], when)
            found[pending] = hit
            missing = hit < 0
            pending, space = pending[missing], space[missing]
        return found

    def split(self, mm: Int, address: Int, first: Int, last: Int) -> bool:
        """Take as changes the mappings that explain an address at its last time but not yet at its first; True when there are any."""
        before, after = self.find(mm, address, first), self.find(mm, address, last)
        late = (after != before) & (after >= 0)
        if not late.any():
            return False
        mapped = after[late]
        self.changes = np.concatenate([self.changes[0], self._mm[mapped]]), np.concatenate([self.changes[1], self._ts[mapped]])
        self.text_mm = self._owners()
        return True

    def _index(self) -> None:
        low = (self._mm << _PAGE_BITS) | (self._start >> 12)
        high = (self._mm << _PAGE_BITS) | ((self._end + 4095) >> 12)
        self._points = np.unique(np.concatenate([low, high]))
        first, last = np.searchsorted(self._points, low), np.searchsorted(self._points, high)
        count = np.maximum(last - first, 0)
        self._covering = np.repeat(np.arange(len(low)), count)
        segment = np.repeat(first, count) + np.arange(len(self._covering)) - np.repeat(np.cumsum(count) - count, count)
        self._asof = AsOf(segment, self._ts[self._covering])

    def _find_own(self, mm: Int, address: Int, ts: Int) -> Int:
        user = (address >= 0) & (address < 1 << 56) & (mm >= 0) & (mm < _MAX_SPACES)
        segment = np.searchsorted(self._points, (mm << _PAGE_BITS) | (address >> 12), side="right") - 1
        slot = self._asof.find(np.maximum(segment, 0), ts)
        row = np.where((slot >= 0) & (segment >= 0) & user, self._covering[np.maximum(slot, 0)] if len(self._covering) else -1, -1)
        inside = (row >= 0) & (address < self._end[np.maximum(row, 0)]) if len(self._end) else np.zeros(len(row), np.bool_)
        return np.where(inside, row, -1)

    def _find_changes(self) -> tuple[Int, Int]:
        """Mappings that begin later than others under them, own or inherited."""
        before = self._ts - 1
        later = np.flatnonzero(self._ts != ALWAYS)
        covers = np.zeros(len(later), np.bool_)
        for address in (self._start[later], self._end[later] - 1):
            covers |= self.find(self._mm[later], address, before[later]) >= 0
        # one that lies wholly inside the new one
        order = np.lexsort((self._start, self._mm))
        place = np.searchsorted((self._mm[order] << _PAGE_BITS) | (self._start[order] >> 12), self._key(later, self._start) + 1)
        for step in (0, 1):
            near = order[np.minimum(place + step, max(len(order) - 1, 0))] if len(order) else place
            inside = (self._mm[near] == self._mm[later]) & (self._start[near] < self._end[later]) & (self._ts[near] < self._ts[later])
            covers |= inside & (place + step < len(order))
        changed = later[covers]
        return self._mm[changed], self._ts[changed]

    def _key(self, rows: Int, address: Int) -> Int:
        return (self._mm[rows] << _PAGE_BITS) | (address[rows] >> 12)

    def _owners(self) -> Int:
        owner = np.arange(len(self.parent))
        own = np.zeros(len(owner), np.bool_)
        own[self._mm] = True
        contested = np.zeros(len(owner), np.bool_)
        contested[self.changes[0]] = True
        follows = self._inherits & ~own & ~contested[np.maximum(self.parent, 0)]
        owner[follows] = self.parent[follows]
        while True:
            above = owner[owner]
            if (above == owner).all():
                return owner
            owner = above
