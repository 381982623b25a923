"""``dontfork=PATTERN``: MADV_DONTFORK on mappings: children do not get them (mm/mmap.c, dup_mmap skips VM_DONTCOPY)."""

from __future__ import annotations

import numpy as np

from cowtrace.replay.forktime import entries
from cowtrace.replay.patterns import check_pattern, matching
from cowtrace.replay.scope import Scope
from cowtrace.replay.trace import GONE, KIND, Trace
from cowtrace.replay.work import Work

_AFTER_FORK = tuple(KIND[name] for name in ("cow_copy", "cow_reuse", "thp_split", "thp_reuse"))
_PTES = tuple(KIND[name] for name in ("anon_zero", "zero_page"))
_PMDS = tuple(KIND[name] for name in ("thp_zero", "thp_zero_page"))


def check_value(value: str) -> None:
    """Any pattern."""
    check_pattern("dontfork", value)


def lacks(trace: Trace) -> str | None:
    """Forks and mappings are needed."""
    if not len(trace.forks.ts_ns):
        return "the recording holds no fork of an address space"
    return None if len(trace.vmas.kind) else "the recording holds no mappings (perf record -d)"


def apply(work: Work, value: str, scope: Scope) -> None:
    """No write faults after forks there, and no entries to copy."""
    trace = work.trace
    inside = matching(trace, "dontfork", value)[trace.faults.vma] & scope.faults
    after = inside & np.isin(trace.faults.kind, _AFTER_FORK) & (trace.faults.fork_id >= 0) & (work.kind != GONE)
    work.drop(after)
    held = inside & (work.kind != GONE)
    work.pte_change -= entries(trace, (held & np.isin(trace.faults.kind, _PTES)).astype(np.float64))
    work.pmd_change -= entries(trace, (held & np.isin(trace.faults.kind, _PMDS)).astype(np.float64))
    work.assume(f"No child touches {value}: it would end with SIGSEGV. Reads do not fault, so the recording can't prove it.")
