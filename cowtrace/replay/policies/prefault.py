"""``prefault=PATTERN``: MAP_POPULATE or MADV_POPULATE_WRITE of mappings when they are made (mm/gup.c, populate_vma_page_range)."""

from __future__ import annotations

import numpy as np

from cowtrace.replay.costs import Costs
from cowtrace.replay.forktime import entries
from cowtrace.replay.patterns import check_pattern, matching
from cowtrace.replay.scope import Scope
from cowtrace.replay.trace import GONE, KIND, PAGE_SHIFT, Trace
from cowtrace.replay.work import Delta, Work

_TOUCHES = tuple(KIND[name] for name in ("anon_zero", "zero_page", "zero_page_cow", "mthp_zero", "shmem"))
#: Populating a page costs this share of its fault: no exception, no entry and exit of the kernel (centre and bounds over machines).
_SHARE = (0.6, 0.3, 0.95)


def check_value(value: str) -> None:
    """Any pattern."""
    check_pattern("prefault", value)


def lacks(trace: Trace) -> str | None:
    """Mappings are needed."""
    return None if len(trace.vmas.kind) else "the recording holds no mappings (perf record -d)"


def apply(work: Work, value: str, scope: Scope) -> None:
    """First touches vanish; the whole mapping is populated at once, touched later or not."""
    trace = work.trace
    hit = matching(trace, "prefault", value)
    touches = hit[trace.faults.vma] & scope.faults & np.isin(trace.faults.kind, _TOUCHES) & (work.kind != GONE)
    rows = np.flatnonzero(touches)
    cost = Costs(trace, None).of("anon_zero")
    work.drop(rows)
    # what was populated is there when the process forks
    work.pte_change += entries(trace, touches.astype(np.float64))
    inside = np.flatnonzero(hit[:-1] & (trace.vmas.mm >= 0))
    inside = inside[scope.lives[trace.vmas.mm[inside]]]
    for vma in inside.tolist():
        pages = int(trace.vmas.end[vma] - trace.vmas.start[vma]) >> PAGE_SHIFT
        mm = int(trace.vmas.mm[vma])
        comm, tgid = trace.life_comm[mm], int(trace.lives.tgid[mm])
        touched = int((trace.faults.vma[rows] == vma).sum())
        if cost is not None:
            value_ns, low, high = (pages * share * cost.mean_ns for share in _SHARE)
            source = f"Populating costs {_SHARE[0]:.0%} of a zero-fill's fault per page; it is counted as fault time."
            work.deltas.append(Delta("fault_time_ns", comm, tgid, 0, value_ns, low, high, source))
        zeroed = float(pages << PAGE_SHIFT)
        source = f"{value}: {pages:,} pages populated, {touched:,} of them were touched."
        for measure in ("zeroed_bytes", "peak_private_bytes"):
            work.deltas.append(Delta(measure, comm, tgid, 0, zeroed, zeroed, zeroed, source))
    work.assume("Mappings are populated in full, at their largest size, when they are made.")
