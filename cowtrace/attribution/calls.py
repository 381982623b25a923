"""How long each fork took: clone system calls from entry to exit around the fork."""

from __future__ import annotations

import numpy as np

from cowtrace.attribution import roles as R
from cowtrace.attribution.asof import AsOf, Int
from cowtrace.attribution.rows import Rows
from cowtrace.attribution.spans.builder import Spans


class CloneCalls:
    """Collects clone, clone3, fork and vfork calls over the batches."""

    def __init__(self) -> None:
        self._parts: list[tuple[Int, Int, Int, Int]] = []

    def add(self, rows: Rows) -> None:
        """Take the calls of a batch."""
        at = np.flatnonzero((rows.role == R.CLONE_ENTER) | (rows.role == R.CLONE_EXIT))
        if len(at):
            self._parts.append((rows.tgid[at], rows.tid[at], rows.ts_ns[at], rows.role[at]))

    def add_spans(self, spans: Spans, wanted: np.ndarray) -> None:
        """Take the calls among the spans of a batch; ``wanted`` says of each function number whether it is one."""
        at = np.flatnonzero(wanted[spans.function] & (spans.end_ns >= 0)) if len(spans) else np.empty(0, np.int64)
        if len(at):
            who = np.tile(spans.tgid[at], 2), np.tile(spans.tid[at], 2)
            role = np.repeat([R.CLONE_ENTER, R.CLONE_EXIT], len(at))
            self._parts.append((*who, np.concatenate([spans.ts_ns[at], spans.end_ns[at]]), role))

    def durations(self, parent_tgid: Int, ts: Int) -> Int:
        """Nanoseconds of the call around each fork, -1 where it was not recorded.

        Args:
            parent_tgid: Who forked.
            ts: When the kernel reported the child.
        """
        if not self._parts:
            return np.full(len(ts), -1, np.int64)
        tgid, tid, when, role = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        order = np.lexsort((when, tid))
        tgid, tid, when, role = tgid[order], tid[order], when[order], role[order]
        whole = np.flatnonzero((role[:-1] == R.CLONE_ENTER) & (role[1:] == R.CLONE_EXIT) & (tid[:-1] == tid[1:]))
        enter, leave, owner = when[whole], when[whole + 1], tgid[whole]
        found = AsOf(np.maximum(owner, 0), enter).find(np.maximum(parent_tgid, 0), ts)
        hit = np.maximum(found, 0)
        inside = (found >= 0) & (leave[hit] >= ts) if len(leave) else np.zeros(len(ts), np.bool_)
        return np.where(inside, leave[hit] - enter[hit], -1) if len(leave) else np.full(len(ts), -1, np.int64)
