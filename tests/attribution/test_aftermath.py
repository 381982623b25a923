"""What follows an exception without an exit: which allocations and counters are the fault's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cowtrace.attribution import roles as R
from cowtrace.attribution.aftermath import ALLOC_UNCLEAR, ALLOC_UNKNOWN, HORIZON_NS, NO_ALLOC
from cowtrace.attribution.pairing import Faults, pair
from cowtrace.attribution.roles import Roles, assign_roles
from cowtrace.attribution.rows import Rows
from tests.support.recording import tracepoint

MOVABLE, ZERO, WRITE = 0x8, 0x100, 0x1000
FILE, ANON = 0, 1
KERNEL = -0x1000

EXC, ALLOC, RSS = R.EXC_USER, R.ALLOC, R.RSS
#: ts in µs, role, first, second
FAULT = (0, EXC, 7, 0x5000)
COPY = (1, ALLOC, 0, MOVABLE)
NEXT = (400, EXC, 7, 0x6000)

CASES = [
    ("nothing", [], (NO_ALLOC, False, 0)),
    ("a page", [COPY], (0, False, 0)),
    ("a zeroed page, counted", [(1, ALLOC, 0, MOVABLE | ZERO), (3, RSS, ANON, 1)], (0, True, 2)),
    ("a zeroed page, counted long after: given back, waited", [(1, ALLOC, 0, MOVABLE | ZERO), (90, RSS, ANON, 1)],
     (ALLOC_UNCLEAR, False, -1)),
    ("a call long after counts for itself", [(1, ALLOC, 0, MOVABLE | ZERO), (2, RSS, ANON, 1), (90, RSS, ANON, 1), (91, RSS, 2, 1)],
     (0, True, 2)),
    ("a page moves between two counters", [COPY, (2, RSS, FILE, 1), (3, RSS, ANON, 1), (4, RSS, 2, 1)], (0, False, 3)),
    ("order 9, counted when it was zeroed", [(2, ALLOC, 9, MOVABLE), (7000, RSS, ANON, 1)], (9, False, 2)),
    ("a page table is none", [(1, ALLOC, 0, ZERO), (2, RSS, FILE, 1)], (NO_ALLOC, False, 1)),
    ("a page of a file written to is none", [(9, ALLOC, 0, MOVABLE | WRITE)], (NO_ALLOC, False, 0)),
    ("a page of a call long after proves nothing", [(60, ALLOC, 0, MOVABLE)], (ALLOC_UNCLEAR, False, 0)),
    ("nor do two", [COPY, (9, ALLOC, 0, MOVABLE | ZERO), (11, RSS, ANON, 1)], (ALLOC_UNCLEAR, False, 2)),
    ("counted, then another page", [COPY, (2, RSS, FILE, 1), (3, RSS, ANON, 1), (20, ALLOC, 9, MOVABLE), (21, RSS, 2, 1)],
     (ALLOC_UNCLEAR, False, 3)),
    ("a counter long after proves nothing", [(60, RSS, FILE, 1)], (NO_ALLOC, False, -1)),
    ("a counter of another address space", [(2, RSS, ANON, 0)], (NO_ALLOC, False, 0)),
    ("a call ends it", [(1, R.MUNMAP, 0x5000, 0x1000), (2, ALLOC, 0, MOVABLE), (3, RSS, ANON, 1)], (NO_ALLOC, False, 0)),
    ("an event of no meaning does not", [(1, R.OTHER, 0, 0), (2, ALLOC, 0, MOVABLE)], (0, False, 0)),
    ("nor an exception in the kernel's memory", [(1, R.EXC_KERNEL, 0, KERNEL), (2, ALLOC, 0, MOVABLE)], (0, False, 0)),
]  # fmt: skip

Line = tuple[int, int, int, int]


def rows_of(lines: list[Line], tid: int = 5) -> Rows:
    ts, role, first, second = (np.array(column, np.int64) for column in zip(*lines, strict=True))
    who = np.full(len(ts), tid, np.int32)
    return Rows(ts * 1000, who, who, role.astype(np.int8), first, second, addr=np.where(role <= R.EXC_KERNEL, second, 0))


def seen_roles() -> Roles:
    names = ("exceptions:page_fault_user", "exceptions:page_fault_kernel", "kmem:mm_page_alloc", "kmem:rss_stat")
    roles = assign_roles([tracepoint(index, name) for index, name in enumerate(names)])
    roles.alloc_seen = roles.rss_seen = True
    return roles


def told(faults: Faults) -> list[tuple[int, bool, int]]:
    assert faults.order is not None and faults.zeroed is not None and faults.rss is not None
    return list(zip(faults.order.tolist(), faults.zeroed.tolist(), faults.rss.tolist(), strict=True))


@pytest.mark.parametrize(("what", "lines", "expected"), CASES, ids=[case[0] for case in CASES])
def test_one_fault(what: str, lines: list[Line], expected: tuple[int, bool, int]) -> None:
    faults, left = pair(rows_of([FAULT, *lines]), seen_roles(), final=True)
    assert (told(faults), left) == ([expected], None)


def test_the_next_exception_begins_anew_and_threads_are_apart() -> None:
    own, other = rows_of([FAULT, COPY, NEXT]), rows_of([(0, R.OTHER, 0, 0), (401, ALLOC, 9, MOVABLE)], tid=6)
    rows = other.after(own)
    faults, _ = pair(rows.take(np.argsort(rows.ts_ns, kind="stable")), seen_roles(), final=True)
    assert told(faults) == [(0, False, 0), (NO_ALLOC, False, 0)]


def test_events_that_a_file_only_names_tell_nothing() -> None:
    roles = seen_roles()
    roles.alloc_seen = roles.rss_seen = False
    assert told(pair(rows_of([FAULT]), roles, final=True)[0]) == [(ALLOC_UNKNOWN, False, -1)]


@pytest.mark.parametrize(
    ("after", "waits"),
    [
        ([], True),
        ([COPY], True),
        ([(1, R.MUNMAP, 0x5000, 0x1000)], False),
        ([(HORIZON_NS // 1000 + 1, R.OTHER, 0, 0)], False),
    ],
)
def test_the_last_fault_of_a_batch_waits_until_something_else_is_seen(after: list[Line], waits: bool) -> None:
    faults, left = pair(rows_of([FAULT, *after]), seen_roles(), final=False)
    assert (len(faults.start), None if left is None else len(left)) == ((0, 1 + len(after)) if waits else (1, None))


def test_allocations_of_another_recorder_are_not_joined() -> None:
    exception, alloc = tracepoint(0, "exceptions:page_fault_user"), tracepoint(1, "kmem:mm_page_alloc")
    assert assign_roles([exception, alloc]).until_next
    assert not assign_roles([exception, replace(alloc, source=1)]).until_next
