"""The facts about one fault that its verdict may rest on, as small whole numbers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from cowtrace.attribution.asof import Int

#: What the page table showed before and after (kernel-sampled page size and frame). BASE and BIG: mapped, frame not recorded.
NOT_RECORDED, NONE, ZERO, PAGE, HUGE_ZERO, HUGE, BASE, BIG = range(8)

#: Answers to yes/no questions.
NO, YES, UNKNOWN = range(3)

#: Allocation inside the fault. UNCLEAR: recorded, but which are the fault's can't be told.
ALLOC_UNKNOWN, ALLOC_NONE, ALLOC_ZEROED, ALLOC_PLAIN, ALLOC_MID, ALLOC_HUGE, ALLOC_UNCLEAR = range(7)

#: Counters changed inside (bits of Faults.rss), or RSS_UNKNOWN.
RSS_FILE, RSS_ANON, RSS_SWAP, RSS_SHMEM, RSS_UNKNOWN = 1, 2, 4, 8, 16

#: Who else may hold the page's frame: nobody since it was made; somebody now; somebody once, nobody now.
SHARING_UNKNOWN, EXCLUSIVE, SHARED, LAST_OWNER = range(4)


#: Order of the page allocated, as far as anything but an allocation event tells.
ORDER_UNKNOWN, ORDER_BASE, ORDER_SOME = range(3)

#: Whose is the frame behind a private file mapping.
CACHE_UNKNOWN, CACHE_PAGE, PRIVATE_COPY = range(3)


@dataclass(frozen=True, slots=True)
class Facts:
    """One fault, or whole columns of them (then every field is int64[n]).

    Attributes:
        before, after: What was mapped, from NOT_RECORDED .. BIG.
        same_frame: YES/NO/UNKNOWN.
        exited: The fault succeeded; NO: entry without exit; UNKNOWN: exits are not recorded.
        write, present, major: From the error code, the exit event; present also from ``before``.
        vma: Kind code of the mapping (cowtrace.attribution.mappings).
        writable: The mapping may be written.
        can_be_huge: The mapping covers the aligned huge block around the address.
        neighbours: Other base pages of that block fault in by themselves, so that the block is not mapped huge.
        alloc: ALLOC_*.
        rss: Bits, or RSS_UNKNOWN.
        origin: What earlier faults put there (cowtrace.attribution.pages), UNSEEN included.
        complete: The address space was watched from its start (exec), so that UNSEEN means untouched.
        sharing: SHARING_UNKNOWN .. LAST_OWNER.
        cache: CACHE_UNKNOWN .. PRIVATE_COPY, of the frame found, or got where nothing was mapped.
        uffd: The process uses userfaultfd.
        lost_race: Another thread served the same page at the same time.
        old_thp: Kernel before 5.8, which copied whole huge pages.
        path: What the functions called inside show (cowtrace.attribution.spans.path).
        alloc_order: ORDER_*.
        shows_new: The recording would show a new anonymous page.
        shows_shmem: The recording would show the fault method of shared memory.
        forked: A fork came before.
        has_addr: The address of the fault is known.
    """

    before: Any = NOT_RECORDED
    after: Any = NOT_RECORDED
    same_frame: Any = UNKNOWN
    exited: Any = UNKNOWN
    write: Any = UNKNOWN
    present: Any = UNKNOWN
    major: Any = UNKNOWN
    vma: Any = 0
    writable: Any = UNKNOWN
    can_be_huge: Any = UNKNOWN
    neighbours: Any = NO
    alloc: Any = ALLOC_UNKNOWN
    rss: Any = RSS_UNKNOWN
    origin: Any = 0
    complete: Any = NO
    sharing: Any = SHARING_UNKNOWN
    cache: Any = CACHE_UNKNOWN
    uffd: Any = NO
    lost_race: Any = NO
    old_thp: Any = NO
    path: Any = 0
    alloc_order: Any = ORDER_UNKNOWN
    shows_new: Any = NO
    shows_shmem: Any = NO
    forked: Any = NO
    has_addr: Any = YES


#: Values that each field can take; the product must stay below 2**63 for ``encode``.
_RADIX = {
    "before": 8, "after": 8, "same_frame": 3, "exited": 3, "write": 3, "present": 3, "major": 3, "vma": 9, "writable": 3,
    "can_be_huge": 3, "neighbours": 2, "alloc": 7, "rss": 17, "origin": 7, "complete": 2, "sharing": 4, "cache": 3, "uffd": 2,
    "lost_race": 2, "old_thp": 2, "path": 35, "alloc_order": 3, "shows_new": 2, "shows_shmem": 2, "forked": 2, "has_addr": 2,
}  # fmt: skip
assert list(_RADIX) == [f.name for f in fields(Facts)]


def encode(facts: Facts, count: int) -> Int:
    """One number per fault that stands for all its facts: int64[count]."""
    code = np.zeros(count, np.int64)
    factor, constant = 1, 0
    for name, radix in _RADIX.items():
        value = getattr(facts, name)
        factor, constant = factor * radix, constant * radix
        if isinstance(value, np.ndarray):
            # facts that are the same for all faults are multiplied in together with the next column
            code *= factor
            code += value
            code += constant
            factor, constant = 1, 0
        else:
            constant += value
    code *= factor
    code += constant
    return code


def decode(code: int) -> Facts:
    """The facts behind a number of ``encode``."""
    values = {}
    for name, radix in reversed(_RADIX.items()):
        code, values[name] = divmod(code, radix)
    return Facts(**values)
