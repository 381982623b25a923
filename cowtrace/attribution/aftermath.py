"""What a fault allocated and counted, in recordings that tell its exception but not its end.

Until something else of the thread is seen, its allocations and counters come from the fault, or from a system call after it that is not
recorded (write, mmap with MAP_POPULATE, process_vm_writev). So none at all proves that the fault made none; one that follows the exception
at once is the fault's; anything else proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cowtrace.attribution import roles as R
from cowtrace.attribution.asof import Int
from cowtrace.attribution.roles import Roles
from cowtrace.attribution.rows import Rows

Bool = npt.NDArray[np.bool_]

#: From an exception to the fault's own allocation, from that to its counter (filling a base page), and between two counters, where nothing
#: was waited for: measured 1 to 3 µs.
NEAR_NS = 20_000
#: What a thread has not done this long after an exception, it is not waited for.
HORIZON_NS = 100_000_000

# include/linux/gfp_types.h: bits as of 4.19
_GFP_MOVABLE, _GFP_ZERO, _GFP_WRITE = 0x8, 0x100, 0x1000
# arch/x86/include/asm/trap_pf.h
_PROT, _WRITE = 1, 2
#: A fault moves a page from one counter to another at most.
_COUNTERS = 2

NO_ALLOC, ALLOC_UNKNOWN, ALLOC_UNCLEAR, RSS_UNKNOWN = -1, -2, -3, -1


@dataclass(slots=True)
class Aftermath:
    """One value a fault, in the order of the faults given.

    Attributes:
        order: Order of the page allocated; NO_ALLOC; ALLOC_UNCLEAR; ALLOC_UNKNOWN: not recorded.
        zeroed: bool, it was asked for zeroed.
        rss: Bits of the counters that changed; RSS_UNKNOWN.
    """

    order: Int
    zeroed: Bool
    rss: Int


def _closes(rows: Rows) -> Bool:
    """bool per row: nothing after it can belong to an earlier fault of its thread."""
    closes = ~np.isin(rows.role, (R.ALLOC, R.RSS, R.OTHER))
    if rows.addr is not None:
        # exceptions on the kernel's own addresses happen inside faults
        closes &= ~((rows.role == R.EXC_KERNEL) & (rows.addr < 0))
    return closes


def closed_rows(rows: Rows, order: Int, tid: Int, start_at: Int) -> Bool:
    """bool for each start, the last of its thread: something else of the thread follows it.

    Args:
        rows: Events.
        order: Their order by thread.
        tid: In that order.
        start_at: Places of starts in it.
    """
    before = np.r_[0, np.cumsum(_closes(rows)[order])]
    end = np.searchsorted(tid, tid[start_at], side="right")
    closed: Bool = before[end] > before[start_at + 1]
    return closed


def join_aftermath(rows: Rows, order: Int, start_at: Int, roles: Roles) -> Aftermath:
    """Allocations and counters after each exception.

    Args:
        rows: Events.
        order: Their order by thread.
        start_at: Places of the exceptions in it, ascending.
        roles: The recording's roles.
    """
    count = len(start_at)
    result = Aftermath(np.full(count, ALLOC_UNKNOWN), np.zeros(count, np.bool_), np.full(count, RSS_UNKNOWN))
    if rows.first is None or rows.second is None or not count:
        return result
    role = rows.role[order]
    stops = np.flatnonzero(_closes(rows)[order])
    inner = np.flatnonzero((role == R.ALLOC) | (role == R.RSS))
    owner = np.searchsorted(start_at, inner) - 1
    latest = np.append(stops, -1)[np.searchsorted(stops, inner) - 1]
    inside = (owner >= 0) & (latest == start_at[owner]) & (rows.tid[order[inner]] == rows.tid[order[start_at[owner]]])
    inner, owner = inner[inside], owner[inside]
    row = order[inner]
    after_ns = rows.ts_ns[row] - rows.ts_ns[order[start_at[owner]]]
    flags = rows.second[row]
    is_alloc = role[inner] == R.ALLOC
    # pages for written files have __GFP_WRITE; no fault asks for it
    own = is_alloc & (flags & _GFP_MOVABLE != 0) & (flags & _GFP_WRITE == 0)
    if roles.alloc_seen:
        _allocations(result, owner[own], after_ns[own], rows.first[row[own]], flags[own] & _GFP_ZERO != 0)
    if roles.rss_seen:
        # what a read finds may come from a disk, after its pages were allocated
        reads = rows.first[order[start_at]] & (_PROT | _WRITE) == 0
        _counters(result, reads, owner, after_ns, own, ~is_alloc & (flags == 1), rows.first[row])
        # allocated, yet counted much later: given back, or a call's
        unclear = (result.rss == RSS_UNKNOWN) & (result.order >= 0)
        result.order[unclear], result.zeroed[unclear] = ALLOC_UNCLEAR, False
    return result


def _allocations(result: Aftermath, owner: Int, after_ns: Int, order: Int, zeroed: Bool) -> None:
    made = np.bincount(owner, minlength=len(result.order))
    result.order[:] = np.where(made == 0, NO_ALLOC, ALLOC_UNCLEAR)
    sole = (made[owner] == 1) & (after_ns <= NEAR_NS)
    result.order[owner[sole]] = order[sole]
    result.zeroed[owner[sole]] = zeroed[sole]


def _counters(result: Aftermath, reads: Bool, owner: Int, after_ns: Int, alloc: Bool, counted: Bool, member: Int) -> None:
    """The first counters, as far as they follow the exception or the fault's own allocation closely enough."""
    count = len(result.rss)
    place = np.arange(len(owner))
    first = np.full(count, len(owner))
    np.minimum.at(first, owner[counted], place[counted])
    begun_ns = np.zeros(count, np.int64)
    own = alloc & (after_ns <= NEAR_NS) & (place < first[owner])
    np.maximum.at(begun_ns, owner[own], after_ns[own])
    has_own = np.zeros(count, np.bool_)
    has_own[owner[own]] = True
    some = np.flatnonzero(first < len(owner))
    # filling takes as much longer as the page is larger
    limit = begun_ns + (NEAR_NS << np.clip(result.order, 0, 9))
    told = np.ones(count, np.bool_)
    told[some] = (after_ns[first[some]] <= limit[some]) | (reads & has_own)[some]
    result.rss[told] = 0
    nth = place - first[owner]
    apart = np.diff(after_ns, prepend=0) > NEAR_NS
    follows = counted & told[owner] & (nth >= 0) & (nth < _COUNTERS)
    # an allocation or a pause after the first counter ends what is the fault's
    follows &= (nth == 0) | ~apart
    np.bitwise_or.at(result.rss, owner[follows], 1 << np.clip(member[follows], 0, 3))
