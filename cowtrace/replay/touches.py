"""Faults on anonymous memory, sorted by what they say about a page: first touch, write to something present, huge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cowtrace.attribution.asof import AsOf, Int
from cowtrace.replay.trace import HUGE_SHIFT, KIND, PAGE_SHIFT, Bools, Small, Trace

#: What a recorded fault tells. TOUCH_*: nothing was mapped there; WRITE: written while present and read-only; HUGE_*: a PMD was involved.
TOUCH_WRITE, TOUCH_READ, WRITE, HUGE_FILL, HUGE_ZERO, HUGE_ZERO_WRITE, HUGE_SPLIT, HUGE_REUSE = range(8)
NONE = -1

_ROLE = {
    "anon_zero": TOUCH_WRITE,
    "mthp_zero": TOUCH_WRITE,
    "zero_page": TOUCH_READ,
    "zero_page_cow": WRITE,
    "cow_copy": WRITE,
    "cow_reuse": WRITE,
    "thp_zero": HUGE_FILL,
    "thp_zero_page": HUGE_ZERO,
    "thp_zero_page_cow": HUGE_ZERO_WRITE,
    "thp_split": HUGE_SPLIT,
    "thp_reuse": HUGE_REUSE,
}
_ANONYMOUS = ("anon", "heap", "stack")


@dataclass(slots=True)
class Anon:
    """Faults on anonymous private memory, in time order.

    Attributes:
        row: Row in ``Trace.faults``.
        space: Address space.
        page: Page number.
        ts_ns: Time.
        role: TOUCH_WRITE .. HUGE_REUSE.
        fits: The mapping covered the whole huge block around the page at that moment (mm/huge_memory.c: thp_vma_suitable_order).
        extent: Row of vma_extent; the last row of ``Trace.extents`` when unknown.
    """

    row: Int
    space: Int
    page: Int
    ts_ns: Int
    role: Small
    fits: Bools
    extent: Int

    def take(self, index: Int | Bools) -> Anon:
        """These faults only."""
        return Anon(*(getattr(self, name)[index] for name in self.__slots__))


def anonymous(trace: Trace) -> Anon:
    """``find_anonymous``, once for each trace."""
    found = trace.cache.get("anonymous")
    if found is None:
        found = trace.cache["anonymous"] = find_anonymous(trace)
    assert isinstance(found, Anon)
    return found


def find_anonymous(trace: Trace) -> Anon:
    """The faults that a change of huge pages can touch; kinds that the recording could not tell are judged by page history.

    A fault of kind ``unknown`` in an anonymous mapping is a first touch when its page was not seen before in its address space, else a
    write.
    """
    faults = trace.faults
    of_kind = np.full(len(KIND), NONE, np.int8)
    for name, number in _ROLE.items():
        of_kind[KIND[name]] = number
    role = of_kind[faults.kind]
    kind_of_vma = np.array([kind in _ANONYMOUS for kind in trace.vmas.kind] + [False])
    inside = kind_of_vma[faults.vma]
    place = (trace.space >= 0) & (faults.page >= 0)
    # a copy in a private file mapping is small for ever
    known = (role != NONE) & place & (inside | (faults.vma < 0))
    unknown = (faults.kind == KIND["unknown"]) & place & inside
    row = np.flatnonzero(known | unknown)
    role = role[row]
    space, page = trace.space[row], faults.page[row]
    vague = np.flatnonzero(unknown[row])
    if len(vague):
        seen = _seen_before((space << trace.page_bits) | page)
        role[vague] = np.where(seen[vague], WRITE, np.where(faults.write[row[vague]] == 0, TOUCH_READ, TOUCH_WRITE))
    extent = faults.extent[row]
    return Anon(row, space, page, faults.ts_ns[row], role, _fits(trace, extent, page, faults.ts_ns[row]), extent)


def _seen_before(key: Int) -> Bools:
    """True where an earlier row has the same key."""
    order = np.argsort(key, kind="stable")
    again = np.zeros(len(key), np.bool_)
    again[order[1:]] = key[order[1:]] == key[order[:-1]]
    return again


def _fits(trace: Trace, extent: Int, page: Int, when: Int) -> Bools:
    shift = HUGE_SHIFT - PAGE_SHIFT
    block = page >> shift
    first = (trace.extents.start + (1 << HUGE_SHIFT) - 1) >> HUGE_SHIFT
    past = trace.extents.end >> HUGE_SHIFT
    first[-1], past[-1] = 0, 0
    fits: Bools = (first[extent] <= block) & (block < past[extent])
    _fit_moved(trace, extent, page, fits)
    _unfit_trimmed(trace, extent, page, when, fits)
    return fits


def _fit_moved(trace: Trace, extent: Int, page: Int, fits: Bools) -> None:
    """Ranges that mremap moved or grew have no record of their own: the call says how far they reach."""
    calls = trace.calls
    moved = np.array([call == "mremap" for call in calls.call], np.bool_)
    start = trace.extents.start[extent] >> PAGE_SHIFT
    end = (trace.extents.end[extent] + 4095) >> PAGE_SHIFT
    outside = np.flatnonzero((page < start) | (page >= end)) if moved.any() else np.empty(0, np.int64)
    if not len(outside):
        return
    low = calls.new_addr[moved] >> PAGE_SHIFT
    order = np.argsort(low, kind="stable")
    low, high = low[order], ((calls.new_addr[moved] + calls.size_bytes[moved]) >> PAGE_SHIFT)[order]
    place = np.searchsorted(low, page[outside], side="right") - 1
    at = np.maximum(place, 0)
    block = page[outside] >> 9 << 9
    fits[outside] = (place >= 0) & (low[at] <= block) & (block + 512 <= high[at])


def _unfit_trimmed(trace: Trace, extent: Int, page: Int, when: Int, fits: Bools) -> None:
    """A munmap that cut into a block leaves it half covered until a later record says otherwise."""
    calls = trace.calls
    cut = np.array([call == "munmap" for call in calls.call], np.bool_) & (calls.mm >= 0)
    rows = np.flatnonzero(fits) if cut.any() else np.empty(0, np.int64)
    if not len(rows):
        return
    edge = np.concatenate([calls.addr[cut], calls.addr[cut] + ((calls.size_bytes[cut] + 4095) & ~4095)])
    ragged = (edge & ((1 << HUGE_SHIFT) - 1)) != 0
    bits = trace.page_bits
    key = (np.tile(calls.mm[cut], 2) << bits | edge >> HUGE_SHIFT)[ragged]
    ts = np.tile(calls.ts_ns[cut], 2)[ragged]
    distinct, code = np.unique(key, return_inverse=True)
    wanted = trace.extents.mm[extent[rows]] << bits | page[rows] >> 9
    place = np.minimum(np.searchsorted(distinct, wanted), max(len(distinct) - 1, 0))
    hit = np.flatnonzero(distinct[place] == wanted) if len(distinct) else np.empty(0, np.int64)
    rows, place = rows[hit], place[hit]
    found = AsOf(code, ts).find(place, when[rows])
    fits[rows[(found >= 0) & (ts[np.maximum(found, 0)] > trace.extents.ts_ns[extent[rows]])]] = False
