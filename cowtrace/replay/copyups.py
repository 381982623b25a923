"""What the knobs of overlay mounts share: the rows of ``copyup``, and the measures that they move."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cowtrace.copyup.costs import CopyCosts, Range, measured_costs
from cowtrace.copyup.whatif import Copied, Cost, start
from cowtrace.replay.scope import Scope
from cowtrace.replay.trace import Trace
from cowtrace.replay.work import Delta, Work

#: Measures of copy-ups in results.
TIME, BYTES, MEMORY = "copyup_time_ns", "copyup_bytes", "tmpfs_bytes"
_STATE = "copyups"


@dataclass(slots=True)
class CopyUpWork:
    """Copy-ups under a scenario in the making; all overlay knobs change the same."""

    copies: list[Copied]
    costs: CopyCosts
    mounts: Sequence[Mapping[str, Any]]
    has_memory: bool = False


def lacks_copyups(trace: Trace) -> str | None:
    """Why a recording can't support the knobs of overlays; None when it can."""
    rows = trace.store.manifest.get("rows") or {}
    if not rows.get("copyup"):
        return "the recording holds no overlay copy-up (record in the overlay with cowtrace record --overlay)"
    return None


def change(work: Work, scope: Scope, policy: Callable[[CopyUpWork, str | None], list[Copied]]) -> None:
    """Let a policy change the copy-ups of the scope, and book the difference."""
    state = work.state.get(_STATE)
    if state is None:
        state = work.state[_STATE] = _start(work.trace)
    if scope.all:
        state.copies = policy(state, None)
    else:
        names = {work.trace.groups[group][0] for group in set(work.trace.faults.group[scope.faults].tolist())}
        for name in sorted(names):
            state.copies = policy(state, name)
    work.deltas[:] = [delta for delta in work.deltas if delta.measure not in (TIME, BYTES, MEMORY)] + _deltas(work.trace, state)


def _start(trace: Trace) -> CopyUpWork:
    rows = trace.store.lazy("copyup").sort("ts_ns").collect().to_dicts()
    mounts = trace.store.lazy("overlay_mount").collect().to_dicts()
    costs = measured_costs(rows, volatile=any(mount["volatile"] for mount in mounts))
    return CopyUpWork(start(rows, {mount["mount_id"]: mount["metacopy"] for mount in mounts}, costs), costs, mounts)


def _deltas(trace: Trace, state: CopyUpWork) -> list[Delta]:
    name_of = {tgid: comm for comm, tgid in trace.groups}
    sums: dict[tuple[str, int], list[Cost]] = defaultdict(list)
    for copied in state.copies:
        tgid = copied.row["tgid"]
        who = (name_of.get(tgid, copied.row["comm"] or "?"), -1 if tgid is None else tgid)
        sums[who] += [copied.recorded, copied.cost]
    deltas = []
    for (comm, tgid), costs in sorted(sums.items()):
        before, after = costs[::2], costs[1::2]
        for measure, name in ((TIME, "time_ns"), (BYTES, "data_bytes"), (MEMORY, "memory_bytes")):
            if measure == MEMORY and not state.has_memory:
                continue
            was, now = (_total([getattr(cost, name) for cost in part]) for part in (before, after))
            deltas.append(Delta(measure, comm, tgid, was.value, now.value, now.low, now.high, state.costs.source))
    return deltas


def _total(parts: Sequence[Range]) -> Range:
    total = Range.exact(0)
    for part in parts:
        total = total + part
    return total
