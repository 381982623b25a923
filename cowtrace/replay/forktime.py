"""What forks cost under a scenario: recorded times, changed by the page table entries that they no longer or newly copy.

mm/memory.c, copy_page_range: time goes with present entries (base pages and huge ones), not with bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cowtrace.replay.trace import BLOCK_PAGES, KIND, Small, Trace
from cowtrace.replay.work import Work

_PTES = {"anon_zero": 1, "zero_page": 1, "thp_split": BLOCK_PAGES}
_PMDS = {"thp_zero": 1, "thp_zero_page": 1, "thp_split": -1}
#: One more row answers for GONE (-1).
_PTE_OF = np.array([_PTES.get(name, 0) for name in KIND] + [0], np.float64)
_PMD_OF = np.array([_PMDS.get(name, 0) for name in KIND] + [0], np.float64)
#: Nanoseconds for one entry, centre and bounds over machines; a fork without entries; vfork or posix_spawn.
_NS_PER_PTE, _NS_PER_PMD = (90.0, 20.0, 250.0), (2900.0, 300.0, 6000.0)
_NS_PER_TABLE = (1000.0, 300.0, 3000.0)
_NS_SPAWN = (60_000.0, 15_000.0, 250_000.0)
_LEAST_NS = 15_000.0
_ENOUGH = 8


@dataclass(slots=True)
class ForkTimes:
    """Nanoseconds per fork; float64[n]. ``source`` says where the price of an entry comes from.

    Attributes:
        measured: False when neither the recording nor a profile tells how long forks took.
    """

    baseline: Small
    value: Small
    low: Small
    high: Small
    source: str
    measured: bool


def fork_times(work: Work, profile: dict[str, Any] | None) -> ForkTimes:
    """Time of each fork as recorded and under the scenario."""
    trace = work.trace
    forks = trace.forks
    ptes, pmds = entries(trace, _PTE_OF[trace.faults.kind]), entries(trace, _PMD_OF[trace.faults.kind])
    told = (profile or {}).get("fork") or {}
    known = forks.duration_ns >= 0
    per_pte, source = _per_pte(trace, ptes, told)
    per_pmd = _spread(told.get("ns_per_pmd")) or _NS_PER_PMD
    base = forks.duration_ns.astype(np.float64)
    if told and not known.all():
        estimate = float(told.get("ns_base", 0)) + per_pte[0] * ptes + per_pmd[0] * np.maximum(pmds, 0)
        base = np.where(known, base, estimate)
    elif known.any():
        base = np.where(known, base, float(base[known].mean()))
    pte_change, pmd_change = _changes(work)
    pte_change += work.pte_change
    pmd_change += work.pmd_change
    results = [base + per_pte[i] * pte_change + per_pmd[i] * pmd_change for i in (0, 1, 2)]
    if work.tables_only.any():
        tables = ptes / BLOCK_PAGES + np.maximum(pmds, 0)
        for i, result in enumerate(results):
            shared = base - per_pte[0] * ptes + _NS_PER_TABLE[i] * tables
            result[work.tables_only] = shared[work.tables_only]
    value, *bounds = (np.maximum(result, np.minimum(base, _LEAST_NS)) for result in results)
    low, high = np.minimum.reduce([value, *bounds]), np.maximum.reduce([value, *bounds])
    for column, price in zip((value, low, high), _NS_SPAWN, strict=True):
        column[work.spawned] = np.minimum(base[work.spawned], price)
        column[work.removed & ~work.spawned] = 0
    return ForkTimes(base, value, low, high, source, bool(known.any() or told) or not len(base))


def entries(trace: Trace, weight: Small) -> Small:
    """Sum of a weight per fault over everything that each fork's parent holds, inherited memory included."""
    forks = trace.forks
    parent = np.where(forks.parent >= 0, trace.space_of[np.maximum(forks.parent, 0)], -1)
    rows = np.flatnonzero((weight != 0) & (trace.space >= 0))
    total = np.zeros(len(parent))
    if not len(rows) or not len(parent):
        return total
    space, ts = trace.space[rows], trace.faults.ts_ns[rows]
    order = np.argsort(space, kind="stable")
    space, ts = space[order], ts[order]
    sums = np.r_[0.0, np.cumsum(weight[rows][order])]
    first = np.searchsorted(space, parent)
    last = np.searchsorted(space, parent, side="right")
    at = first.copy()
    for fork in range(len(parent)):
        at[fork] = first[fork] + np.searchsorted(ts[first[fork] : last[fork]], forks.ts_ns[fork])
    own = sums[at] - sums[first]
    carried: dict[int, float] = {}
    for fork in np.argsort(forks.ts_ns, kind="stable").tolist():
        total[fork] = own[fork] + carried.get(int(parent[fork]), 0.0)
        carried[int(forks.child[fork])] = float(total[fork])
    return total


def _changes(work: Work) -> tuple[Small, Small]:
    """More base and huge entries that each fork copies under the scenario."""
    trace = work.trace
    result = []
    for of_kind, extra in ((_PTE_OF, True), (_PMD_OF, False)):
        weight = of_kind[work.kind] - of_kind[trace.faults.kind]
        for part in work.extras if extra else []:
            np.add.at(weight, part.row, part.value * of_kind[part.kind])
        result.append(entries(trace, weight))
    return result[0], result[1]


def _per_pte(trace: Trace, ptes: Small, told: dict[str, Any]) -> tuple[tuple[float, float, float], str]:
    forks = trace.forks
    timed = np.flatnonzero(forks.duration_ns >= 0)
    if len(timed) >= _ENOUGH:
        x, y = ptes[timed], forks.duration_ns[timed].astype(np.float64)
        low, high = np.quantile(x, 0.1), np.quantile(x, 0.9)
        if high - low > 2000:
            # medians of the thirds with few and with many entries: one late fork does not tilt the line
            few, many = x <= np.quantile(x, 1 / 3), x >= np.quantile(x, 2 / 3)
            slope = (np.median(y[many]) - np.median(y[few])) / max(1.0, np.median(x[many]) - np.median(x[few]))
            if 5 < slope < 2000:
                return (float(slope), float(slope) * 0.7, float(slope) * 1.4), f"{len(timed)} timed forks"
    if spread := _spread(told.get("ns_per_pte")):
        return spread, "profile"
    return _NS_PER_PTE, "typical times per page table entry (no profile: cowtrace calibrate)"


def _spread(value: object) -> tuple[float, float, float] | None:
    if not isinstance(value, int | float) or value <= 0:
        return None
    return float(value), float(value) * 0.7, float(value) * 1.4
