"""A block of lines: the common ones in columns, the others one by one."""

from __future__ import annotations

import numpy as np

from cowtrace.parsers.ftracetext.fast.calls import GraphReader
from cowtrace.parsers.ftracetext.fast.heads import Heads, read_heads
from cowtrace.parsers.ftracetext.fast.messages import Lines, Messages
from cowtrace.parsers.ftracetext.fast.names import Names, first_bytes, mix
from cowtrace.parsers.ftracetext.fast.text import Mask, Text
from cowtrace.parsers.ftracetext.heads import comm_of
from cowtrace.parsers.ftracetext.lines import LineReader
from cowtrace.parsers.ftracetext.pieces import Builder
from cowtrace.parsers.words import Index

_PREFIX_MAX = 8


class BlockReader:
    """Reads blocks in order.

    Args:
        reader: Takes the lines that are not common.
    """

    def __init__(self, reader: LineReader) -> None:
        self._reader = reader
        self._state = reader.state
        self._messages = Messages(reader.state)
        self._graph = GraphReader(reader, self._messages)
        self._tasks = Names()
        self._instances = Names()

    def read(self, data: bytes, builder: Builder) -> None:
        """Add the events of whole lines; the last one may wait for more."""
        reader, first = self._reader, self._state.line_count
        reader.start(builder)
        text = Text(data)
        starts, ends = text.lines()
        self._state.line_count += len(starts)
        if reader.mode == "default" and reader.shift <= _PREFIX_MAX:
            left = self._default(text, starts, ends, first, builder)
        elif reader.mode == "graph":
            left = self._graph.read(text, starts, ends, first, builder)
        else:
            left = np.ones(len(starts), bool)
        for line in np.flatnonzero(left).tolist():
            reader.read(first + line, data[starts[line] : ends[line]])
        if len(left) and not left[-1]:
            reader.flush()  # the line behind it was an event of its own
        reader.flush_call()
        self._graph.settle()

    def _default(self, text: Text, starts: Index, ends: Index, first: int, builder: Builder) -> Mask:
        """Lines of the common layout; returns the others."""
        shift = self._reader.shift
        heads = read_heads(text, starts + shift)
        left = np.ones(len(starts), bool)
        rows = np.flatnonzero(heads.ok & (heads.at <= ends))
        if not len(rows):
            return left
        instance = self._instance(text, starts[rows]) if shift else np.zeros(len(rows), np.int64)
        known = np.flatnonzero(instance >= 0)
        rows, instance = rows[known], instance[known]
        self._meet(text, starts[rows] + shift, heads, rows)
        lines = Lines(rows + first, heads.ts_ns[rows], heads.tid[rows], heads.cpu[rows], instance, heads.at[rows], ends[rows])
        # a line whose next one is no head may go on there
        whole = np.append(heads.ok[1:], False)[rows]
        done, calls = self._messages.read(text, lines, builder, whole)
        left[rows[done]] = False
        if len(calls):
            left[rows[calls]] = self._graph.trace_cmd(text, lines.some(calls), builder)
        return left

    def _instance(self, text: Text, starts: Index) -> Index:
        """Number of the instance that the prefix names, -1 when it is no prefix."""
        shift = self._reader.shift

        def resolve(row: int) -> int:
            name = text.u8[starts[row] : starts[row] + shift].tobytes().strip()
            if name and not name.endswith(b":"):
                return -1
            return self._state.instance(name[:-1].decode("utf-8", "replace")) if name else 0

        return self._instances.numbers(text.word(starts) & first_bytes(np.full(len(starts), shift)), resolve)

    def _meet(self, text: Text, starts: Index, heads: Heads, rows: Index) -> None:
        """Note the tasks of lines; each combination of tid, tgid and name once, unless a tid has several names."""
        state = self._state
        tid, tgid = heads.tid[rows], heads.tgid[rows]
        key = mix(mix(mix(text.word(starts), text.word(starts + 8)), tid.astype(np.uint64)), tgid.astype(np.uint64))

        def meet(row: int, *, is_new: bool = True) -> int:
            comm = comm_of(text.u8[starts[row] : starts[row] + 16].tobytes())
            # a second name: when it was taken is told below, by all lines of the task
            if is_new and comm is not None and state.comms.get(int(tid[row]), comm) != comm:
                state.renamed.add(int(tid[row]))
                comm = None
            state.meet(int(tid[row]), int(tgid[row]), comm, int(heads.ts_ns[rows[row]]))
            return 0

        self._tasks.numbers(key, meet)
        if state.renamed:
            some = np.flatnonzero(np.isin(tid, list(state.renamed)))
            some = some[np.argsort(tid[some], kind="stable")]
            changes = np.append(True, (key[some][1:] != key[some][:-1])) if len(some) else np.empty(0, bool)
            for row in some[changes].tolist():
                meet(row, is_new=False)
