"""Functions that the function tracer saw, each with the kernel stack that led to it (options func_stack_trace, stacktrace).

There are no exits and so no durations; the stack says what the call is part of. Functions that are called in one fault follow each other
in its thread: what stands below another deciding function belongs to the fault of that one. Source: kernel/trace/trace_functions.c.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from cowtrace.attribution.asof import Int
from cowtrace.attribution.spans import functions as C
from cowtrace.attribution.spans import marks as M
from cowtrace.attribution.spans.builder import Handled
from cowtrace.attribution.spans.edges import NOT_TOLD, POINT, Edges, blank
from cowtrace.attribution.spans.functions import Functions, Names
from cowtrace.attribution.stacks import StackTable
from cowtrace.parsers.base import EventBatch, EventDesc

_FUNCTION, _STACK, _FRAMES = "ftrace:function", "ftrace:kernel_stack", "frames"
COPY_UP = "ovl_copy_up_one"
_DECIDING = (C.ANON, C.FAULT, C.COW_FAULT, C.READ_FAULT, C.SHARED_FAULT, C.WP, C.SWAP, C.THP_ANON, C.THP_WP, C.HUGETLB, C.NUMA)
#: Addresses from here on are context markers (include/uapi/linux/perf_event.h).
_MARKERS_FROM = (1 << 64) - 4096


class TracedFunctions:
    """The function events of a recording.

    Args:
        events: Of the recording.
        functions: Numbers the functions.
        names: Gives the symbols of addresses, wherever in a function they lie.

    Attributes:
        frames: Functions around each call of ``ovl_copy_up_one``, by number of the event.
    """

    def __init__(self, events: Sequence[EventDesc], functions: Functions, names: Names) -> None:
        self._functions, self._names = functions, names
        self._event = next((event for event in events if event.name == _FUNCTION and _kind(event, "ip")), None)
        self._texts = next((event for event in events if event.name == _STACK and _kind(event, _FRAMES)), None)
        self._chains = StackTable()
        self._read: list[list[str]] = []
        self._number_of_text: dict[bytes, int] = {}
        self.frames: dict[int, list[str]] = {}

    @property
    def present(self) -> bool:
        """The recording holds functions with stacks."""
        return self._event is not None and (self._texts is not None or self._event.has_callchain)

    def read(self, batch: EventBatch, first_seq: int) -> tuple[Edges, Handled]:
        """Calls of a batch, and the faults that they are part of."""
        assert self._event is not None
        rows = batch.rows(self._event.index)
        edges = blank(batch, rows, first_seq)
        edges.kind[:] = POINT
        edges.function = self._number(batch)
        stack = self._stacks(batch, rows)
        for place in np.flatnonzero(np.isin(edges.function, self._of_name(COPY_UP)) & (stack >= 0)).tolist():
            self.frames[int(edges.seq[place])] = self._read[stack[place]]
        return edges, self._handled(edges, stack)

    def _of_name(self, name: str) -> list[int]:
        return [number for number, plain in enumerate(self._functions.plain) if plain == name]

    def _number(self, batch: EventBatch) -> Int:
        assert self._event is not None
        if _kind(self._event, "ip") == "int":
            numbered: Int = self._functions.number(batch.field(self._event.index, "ip"))
            return numbered
        named = pa.array(batch.field_values(self._event.index, "ip"), pa.binary()).dictionary_encode()
        numbers = [self._functions.named(name.decode("utf-8", "replace")) for name in named.dictionary.to_pylist()]
        places: Int = np.array([*numbers, -1], np.int64)[named.indices.to_numpy()]
        return places

    def _stacks(self, batch: EventBatch, rows: Int) -> Int:
        """Number of each function's stack in ``_read``, -1 without."""
        result = np.full(len(rows), -1, np.int64)
        if self._texts is None:
            found: Int = self._chains.assign(batch)[rows]
            for chain in self._chains.table()["ips"][len(self._read) :].to_pylist():
                frames = np.array([ip for ip in chain if ip < _MARKERS_FROM], np.uint64)
                self._read.append([self._functions.plain[self._functions.named(name)] for name in self._names(frames)])
            return found
        texts = pa.array(batch.field_values(self._texts.index, _FRAMES), pa.binary()).dictionary_encode()
        known = []
        for text in texts.dictionary.to_pylist():
            if text not in self._number_of_text:
                self._number_of_text[text] = len(self._read)
                symbols = text.decode("utf-8", "replace").split("\n")
                self._read.append([self._functions.plain[self._functions.named(symbol)] for symbol in symbols])
            known.append(self._number_of_text[text])
        # a stack is written right behind its function
        owner = np.searchsorted(rows, batch.rows(self._texts.index)) - 1
        has = owner >= 0
        result[owner[has]] = np.array([*known, -1], np.int64)[texts.indices.to_numpy()][has]
        return result

    def _handled(self, edges: Edges, stack: Int) -> Handled:
        """Faults: the functions called in each, joined."""
        facts = np.array([self._place(names) for names in self._read] + [(0, 0, 0)], np.int64).reshape(-1, 3)[stack]
        inside = np.flatnonzero(facts[:, 0] > 0)
        order = inside[np.argsort(edges.thread[inside], kind="stable")]
        meaning = self._functions.meaning(edges.function[order])
        below, thread = facts[order, 1], edges.thread[order]
        marks = M.marks(meaning, below) | np.where(facts[order, 2] > 0, M.WITHOUT_EXCEPTION, 0)
        # what is called last in a function may replace it on the stack, so wp_page_copy never begins a fault, wherever it stands
        begins = np.isin(meaning, [C.HMF]) if (meaning == C.HMF).any() else np.isin(meaning, _DECIDING) & ~np.isin(below, _DECIDING)
        begins[1:] &= ~((meaning[1:] == C.WP) & (meaning[:-1] == C.SPLIT) & (below[:-1] == C.THP_WP) & (thread[1:] == thread[:-1]))
        starts = np.flatnonzero(begins)
        if not len(starts):
            return _nothing()
        # what precedes a thread's first fault in a batch belongs to one of the batch before
        joined = np.bitwise_or.reduceat(np.where(np.cumsum(begins) > 0, marks, 0), starts)
        first = order[starts]
        back = np.argsort(edges.seq[first], kind="stable")
        first, joined = first[back], joined[back]
        none = np.full(len(first), -1, np.int64)
        return Handled(
            edges.seq[first], edges.ts_ns[first], none, edges.tid[first], edges.tgid[first], edges.cpu[first],
            np.full(len(first), NOT_TOLD), joined,
        )  # fmt: skip

    def _place(self, names: list[str]) -> tuple[int, int, int]:
        """Of a stack, innermost first: is it in a fault handler; nearest deciding function around the innermost; no exception caused it."""
        meanings = self._functions.meaning(np.array([self._functions.named(name) for name in names], np.int64)).tolist()
        own = next((place for place, meaning in enumerate(meanings) if meaning != C.NOTHING), len(meanings))
        around = meanings[own + 1 :]
        nearest = next((meaning for meaning in around if meaning in M.CONTEXTS), 0)
        return int(C.HMF in around), nearest, int(C.GUP in around)


def _nothing() -> Handled:
    return Handled(*(np.empty(0, np.int64) for _ in range(8)))


def _kind(event: EventDesc, name: str) -> str | None:
    return next((field.kind for field in event.fields if field.name == name), None)
