"""``fork=vfork|spawn|none|odf``: other ways to start a process than copying the address space.

``vfork`` and ``spawn`` (posix_spawn) apply to children that exec: until then they run in the parent's memory (kernel/fork.c, CLONE_VM).
``none`` drops children that never exec, such as snapshots. ``odf`` is on-demand-fork: page tables are shared and copied at the first write
to each 2 MiB (a research kernel, not upstream).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from cowtrace.attribution.asof import Int
from cowtrace.errors import UsageError
from cowtrace.replay.scope import Scope
from cowtrace.replay.trace import GONE, KIND, Bools, Trace
from cowtrace.replay.work import Work

_VALUES = ("vfork", "spawn", "none", "odf")
_AFTER_FORK = tuple(KIND[name] for name in ("cow_copy", "cow_reuse", "thp_split", "thp_reuse"))


def check_value(value: str) -> None:
    """Only the four ways."""
    if value not in _VALUES:
        raise UsageError(f"what-if fork={value}: expected fork={'|'.join(_VALUES)}")


def lacks(trace: Trace) -> str | None:
    """Forks are needed."""
    return None if len(trace.forks.ts_ns) else "the recording holds no fork of an address space"


def apply(work: Work, value: str, scope: Scope) -> None:
    """Take forks out, or make them cheap."""
    forks = work.trace.forks
    mine = (forks.parent >= 0) & np.append(scope.lives, False)[forks.parent]
    if value == "odf":
        work.tables_only |= mine
        work.assume("On-demand-fork copies a page table at the first write to each 2 MiB of either side; faults stay as many.")
        work.leave_out("Time of copying page tables later, inside faults, under fork=odf.")
        return
    chosen = mine & (~forks.execed if value == "none" else forks.execed)
    if not chosen.any():
        kind = "no child that never execs" if value == "none" else "no child that execs"
        raise UsageError(f"what-if fork={value}: the recording holds {kind} here")
    work.removed |= chosen
    if value == "none":
        work.assume("What the children did (a snapshot, a worker's job) is not done at all, or costs no memory elsewhere: an upper bound.")
    else:
        work.spawned |= chosen
        work.assume(f"Nothing that the children do between fork and exec keeps them from {value}.")
    _drop_children(work, chosen)
    _drop_parents(work, chosen)


def _drop_children(work: Work, chosen: Bools) -> None:
    """All that happened in the copies, and in copies of copies."""
    trace = work.trace
    gone = np.zeros(len(trace.lives.tgid), np.bool_)
    gone[trace.forks.child[chosen]] = True
    work.drop(gone[trace.space] & (trace.space >= 0) if len(gone) else np.zeros(0, np.bool_))


def _drop_parents(work: Work, chosen: Bools) -> None:
    """Faults of parents on pages that only forks which are gone had write-protected since the page's last fault."""
    trace = work.trace
    faults = trace.faults
    after = np.isin(faults.kind, _AFTER_FORK) & (work.kind != GONE) & (trace.space >= 0)
    rows = np.flatnonzero(after & ~faults.by_child & (faults.fork_id >= 0))
    rows = rows[chosen[np.minimum(faults.fork_id[rows], len(chosen) - 1)]]
    if not len(rows):
        return
    since = _previous(trace, rows)
    kept = ~work.removed & (trace.forks.parent >= 0)
    work.drop(rows[~_forked_between(trace, kept, trace.space[rows], since, faults.ts_ns[rows])])


def _previous(trace: Trace, rows: Int) -> Int:
    """Time of the fault of the same page before each row, or the birth of its address space."""
    faults = trace.faults
    key = (trace.space << trace.page_bits) | np.maximum(faults.page, 0)
    part = np.flatnonzero(pl.Series(key).is_in(pl.Series(key[rows]).unique().implode()).to_numpy())
    order = part[np.argsort(key[part], kind="stable")]
    before = np.full(len(faults), np.iinfo(np.int64).min)
    same = key[order[1:]] == key[order[:-1]]
    before[order[1:][same]] = faults.ts_ns[order[:-1][same]]
    return before[rows]


def _forked_between(trace: Trace, kept: Bools, space: Int, since: Int, until: Int) -> Bools:
    """Did the address space make one of the kept forks between two times."""
    parent, ts = trace.space_of[trace.forks.parent[kept]], trace.forks.ts_ns[kept]
    order = np.lexsort((ts, parent))
    times = np.unique(ts)
    key = (parent[order] << 32) + np.searchsorted(times, ts[order])
    low = np.searchsorted(key, (space << 32) + np.searchsorted(times, since))
    high = np.searchsorted(key, (space << 32) + np.searchsorted(times, until))
    result: Bools = high > low
    return result
