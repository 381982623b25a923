"""``mthp=<size>:never|madvise|always``: anonymous folios between a base page and a huge page, since 6.8 (mm/memory.c, alloc_anon_folio)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.errors import UsageError
from cowtrace.replay.eligible import allowed
from cowtrace.replay.forktime import entries
from cowtrace.replay.scope import Scope
from cowtrace.replay.touches import TOUCH_READ, TOUCH_WRITE, anonymous
from cowtrace.replay.trace import GONE, PAGE_SHIFT, Bools, Trace
from cowtrace.replay.work import Work

_SIZES = {f"{kib}K": kib << 10 for kib in (16, 32, 64, 128, 256, 512, 1024)}
_MODES = ("never", "madvise", "always")
_SINCE = (6, 8)


def _parts(value: str) -> tuple[int, str]:
    size, colon, mode = value.partition(":")
    name = size.strip().upper().removesuffix("IB").removesuffix("B")
    name = "1024K" if name == "1M" else name
    if name not in _SIZES or not colon or mode not in _MODES:
        raise UsageError(f"what-if mthp={value}: expected mthp=<size>:never|madvise|always with a size of {', '.join(_SIZES)}")
    return _SIZES[name], mode


def check_value(value: str) -> None:
    """A size and a policy."""
    _parts(value)


def lacks(trace: Trace) -> str | None:
    """Addresses are needed, every fault, and a kernel that has it."""
    if trace.release < _SINCE:
        return f"the recorded kernel {trace.release[0]}.{trace.release[1]} has no folios between 4 KiB and 2 MiB (since 6.8)"
    if not (trace.faults.page >= 0).any():
        return "the recording holds no fault addresses (perf record -d)"
    return "faults were sampled, so neighbours are missing (perf record -c 1)" if trace.sampled else None


def apply(work: Work, value: str, scope: Scope) -> None:
    """The first write to an empty aligned range inside a mapping fills it; the following ones in it vanish."""
    size, mode = _parts(value)
    trace = work.trace
    if mode == "never":
        work.leave_out("Folios of this size in the recording are not undone: how many of their pages were touched is not known.")
        return
    anon = anonymous(trace)
    # the range must fit, not the whole huge block
    start, end = trace.extents.start[anon.extent], trace.extents.end[anon.extent]
    shift = size.bit_length() - 1 - PAGE_SHIFT
    first_byte = anon.page >> shift << (shift + PAGE_SHIFT)
    anon = replace(anon, fits=(start <= first_byte) & (first_byte + size <= end))
    may = allowed(trace, anon, mode)
    touch = ((anon.role == TOUCH_WRITE) | (anon.role == TOUCH_READ)) & (work.kind[anon.row] != GONE) & scope.faults[anon.row]
    at = np.flatnonzero(touch)
    part = anon.take(at)
    key = (part.space << trace.page_bits) | (part.page >> shift)
    order = np.argsort(key, kind="stable")
    head = np.flatnonzero(np.r_[True, key[order][1:] != key[order][:-1]]) if len(order) else order
    fills = order[head]
    # a range that was read first holds zero pages, and every write to it is one of its own
    good = may[at][fills] & (part.role[fills] == TOUCH_WRITE)
    size_of = np.diff(np.r_[head, len(order)])
    rest = np.repeat(good, size_of)
    rest[head] = False
    gone: Int = part.row[order[rest & ~_again(part.space, part.page, trace.page_bits)[order]]]
    work.drop(gone)
    filled = part.row[fills[good]]
    work.change(filled, "mthp_zero")
    work.zeroed[filled] = size
    # the folio's entries are those that its pages would have had
    mapped = np.zeros(len(trace.faults))
    mapped[gone] = mapped[filled] = 1
    work.pte_change += entries(trace, mapped)
    work.assume("After a fork every base page of such a folio is written by a fault of its own, as recorded.")
    work.assume("Children of a fork that touch ranges which their parent had filled in part are counted as if the range were empty.")


def _again(space: Int, page: Int, bits: int) -> Bools:
    """True where an earlier row touches the same page: it was given back."""
    key = (space << bits) | page
    order = np.argsort(key, kind="stable")
    again = np.zeros(len(key), np.bool_)
    again[order[1:]] = key[order[1:]] == key[order[:-1]]
    return again
