"""``hugetlb=PATTERN``: mappings of hugetlb pages from a reserved pool (mm/hugetlb.c, hugetlb_fault, hugetlb_wp)."""

from __future__ import annotations

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.replay.families import Families
from cowtrace.replay.patterns import check_pattern, matching
from cowtrace.replay.scope import Scope
from cowtrace.replay.trace import GONE, KIND, Bools, Trace
from cowtrace.replay.work import Work

_TOUCHES = tuple(KIND[name] for name in ("anon_zero", "zero_page", "mthp_zero", "thp_zero", "thp_zero_page", "shmem"))
_WRITES = tuple(KIND[name] for name in ("cow_copy", "cow_reuse", "thp_split", "thp_reuse", "zero_page_cow", "thp_zero_page_cow"))


def check_value(value: str) -> None:
    """Any pattern."""
    check_pattern("hugetlb", value)


def lacks(trace: Trace) -> str | None:
    """Mappings and addresses are needed."""
    if not len(trace.vmas.kind):
        return "the recording holds no mappings (perf record -d)"
    return "faults were sampled, so neighbours are missing (perf record -c 1)" if trace.sampled else None


def apply(work: Work, value: str, scope: Scope) -> None:
    """One fault for each 2 MiB at first touch; after a fork the first write to each copies or reuses all of it."""
    trace = work.trace
    inside = matching(trace, "hugetlb", value)[trace.faults.vma] & scope.faults & (work.kind != GONE) & (trace.space >= 0)
    touch = inside & np.isin(trace.faults.kind, _TOUCHES)
    write = inside & np.isin(trace.faults.kind, _WRITES)
    families = Families(trace, work.removed)
    rows = np.flatnonzero(touch | write)
    key = (trace.space[rows] << trace.page_bits) | (trace.faults.page[rows] >> 9)
    first = _first(key)
    inherited = _in_parent(trace, families, rows, first)
    fills = first & touch[rows] & ~inherited
    epoch = families.epoch(trace.space[rows], trace.faults.ts_ns[rows])
    # the first write in each stretch between forks, of a block that a fork had shared
    order = np.lexsort((trace.faults.ts_ns[rows], epoch, key))
    stretch = np.zeros(len(rows), np.bool_)
    stretch[order] = np.r_[True, (key[order][1:] != key[order][:-1]) | (epoch[order][1:] != epoch[order][:-1])] if len(order) else False
    again = stretch & ~fills & (write[rows] | inherited)
    copies = again & ((trace.faults.kind[rows] == KIND["cow_copy"]) | (trace.faults.kind[rows] == KIND["thp_split"]) | inherited)
    work.drop(rows[~fills & ~again])
    work.change(rows[fills], "hugetlb")
    work.change(rows[copies], "hugetlb_cow")
    work.copied[rows[again & ~copies]] = 0
    work.assume(f"{value} is aligned to 2 MiB, and the pool holds enough pages; a copy after a fork that finds none kills the child.")
    work.leave_out("Memory that the pool reserves whether it is used or not.")


def _first(key: Int) -> Bools:
    result = np.zeros(len(key), np.bool_)
    result[np.unique(key, return_index=True)[1]] = True
    return result


def _in_parent(trace: Trace, families: Families, rows: Int, first: Bools) -> Bools:
    """bool per row: it is the first of its block in a child, and the parent had touched the block before the fork."""
    result = np.zeros(len(rows), np.bool_)
    at = np.flatnonzero(first & families.inherits[trace.space[rows]])
    block = trace.faults.page[rows] >> 9
    key = (trace.space[rows] << trace.page_bits) | block
    known, when = np.unique(key, return_index=True)
    space = trace.space[rows[at]]
    while len(at):
        birth = families.lives.start_ns[space]
        space = trace.space_of[families.lives.parent[space]]
        wanted = (space << trace.page_bits) | block[at]
        place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        held = (known[place] == wanted) & (trace.faults.ts_ns[rows[when[place]]] < birth)
        result[at[held]] = True
        on = ~held & families.inherits[space]
        at, space = at[on], space[on]
    return result
