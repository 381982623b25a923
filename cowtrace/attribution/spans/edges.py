"""Entries and exits of functions, as columns; and how function_graph writes them.

Source: kernel/trace/trace_functions_graph.c, trace_entries.h (ftrace_graph_ent_entry, ftrace_graph_ret_entry). ``depth`` counts traced
functions only, from 0, per task. ``calltime`` and ``rettime`` are nanoseconds of the trace's local clock, whatever clock stamps events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from cowtrace.attribution.asof import Int
from cowtrace.attribution.spans.functions import Functions
from cowtrace.parsers.base import EventBatch, EventDesc

GRAPH_ENTRY, GRAPH_EXIT = "ftrace:funcgraph_entry", "ftrace:funcgraph_exit"
#: Value of an argument or return value that was not recorded.
NOT_TOLD = np.iinfo(np.int64).min
#: The kernel's own stacks hold 50 calls; more is damage (include/linux/ftrace.h: FTRACE_RETFUNC_DEPTH, and 16 fgraph users).
DEPTH_MAX = 1 << 10

ENTRY, EXIT, POINT = range(3)


@dataclass(slots=True)
class Edges:
    """Entries (``kind`` ENTRY), exits (EXIT) and entries whose exit nobody recorded (POINT), in the order of events; int64[n] each.

    Attributes:
        seq: Number of the event in the recording.
        ts_ns: Time of the event; -1 without.
        thread: What nests on its own: the tid; for idle tasks and events without a tid a number below 0 for each CPU.
        tid, tgid, cpu: As recorded; -1 without.
        function: Number in ``Functions``.
        kind: ENTRY, EXIT, POINT.
        depth: Calls around it.
        taken_ns: Of an exit: how long the call took by the kernel's own account; -1 without.
        retval: Of an exit; NOT_TOLD without.
        addr, flags: Arguments of an entry; NOT_TOLD without.
        marks: Of an entry carried over from the batch before: marks of what happened inside so far.
    """

    seq: Int
    ts_ns: Int
    thread: Int
    tid: Int
    tgid: Int
    cpu: Int
    function: Int
    kind: Int
    depth: Int
    taken_ns: Int
    retval: Int
    addr: Int
    flags: Int
    marks: Int

    def __len__(self) -> int:
        return len(self.ts_ns)

    def take(self, index: Int) -> Edges:
        """The edges with these numbers."""
        return Edges(*(getattr(self, field.name)[index] for field in fields(self)))

    def after(self, earlier: Edges) -> Edges:
        """Both, the earlier ones first."""
        return Edges(*(np.concatenate([getattr(earlier, field.name), getattr(self, field.name)]) for field in fields(self)))


def no_edges() -> Edges:
    """Columns without rows."""
    return Edges(*(np.empty(0, np.int64) for _ in fields(Edges)))


def blank(batch: EventBatch, rows: npt.NDArray[np.int64], first_seq: int) -> Edges:
    """Edges for some rows of a batch: number, time, thread and CPU filled in, the rest as if not told."""
    count = len(rows)

    def column(name: str) -> Int:
        values = batch.columns.get(name)
        return np.full(count, -1, np.int64) if values is None else values[rows].astype(np.int64)

    tid, cpu = column("tid"), column("cpu")
    thread = np.where(tid > 0, tid, -2 - cpu)
    nothing, untold = np.full(count, -1, np.int64), np.full(count, NOT_TOLD)
    zero = np.zeros(count, np.int64)
    return Edges(
        seq=rows + first_seq,
        ts_ns=column("ts_ns"),
        thread=thread,
        tid=tid,
        tgid=column("tgid"),
        cpu=cpu,
        function=zero,
        kind=zero.copy(),
        depth=zero.copy(),
        taken_ns=nothing,
        retval=untold,
        addr=untold.copy(),
        flags=untold.copy(),
        marks=zero.copy(),
    )


def in_order(parts: Sequence[Edges]) -> Edges:
    """All edges in the order of events."""
    if not parts:
        return no_edges()
    whole = Edges(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Edges)))
    return whole.take(np.argsort(whole.seq, kind="stable"))


class GraphEvents:
    """The function_graph events of a recording.

    Args:
        events: Of the recording.
        functions: Numbers the functions.
    """

    def __init__(self, events: Sequence[EventDesc], functions: Functions) -> None:
        self._functions = functions
        self._entries = [event for event in events if event.name == GRAPH_ENTRY and _has(event, "func", "depth")]
        self._exits = [event for event in events if event.name == GRAPH_EXIT and _has(event, "func", "depth")]

    @property
    def present(self) -> bool:
        """The recording describes such events (it may hold none)."""
        return bool(self._entries or self._exits)

    def _read_arguments(self, part: Edges, batch: EventBatch, event: EventDesc) -> None:
        from cowtrace.attribution.spans.arguments import read_arguments

        read_arguments(part, batch, event, self._functions.plain, self._functions.meaning(part.function))

    def edges(self, batch: EventBatch, first_seq: int) -> Edges:
        """Entries and exits of a batch, in its order.

        Args:
            batch: Events.
            first_seq: Number of its first event in the recording.
        """
        found = []
        for kind, group in ((ENTRY, self._entries), (EXIT, self._exits)):
            for event in group:
                rows = batch.rows(event.index)
                if not len(rows):
                    continue
                part = blank(batch, rows, first_seq)
                part.kind[:] = kind
                part.function = self._functions.number(batch.field(event.index, "func"))
                part.depth = batch.field(event.index, "depth").astype(np.int64)
                if kind == EXIT:
                    _read_exit(part, batch, event)
                else:
                    self._read_arguments(part, batch, event)
                found.append(part)
        whole = in_order(found)
        sane = (whole.depth >= 0) & (whole.depth < DEPTH_MAX)
        return whole if sane.all() else whole.take(np.flatnonzero(sane))


def _has(event: EventDesc, *names: str) -> bool:
    return set(names) <= {field.name for field in event.fields if field.kind == "int"}


def _read_exit(part: Edges, batch: EventBatch, event: EventDesc) -> None:
    if _has(event, "calltime", "rettime"):
        call, ret = (batch.field(event.index, name).astype(np.int64) for name in ("calltime", "rettime"))
        part.taken_ns = np.where((ret >= call) & (ret > 0), ret - call, -1)
    if _has(event, "retval"):
        part.retval = batch.field(event.index, "retval").astype(np.int64)
