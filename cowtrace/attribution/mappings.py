"""What was mapped where and when: the ``vma`` table and its as-of lookup.

MMAP2 records report the mapping as it stands after merging (mm/mmap.c: perf_event_mmap is given the merged vma), so a growing heap
or a run of adjacent anonymous maps comes as ever larger supersets. These are one mapping here. munmap leaves no record: a mapping ends
when another replaces it or with its address space. Forked children inherit by lookup, not by copied rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from cowtrace.attribution.asof import ALWAYS, AsOf, Int
from cowtrace.attribution.history import EXECED, NEVER, SEEN, History
from cowtrace.attribution.moves import MovedRanges, Moves
from cowtrace.text import decode_name

UNKNOWN, ANON, HEAP, STACK, FILE_PRIVATE, FILE_SHARED, SHMEM, HUGETLB, SPECIAL = range(9)
#: Kinds whose pages belong to nobody else until fork.
ANONYMOUS = (ANON, HEAP, STACK)
VMA_KINDS = ("unknown", "anon", "heap", "stack", "file_private", "file_shared", "shmem", "hugetlb", "special")

# include/uapi/asm-generic/mman-common.h, as perf_event_mmap_event fills them from vm_flags
_MAP_SHARED, _MAP_HUGETLB = 0x1, 0x40000
_PROT_READ, _PROT_WRITE, _PROT_EXEC = 1, 2, 4

#: int8[n], where a column of int64 would do but is four times as slow.
Small = npt.NDArray[Any]

#: Marks an address range that more than one mapping covered over time.
_SEVERAL = -2

#: A PMD-sized block, as a power of two: 2 MiB with 4 KiB pages.
HUGE_SHIFT = 21

_STRETCH = 16

#: Page numbers of user addresses: 57-bit addresses leave 45 bits, so 2**18 address spaces fit a signed key beside them.
PAGE_BITS_4_LEVEL, PAGE_BITS_5_LEVEL = 35, 44


def vma_kind_of(paths: pl.Series, flags: Int, has_flags: np.ndarray) -> Int:
    """Kind codes of mappings from path text and mmap flags.

    Args:
        paths: Path of each record as text.
        flags: mmap(2) flags, 0 where not recorded.
        has_flags: bool[n], False where the record carries no flags.
    """

    def where(condition: pl.Expr) -> np.ndarray:
        return pl.DataFrame({"path": paths}).select(condition.fill_null(False).alias("hit"))["hit"].to_numpy()

    path = pl.col("path")
    shared = (flags & _MAP_SHARED) != 0
    kind = np.where(shared, FILE_SHARED, FILE_PRIVATE)
    kind = np.where(~has_flags, UNKNOWN, kind)
    anon = where((path == "//anon") | path.str.starts_with("[anon") | (path == ""))
    kind = np.where(anon, np.where(shared & has_flags, SHMEM, ANON), kind)
    kind = np.where(where(path == "[heap]"), HEAP, kind)
    kind = np.where(where(path.str.starts_with("[stack")), STACK, kind)
    special = where(path.is_in(["[vdso]", "[vvar]", "[vvar_vclock]", "[vsyscall]", "[uprobes]"]))
    kind = np.where(special, SPECIAL, kind)
    shmem = where(path.str.contains(r"^(/dev/zero|/memfd:|/SYSV[0-9a-f]{8}|/dev/shm/|/i915|/drm mm object)"))
    # a private mapping of shared memory copies like a private file
    kind = np.where(shmem, np.where(shared | ~has_flags, SHMEM, FILE_PRIVATE), kind)
    huge = ((flags & _MAP_HUGETLB) != 0) | where(path.str.starts_with("/anon_hugepage"))
    return np.where(huge & has_flags, HUGETLB, kind).astype(np.int64)


class Mappings:
    """All mappings of a recording.

    Args:
        history: Who lived when.
        mmap: ``SideBand.mmap``.
    """

    def __init__(self, history: History, mmap: pl.DataFrame) -> None:
        self.history = history
        ts = mmap["ts_ns"].to_numpy()
        ts = np.where(ts < 0, ALWAYS, ts)
        tgid = mmap["tgid"].to_numpy().astype(np.int64)
        mm = history.life_at(tgid, ts)
        distinct = mmap["path"].unique(maintain_order=True)
        texts = [decode_name(raw) for raw in distinct.to_list()]
        path_code = (
            mmap["path"].replace_strict(distinct, np.arange(len(distinct)), return_dtype=pl.Int64).to_numpy()
            if len(mmap)
            else np.empty(0, np.int64)
        )
        start = mmap["start_addr"].to_numpy()
        size = mmap["size_bytes"].to_numpy()
        end = start + size
        # user half only; kernel and module text (tgid -1) are not mappings of a process
        keep = (mm >= 0) & (end > start) & (end < np.uint64(1 << 56))
        self.mm = mm[keep]
        self.ts = ts[keep]
        self.start = start[keep].astype(np.int64)
        self.end = end[keep].astype(np.int64)
        self.pgoff = mmap["pgoff"].to_numpy()[keep].astype(np.int64)
        self.path = path_code[keep]
        self.paths = texts
        self.has_flags = mmap["flags"].is_not_null().to_numpy()[keep]
        self.flags = mmap["flags"].fill_null(0).to_numpy()[keep].astype(np.int64)
        self.prot = mmap["prot"].fill_null(0).to_numpy()[keep].astype(np.int64)
        self.dev = mmap["dev"].to_numpy()[keep]
        self.inode = mmap["inode"].fill_null(0).to_numpy()[keep]
        self.build_id = mmap["build_id"].to_numpy()[keep]
        code_kind_path = pl.Series([texts[code] for code in self.path.tolist()], dtype=pl.String)
        self.kind = vma_kind_of(code_kind_path, self.flags, self.has_flags)
        wide = bool(len(self.end)) and int(self.end.max()) > 1 << (PAGE_BITS_4_LEVEL + 12)
        self.page_bits = PAGE_BITS_5_LEVEL if wide else PAGE_BITS_4_LEVEL
        self.vma_of_record, self.vma_count = self._merge_growth()
        self._moved = MovedRanges(self.page_bits)
        self._index()

    def find(self, mm: Int, addr: Int, ts: Int) -> Int:
        """Record number of the mapping at an address of an address space at a time, -1 where none is known.

        Inherited mappings are found in the parent at the moment of the fork; mappings made before the recording count as always there.
        """
        found = self._find_own(mm, addr, ts)
        pending = np.flatnonzero((found < 0) & (mm >= 0))
        lives = self.history.lives
        space = mm.take(pending, mode="clip")
        inherits = (lives.how != EXECED) & (lives.how != SEEN) & (lives.parent >= 0)
        while len(pending):
            inherited = np.flatnonzero(inherits.take(space, mode="clip"))
            pending, space = pending.take(inherited, mode="clip"), space.take(inherited, mode="clip")
            if not len(pending):
                break
            when, space = lives.start_ns.take(space, mode="clip"), lives.parent.take(space, mode="clip")
            hit = self._find_own(space, addr.take(pending, mode="clip"), when)
            found[pending] = hit
            missing = np.flatnonzero(hit < 0)
            pending, space = pending[missing], space[missing]
        return found

    def _find_own(self, mm: Int, addr: Int, ts: Int) -> Int:
        if not len(self._points):
            return np.full(len(mm), -1, np.int64)
        key = (mm << self.page_bits) | (addr >> 12)
        # the segment before the first point has no mapping, and is the last entry of the table
        segment = _last_at_or_below(self._points, key)
        hit = self._only.take(segment, mode="wrap")
        several = np.flatnonzero(hit == _SEVERAL)
        if len(several):
            record = self._asof.find(segment[several], ts[several])
            hit[several] = np.where(record >= 0, self._covering[record], -1)
        # one past the end of the columns stands for no mapping
        outside = (ts < self._from.take(hit, mode="wrap")) | (addr >= self._to.take(hit, mode="wrap"))
        np.putmask(hit, outside, -1)
        if self._moved.used:
            lost = np.flatnonzero(hit < 0)
            hit[lost] = self._moved.find(mm[lost], addr[lost], ts[lost])
        return hit

    def move(self, moves: Moves) -> None:
        """Take in mappings that mremap moved."""
        mm = self.history.life_at(moves.tgid, moves.ts_ns)
        self._moved.add(mm, moves, self.find(mm, moves.old_addr, moves.ts_ns))

    def traits(self, record: Int, addr: Int) -> tuple[Small, Small, Small]:
        """Kind, writable (2 unknown) and 'covers the aligned huge block around addr' (2 unknown) of records; -1 is none."""
        block = addr >> HUGE_SHIFT
        covers = self._first_block.take(record, mode="wrap") <= block
        covers &= block < self._past_block.take(record, mode="wrap")
        fits = covers.view(np.int8)
        np.putmask(fits, record < 0, 2)
        return self._kind.take(record, mode="wrap"), self._writable.take(record, mode="wrap"), fits

    def _index(self) -> None:
        low = (self.mm << self.page_bits) | (self.start >> 12)
        high = (self.mm << self.page_bits) | ((self.end + 4095) >> 12)
        self._points = np.unique(np.concatenate([low, high]))
        first = np.searchsorted(self._points, low)
        last = np.searchsorted(self._points, high)
        # a grown mapping covers anew only what it gained: the rest answers with the same vma already
        first = np.maximum(first, np.where(self._grows_from >= 0, last[self._grows_from], 0))
        last = np.where(self._grows_down_from >= 0, np.minimum(last, first[self._grows_down_from]), last)
        count = np.maximum(last - first, 0)
        self._covering = np.repeat(np.arange(len(low)), count)
        offset = np.arange(len(self._covering)) - np.repeat(np.cumsum(count) - count, count)
        segment = np.repeat(first, count) + offset
        self._asof = AsOf(segment, self.ts[self._covering])
        covered = np.bincount(segment, minlength=len(self._points))
        self._only = np.full(len(self._points) + 1, -1, np.int64)
        self._only[segment] = np.where(covered[segment] == 1, self._covering, _SEVERAL)
        # the last entry of what follows answers for -1, no mapping
        self._from = np.append(self.ts, NEVER)
        self._to = np.append(self.end, 0)
        self._kind = np.append(self.kind, UNKNOWN).astype(np.int8)
        self._writable = np.append(np.where(self.has_flags, (self.prot & _PROT_WRITE) >> 1, 2), 2).astype(np.int8)
        self._first_block = np.append((self.start + (1 << HUGE_SHIFT) - 1) >> HUGE_SHIFT, 0)
        self._past_block = np.append(self.end >> HUGE_SHIFT, 0)

    def _merge_growth(self) -> tuple[Int, int]:
        """Number the mappings: a record that extends an equal one upward or downward is the same mapping."""
        count = len(self.mm)
        order = np.arange(count)
        same_columns = (self.mm, self.path, self.prot, self.flags, self.inode.astype(np.int64))

        def chains(anchor: Int, edge: Int, sign: int, offset: Int) -> Int:
            rank = np.lexsort((order, offset, *same_columns[1:], anchor, self.mm))
            before, after = rank[:-1], rank[1:]
            equal = (anchor[before] == anchor[after]) & (offset[before] == offset[after])
            for column in same_columns:
                equal &= column[before] == column[after]
            equal &= (edge[after] - edge[before]) * sign > 0
            previous = np.full(count, -1, np.int64)
            previous[after[equal]] = before[equal]
            return previous

        is_file = ~np.isin(self.kind, (ANON, HEAP, STACK))
        up = chains(self.start, self.end, 1, np.where(is_file, self.pgoff, 0))
        down = chains(self.end, self.start, -1, np.where(is_file, self.pgoff - self.start, 0))
        down = np.where(up >= 0, -1, down)
        self._grows_from, self._grows_down_from = up, down
        parent = np.where(up >= 0, up, np.where(down >= 0, down, order))
        while True:
            above = parent[parent]
            if (above == parent).all():
                break
            parent = above
        roots, vma = np.unique(parent, return_inverse=True)
        return vma.astype(np.int64), len(roots)

    def table(self, first_ns: int) -> dict[str, Any]:
        """Columns of table ``vma``; rows in order of their first record."""
        order = np.lexsort((np.arange(len(self.mm)), self.vma_of_record))
        first = order[np.flatnonzero(np.r_[True, np.diff(self.vma_of_record[order]) > 0])] if len(order) else order
        low = np.full(self.vma_count, NEVER)
        high = np.zeros(self.vma_count, np.int64)
        np.minimum.at(low, self.vma_of_record, self.start)
        np.maximum.at(high, self.vma_of_record, self.end)
        ends = self.history.lives.end_ns[self.mm[first]]
        return {
            "vma_id": np.arange(self.vma_count),
            "mm_id": self.mm[first],
            "start_addr": low.astype(np.uint64),
            "end_addr": high.astype(np.uint64),
            "pgoff": self.pgoff[first],
            "perms": (perm_codes(self.prot, self.flags, self.has_flags)[first], PERMS),
            "path": (np.where(self.kind[first] == ANON, -1, self.path[first]), self.paths),
            "dev": self.dev[first],
            "inode": self.inode[first],
            "vma_kind": (self.kind[first], list(VMA_KINDS)),
            "build_id": self.build_id[first],
            "start_ns": np.where(self.ts[first] == ALWAYS, first_ns, self.ts[first]),
            "end_ns": (ends, ends != NEVER),
        }


def _last_at_or_below(points: Int, key: Int) -> Int:
    """Position of the last point at or below each key, -1 without.

    Keys come in long ascending stretches, so every 16th is searched: between two equal answers, with no fall in between, all are equal.
    """
    probe = np.arange(0, len(key), _STRETCH)
    if not len(probe):
        return probe
    answer = np.searchsorted(points, key[probe], side="right") - 1
    falls = np.append(key[1:] < key[:-1], True)
    open_stretch = np.logical_or.reduceat(falls, probe) | np.append(answer[1:] != answer[:-1], True)
    result = np.repeat(answer, _STRETCH)[: len(key)]
    rest = np.flatnonzero(np.repeat(open_stretch, _STRETCH)[: len(key)])
    result[rest] = np.searchsorted(points, key[rest], side="right") - 1
    return result


PERMS = [
    *("".join(part) for part in ((r, w, x, s) for r in "-r" for w in "-w" for x in "-x" for s in "ps")),
    "????",
]


def perm_codes(prot: Int, flags: Int, known: np.ndarray) -> Int:
    """Index into PERMS for protection bits and flags."""
    code = (
        ((prot & _PROT_READ) != 0) * 8 + ((prot & _PROT_WRITE) != 0) * 4 + ((prot & _PROT_EXEC) != 0) * 2 + ((flags & _MAP_SHARED) != 0) * 1
    )
    return np.where(known, code, 16).astype(np.int64)
