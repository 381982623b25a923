"""``thp=never|madvise|always``: transparent huge pages for anonymous memory (/sys/kernel/mm/transparent_hugepage/enabled)."""

from __future__ import annotations

import numpy as np
import polars as pl

from cowtrace.errors import UsageError
from cowtrace.replay.collapse import collapse
from cowtrace.replay.eligible import allowed, recorded_mode
from cowtrace.replay.families import Families
from cowtrace.replay.layouts import try_layouts
from cowtrace.replay.scope import Scope
from cowtrace.replay.touches import HUGE_FILL, HUGE_ZERO, Anon, anonymous
from cowtrace.replay.trace import GONE, Trace
from cowtrace.replay.unfold import unfold
from cowtrace.replay.work import Work

_VALUES = ("never", "madvise", "always")
#: Programs that turn huge pages off for themselves, unless told otherwise, where the policy is always (redis: src/server.c, THPDisable).
_DISABLE_THEMSELVES = ("redis-server", "valkey-server", "redis-sentinel", "keydb-server")


def check_value(value: str) -> None:
    """Only the three policies."""
    if value not in _VALUES:
        raise UsageError(f"what-if thp={value}: expected thp={'|'.join(_VALUES)}")


def lacks(trace: Trace) -> str | None:
    """Addresses are needed, and every fault."""
    if not (trace.faults.page >= 0).any():
        return "the recording holds no fault addresses (perf record -d)"
    if trace.sampled:
        return "faults were sampled, so which pages of a block were touched is not known (perf record -c 1)"
    return None


def apply(work: Work, value: str, scope: Scope) -> None:
    """Unfold huge pages that would not be, fold base pages that would be huge."""
    trace = work.trace
    mode, source = recorded_mode(trace)
    work.assume(f"Huge pages were {mode} while recording ({source}); file mappings do not depend on this setting.")
    if mode == value:
        return
    anon = anonymous(trace)
    anon = anon.take((work.kind[anon.row] != GONE) & scope.faults[anon.row])
    families = Families(trace, work.removed)
    after = allowed(trace, anon, value)
    filled = (anon.role == HUGE_FILL) | (anon.role == HUGE_ZERO)
    if filled.any() and _RANK[value] < _RANK[mode]:
        unfold(work, anon, families, _kept(anon, after))
    if _RANK[value] > _RANK[mode]:
        before = allowed(trace, anon, mode)
        may = after & ~before
        rows = collapse(work, anon, may, families)
        _say(work, anon, may, rows)
        try_layouts(work, anon, may, families)


_RANK = {"never": 0, "madvise": 1, "always": 2}


def _kept(anon: Anon, after: np.ndarray) -> np.ndarray:
    """bool per row: its block stays huge under the new policy (advised memory under madvise)."""
    return after


def _say(work: Work, anon: Anon, may: np.ndarray, rows: np.ndarray) -> None:
    work.assume("The program asks for the same memory under either setting, and mappings keep their sizes.")
    _fallbacks(work, rows)
    # 4096 pages each 10 s by default (mm/khugepaged.c)
    blocks = 8 * (1 + work.trace.span_ns // 10_000_000_000)
    work.leave_out(f"khugepaged may have copied up to {blocks} blocks into huge pages in this time; their later faults vanish.")
    comms = {work.trace.groups[group][0] for group in np.unique(work.trace.faults.group[rows]).tolist()}
    for comm in sorted(comms & set(_DISABLE_THEMSELVES)):
        _may_disable(work, comm)


def _fallbacks(work: Work, rows: np.ndarray) -> None:
    """Allocations of huge pages that fail: as often as on this machine while recording (vmstat), where it says."""
    trace = work.trace
    table = trace.store.lazy("vmstat").select("snapshot_id", pl.col("name").cast(pl.String), "value").collect()
    counts = {}
    for name in ("thp_fault_alloc", "thp_fault_fallback"):
        values = table.filter(pl.col("name") == name).sort("snapshot_id")["value"].to_list()
        counts[name] = values[-1] - values[0] if len(values) > 1 else 0
    tried = sum(counts.values())
    if tried <= 0 or counts["thp_fault_fallback"] <= 0:
        work.assume("Allocations of 2 MiB blocks succeed: no failure was seen while recording.")
        return
    share = counts["thp_fault_fallback"] / tried
    work.assume(f"Up to {share:.0%} of allocations of 2 MiB blocks fail, as on the machine while recording: in the interval.")
    gone = np.bincount(trace.faults.group[work.kind == GONE], minlength=len(trace.groups)) * share
    some = np.flatnonzero(gone)
    work.slack.append((some, np.zeros(len(some)), gone[some]))


def _may_disable(work: Work, comm: str) -> None:
    """Redis turns huge pages off for itself where it finds the policy ``always``, unless its configuration says disable-thp no."""
    recording = work.trace.store.manifest.get("recording") or {}
    command = " ".join(map(str, (recording.get("target") or {}).get("command") or ()))
    if "disable-thp no" in command:
        return
    work.assume(f"{comm} is configured with disable-thp no; otherwise it turns huge pages off for itself and nothing changes.")
    trace = work.trace
    groups = np.array([name == comm for name, _ in trace.groups], np.bool_)
    mine = groups[trace.faults.group]
    before = np.bincount(trace.faults.group[mine], minlength=len(trace.groups))
    now = np.bincount(trace.faults.group[mine & (work.kind != GONE)], minlength=len(trace.groups))
    at = np.flatnonzero(groups)
    work.slack.append((at, np.maximum(now - before, 0)[at].astype(np.float64), np.maximum(before - now, 0)[at].astype(np.float64)))
