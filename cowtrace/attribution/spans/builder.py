"""Spans of a recording, batch by batch: rows of table ``span``, and for each fault handler call what happened inside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.attribution.spans import functions as C
from cowtrace.attribution.spans import marks as M
from cowtrace.attribution.spans.edges import ENTRY, EXIT, POINT, Edges, no_edges
from cowtrace.attribution.spans.functions import Functions
from cowtrace.attribution.spans.nest import nest


@dataclass(slots=True)
class Spans:
    """Calls in order of their entry; int64[n] each.

    Attributes:
        seq: Number of the event in the recording.
        ts_ns: Entry. -1: no times are recorded.
        end_ns: Exit; -1 without.
        taken_ns: How long it took, by the kernel's own account where that is recorded; -1 unknown.
        tid, tgid, cpu: Who and where, at entry; -1 unknown.
        function, parent: Numbers in ``Functions``; parent -1: outermost, or not known.
        depth: Calls around it.
        retval: NOT_TOLD without.
        flags: Argument of that name; NOT_TOLD without.
    """

    seq: Int
    ts_ns: Int
    end_ns: Int
    taken_ns: Int
    tid: Int
    tgid: Int
    cpu: Int
    function: Int
    parent: Int
    depth: Int
    retval: Int
    flags: Int

    def __len__(self) -> int:
        return len(self.ts_ns)


@dataclass(slots=True)
class Handled:
    """Calls of ``handle_mm_fault`` that ended, with the marks of all inside; int64[n] each, in order of entry. addr NOT_TOLD without."""

    seq: Int
    ts_ns: Int
    end_ns: Int
    tid: Int
    tgid: Int
    cpu: Int
    addr: Int
    marks: Int


@dataclass(slots=True)
class Built:
    """What a batch completed.

    Attributes:
        spans: Calls that are told for good.
        handled: Calls of fault handlers that ended.
        open_tids: Threads that are inside a fault handler now.
        shown: Marks of all calls so far.
        first_seq: Number of the batch's first event in the recording.
    """

    spans: Spans
    handled: Handled
    open_tids: Int
    shown: int
    first_seq: int


class SpanBuilder:
    """Keeps the calls that are open between batches: at most as many a thread as its stack is deep.

    Args:
        functions: Numbers the functions.
        lost_ns: Times at which events were lost, ascending.
        has_times: Times of events are nanoseconds, not just an order.

    Attributes:
        shown: Marks of all calls seen so far: a function that never occurs may not have been recorded at all.
    """

    def __init__(self, functions: Functions, lost_ns: Int, *, has_times: bool = True) -> None:
        self.functions = functions
        self._lost_ns = lost_ns if has_times else lost_ns[:0]
        self._has_times = has_times
        self._open = no_edges()
        self.shown = 0

    def add(self, edges: Edges, *, final: bool, first_seq: int = 0) -> Built:
        """Take the edges of a batch.

        Args:
            edges: In time order.
            final: None follow; calls that are open stay without an end.
            first_seq: Number of the batch's first event in the recording.
        """
        edges = edges.after(self._open) if len(self._open) else edges
        edges = edges.take(np.argsort(edges.thread, kind="stable"))
        nesting = nest(edges, self._lost_ns)
        meaning = self.functions.meaning(edges.function)
        around = M.contexts(meaning, nesting.parent, edges.depth)
        own = np.where(edges.kind == EXIT, 0, M.marks(meaning, around))
        is_handler = (meaning == C.HMF) & (edges.kind == ENTRY)
        self.shown |= int(np.bitwise_or.reduce(own)) if len(own) else 0
        own |= edges.marks
        own[is_handler] |= M.of_flags(edges.flags[is_handler])
        handled = _handled(edges, nesting.partner, own, np.flatnonzero(is_handler & (nesting.partner >= 0)), self._has_times)
        handled.marks |= M.unfinished(handled.marks, self.shown)
        still = np.flatnonzero(nesting.is_open) if not final else np.empty(0, np.int64)
        self._open = edges.take(still)
        self._open.marks = _inside(own, still, edges.thread) if len(still) else self._open.marks
        open_tids = np.unique(edges.tid[still[meaning[still] == C.HMF]])
        return Built(self._spans(edges, nesting.partner, nesting.parent, still), handled, open_tids, self.shown, first_seq)

    def _spans(self, edges: Edges, partner: Int, parent: Int, still: Int) -> Spans:
        """One row for each entry, and for each exit whose entry is missing, that is told for good now."""
        told = (edges.kind != EXIT) | (partner < 0)
        told[still] = False
        at = np.flatnonzero(told)
        lone_exit = edges.kind[at] == EXIT
        leave = np.where(lone_exit, at, partner[at])
        ends = leave >= 0
        taken = np.where(ends, edges.taken_ns[leave], -1)
        end_ns = np.where(ends, edges.ts_ns[leave], -1)
        # without the kernel's account: the distance of the two events
        measured = ends & (taken < 0) & ~lone_exit & (end_ns >= 0) & self._has_times
        taken = np.where(measured, end_ns - edges.ts_ns[at], taken)
        began = np.where(lone_exit & (taken >= 0) & self._has_times, edges.ts_ns[at] - taken, edges.ts_ns[at])
        above = parent[at]
        order = np.lexsort((edges.seq[at], began))
        at, leave, above = at[order], leave[order], above[order]
        return Spans(
            edges.seq[at],
            began[order],
            end_ns[order],
            taken[order],
            edges.tid[at],
            edges.tgid[at],
            edges.cpu[at],
            edges.function[at],
            np.where(above >= 0, edges.function[above], -1),
            edges.depth[at],
            np.where(leave >= 0, edges.retval[leave], edges.retval[at]),
            edges.flags[at],
        )


def _handled(edges: Edges, partner: Int, own: Int, entry: Int, has_times: bool) -> Handled:
    leave = partner[entry]
    inside = np.bitwise_or.reduceat(own, np.stack([entry, leave], axis=1).ravel())[::2] if len(entry) else np.empty(0, np.int64)
    inside |= M.of_return(edges.retval[leave])
    order = np.argsort(edges.seq[entry])
    entry, leave = entry[order], leave[order]
    taken = edges.taken_ns[leave]
    # where times are but an order, a handler ends as long after its beginning as the kernel says
    end_ns = edges.ts_ns[leave] if has_times else np.where(taken >= 0, edges.ts_ns[entry] + taken, -1)
    return Handled(
        edges.seq[entry],
        edges.ts_ns[entry],
        end_ns,
        edges.tid[entry],
        edges.tgid[entry],
        edges.cpu[entry],
        edges.addr[entry],
        inside[order],
    )


def _inside(own: Int, still: Int, thread: Int) -> Int:
    """Marks of each open call and of all that came after it in its thread."""
    ends = np.searchsorted(thread, thread[still], side="right")
    padded = np.append(own, 0)
    found: Int = np.bitwise_or.reduceat(padded, np.stack([still, ends], axis=1).ravel())[::2]
    return found


__all__ = ["ENTRY", "EXIT", "POINT", "Built", "Handled", "SpanBuilder", "Spans"]
