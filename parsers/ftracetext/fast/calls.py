"""Calls of function_graph, all lines of a block at once: columns, names, and which opening a closing brace belongs to."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from cowtrace.parsers.ftracetext.calls import DEPTH_MAX, ENTRY, EXIT
from cowtrace.parsers.ftracetext.fast.messages import Lines, Messages
from cowtrace.parsers.ftracetext.fast.names import Names, name_keys, span_keys
from cowtrace.parsers.ftracetext.fast.text import U64, Mask, Text, equal, leading
from cowtrace.parsers.ftracetext.graph import parse_graph, parse_switch
from cowtrace.parsers.ftracetext.lines import LineReader
from cowtrace.parsers.ftracetext.pieces import Builder
from cowtrace.parsers.words import Index

_FUNCTION = re.compile(rb"[A-Za-z_][^\s(;{]*(?: \[[\w-]+\])?")
_TASK = re.compile(rb" *([^|]{0,15}?)-(\d{1,7}) +", re.DOTALL)
_NAME_WORDS = 12
_NO_NAME, _BAD = 0, -1
_LEAF, _OPEN, _CLOSE, _COMMENT, _OTHER = range(5)
_MARKS = np.zeros(256, bool)
_MARKS[list(b"$@*#!+")] = True
_PART_NS = np.array([0, 100, 10, 1], np.int64)
_DEPTH_BITS = 13


@dataclass(slots=True)
class _Bodies:
    """Calls from their indentation on.

    Attributes:
        kind: LEAF, OPEN, CLOSE, COMMENT or OTHER.
        depth: Of each.
        func: Number of the function; 0 not told, -1 not readable.
        plain: The line says nothing more, so that it can be emitted here.
        at: Where the text begins.
    """

    kind: Index
    depth: Index
    func: Index
    plain: Mask
    at: Index


class GraphReader:
    """Reads calls.

    Args:
        reader: Knows the tasks and takes the lines that are not common.
        messages: Reads events among the calls.
    """

    def __init__(self, reader: LineReader, messages: Messages) -> None:
        self._reader = reader
        self._state = reader.state
        self._calls = reader.state.calls
        self._messages = messages
        self._openings, self._closings, self._tasks = Names(), Names(), Names()
        self._kept: dict[tuple[int, int], dict[int, int]] | None = None

    def keep(self) -> None:
        """What the lines read so far leave open; lines that are read one by one later, though they came before, change nothing of it."""
        self._kept = {thread: dict(stack) for thread, stack in self._calls.open.items() if stack}

    def settle(self) -> None:
        """Back to what was kept, if anything."""
        if self._kept is not None:
            self._calls.open, self._kept = self._kept, None

    def trace_cmd(self, text: Text, lines: Lines, builder: Builder) -> Mask:
        """Calls as trace-cmd prints them, from their duration on; returns the lines that are not common."""
        body, duration, fine = _duration(text, lines.at)
        found = self._bodies(text, body, lines.ends)
        fine &= (found.kind <= _CLOSE) & (found.func != _BAD) & (found.depth <= DEPTH_MAX)
        if not fine.all():  # what the lines before left open counts: all go one by one
            return np.ones(len(lines), bool)
        return self._finish(lines, found, duration, fine, lines.tid << 1, lines.ts_ns, builder)

    def read(self, text: Text, starts: Index, ends: Index, first: int, builder: Builder) -> Mask:
        """Lines of the tracer itself; returns the others."""
        columns = self._columns(text, starts, ends)
        left = np.ones(len(starts), bool)
        if columns is None:
            return left
        has_time, has_cpu, has_task = columns
        at, fine = starts.copy(), np.ones(len(starts), bool)
        ts_ns = 2 * (np.arange(len(starts)) + first)
        if has_time:
            at, ts_ns, fine = _time(text, at)
        cpu = np.full(len(starts), -1, np.int64)
        if has_cpu:
            at += text.blanks(at)
            number, digits = text.decimal(at)
            at += digits + 1
            fine &= (digits > 0) & (digits <= 5) & (text.byte(at - 1) == ord(")"))
            cpu = number.astype(np.int64)
        rows = np.flatnonzero(fine & (ends - starts > 0))
        at, ts_ns, cpu = at[rows], ts_ns[rows], cpu[rows]
        if has_task:
            at, tid, fine = self._task(text, at, ts_ns)
        else:
            tid, fine = self._tasks_of(text, starts, ends, rows, cpu), np.ones(len(rows), bool)
        body, duration, good = _duration(text, at)
        fine &= good & (body < ends[rows])
        lines = Lines(rows + first, ts_ns, tid, cpu, np.zeros(len(rows), np.int64), body, ends[rows])
        found = self._bodies(text, body, lines.ends)
        fine &= found.kind <= _COMMENT
        # a closing line with a remark that does not name it needs what the lines before left open: all go one by one
        odd = fine & (found.kind <= _CLOSE) & (found.func == _BAD)
        if odd.any():
            return left
        comments = np.flatnonzero(fine & (found.kind == _COMMENT))
        if len(comments):
            inside = lines.some(comments)
            inside.at, inside.ends = found.at[comments] + 3, inside.ends - 3
            done, _ = self._messages.read(text, inside, builder, learns=False)
            left[rows[comments[done]]] = False
        is_call = np.flatnonzero(fine & (found.kind <= _CLOSE) & (found.func != _BAD) & (found.depth <= DEPTH_MAX))
        thread = np.where(tid >= 0, tid << 1, (cpu << 1) | 1)
        calls = _Bodies(*(getattr(found, name)[is_call] for name in _Bodies.__slots__))
        ends_ns = ts_ns[is_call] if has_time else None
        ordered = ts_ns[is_call] + (0 if has_time else 1) * (calls.kind == _CLOSE)
        some = lines.some(is_call)
        some.ts_ns = ordered
        every = np.ones(len(is_call), bool)
        left[rows[is_call]] = self._finish(some, calls, duration[is_call], every, thread[is_call], ends_ns, builder)
        self._reader.has_times = has_time
        return left

    def _finish(
        self, lines: Lines, found: _Bodies, duration: Index, fine: Mask, thread: Index, ts_ns: Index | None, builder: Builder
    ) -> Mask:
        """Name the closing lines and emit what is plain; ``ts_ns`` None: the text has no times. Returns the lines that were not emitted."""
        rows = np.flatnonzero(fine)
        found.func[rows] = self._match(found.kind[rows], found.func[rows], found.depth[rows], thread[rows])
        emit = fine & found.plain
        entries, exits = np.flatnonzero(emit & (found.kind != _CLOSE)), np.flatnonzero(emit & (found.kind != _OPEN))
        for which, shape in ((entries, ENTRY), (exits, EXIT)):
            if not len(which):
                continue
            table = np.zeros((len(which), shape.size // 8), np.uint64)
            table[:, 2] = found.func[which]
            table[:, 3] = found.depth[which]
            if shape is EXIT:
                lasted, closes = duration[which], found.kind[which] == _CLOSE
                begin = np.zeros(len(which), np.int64) if ts_ns is None else ts_ns[which] - np.where(closes, lasted, 0)
                table[:, 4] = np.where(lasted < 0, -1, begin).view(np.uint64)
                table[:, 5] = np.where(lasted < 0, -1, begin + lasted).view(np.uint64)
            some = lines.some(which)
            number = np.empty(len(which), np.uint16)
            for instance in np.unique(some.instance).tolist():
                number[some.instance == instance] = self._state.number(shape, instance)
            some.fill_head(table, number)
            builder.add_table(some.place, some.ts_ns, number, table)
        return ~emit

    def _match(self, kind: Index, func: Index, depth: Index, thread: Index) -> Index:
        """Functions of closing lines that do not name theirs: the last call opened at this depth by this thread."""
        group = (thread << _DEPTH_BITS) | depth
        order = np.flatnonzero(kind != _LEAF)
        order = order[np.argsort(group[order], kind="stable")]
        func = func.copy()
        if not len(order):
            return func
        sorted_group = group[order]
        is_first = np.append(True, sorted_group[1:] != sorted_group[:-1])
        before = np.append(order[:1], order[:-1])
        opened = ~is_first & (kind[before] == _OPEN)
        unnamed = (kind[order] == _CLOSE) & (func[order] == _NO_NAME)
        func[order[unnamed & opened]] = func[before[unnamed & opened]]
        for row in order[unnamed & is_first].tolist():
            func[row] = self._calls.open.get(_thread(int(thread[row])), {}).get(int(depth[row]), 0)
        for row in order[np.append(is_first[1:], True)].tolist():  # what each thread leaves open
            stack = self._calls.open.setdefault(_thread(int(thread[row])), {})
            if kind[row] == _OPEN:
                stack[int(depth[row])] = int(func[row])
            else:
                stack.pop(int(depth[row]), None)
        self.keep()
        return func

    def _columns(self, text: Text, starts: Index, ends: Index) -> tuple[bool, bool, bool] | None:
        """Which columns the text has: absolute time, CPU, task; None when no line of the block tells."""
        for line in range(min(len(starts), 200)):
            raw = text.u8[starts[line] : ends[line]].tobytes()
            if raw.startswith(b"#") or b"|  " not in raw:
                continue
            call = parse_graph(raw)
            if call is not None and call.cpu >= 0:
                return call.ts_ns is not None, True, call.tid >= 0
        return None

    def _task(self, text: Text, at: Index, ts_ns: Index) -> tuple[Index, Index, Mask]:
        """The task column: where it ends, the tid, whether it is whole."""
        bar, fine = _bar(text, at)
        bar = np.where(fine, bar, at)

        def resolve(row: int) -> int:
            match = _TASK.fullmatch(text.u8[at[row] : bar[row]].tobytes())
            if match is None:
                return -1
            tid = int(match[2])
            self._state.meet(tid, -1, None if match[1] == b"<...>" else match[1], int(ts_ns[row]))
            return tid

        tid = self._tasks.numbers(span_keys(text, at, bar, 32), resolve)
        return bar + 1, tid, fine & (tid >= 0)

    def _tasks_of(self, text: Text, starts: Index, ends: Index, rows: Index, cpu: Index) -> Index:
        """Tasks by the switches between the lines, where no column tells them."""
        tid = np.full(len(rows), -1, np.int64)
        switches: dict[int, list[tuple[int, int]]] = {}
        arrow = np.flatnonzero(text.u8[: text.size - 1 if text.size else 0] == ord("="))
        arrow = arrow[text.u8[arrow + 1] == ord(">")]
        for line in np.unique(np.searchsorted(ends, arrow)).tolist():
            switch = parse_switch(text.u8[starts[line] : ends[line]].tobytes())
            if switch is not None:
                switches.setdefault(switch[0], []).append((line, switch[3]))
        for number in np.unique(cpu).tolist():
            mine = np.flatnonzero(cpu == number)
            changes = switches.get(number, [])
            tids = np.array([self._reader.tasks.get(number, -1), *(tid for _, tid in changes)], np.int64)
            tid[mine] = tids[np.searchsorted(np.array([line for line, _ in changes], np.int64), rows[mine])]
        return tid

    def _bodies(self, text: Text, at: Index, ends: Index) -> _Bodies:
        count = len(at)
        at, indent = at.copy(), np.zeros(count, np.int64)
        rows = np.arange(count)
        while len(rows):
            blanks = text.blanks(at[rows])
            at[rows] += blanks
            indent[rows] += blanks
            rows = rows[blanks == 8]
        kind = np.full(count, _OTHER, np.int64)
        first, last = text.byte(at), text.byte(np.maximum(ends - 1, 0))
        kind[last == ord(";")] = _LEAF
        kind[last == ord("{")] = _OPEN
        kind[first == ord("/")] = _COMMENT
        kind[first == ord("}")] = _CLOSE
        remarked = (kind == _OTHER) & (last == ord("/"))
        func, plain = np.full(count, _BAD, np.int64), np.zeros(count, bool)
        opens = np.flatnonzero((kind == _LEAF) | (kind == _OPEN))
        key, length, ended = name_keys(text, at[opens], _parenthesis, _NAME_WORDS)
        behind = at[opens] + length
        fine = ended & (behind < ends[opens])
        some = opens[fine]
        if len(some):
            func[some] = self._openings.numbers(key[fine], lambda row: self._name(text, at[some[row]], behind[fine][row]))
            tails = np.where(kind[some] == _LEAF, 3, 4)
            right = np.where(kind[some] == _LEAF, text.is_text(behind[fine], b"();"), text.is_text(behind[fine], b"() {"))
            plain[some] = right & (behind[fine] + tails == ends[some]) & (func[some] > 0)
        closes = np.flatnonzero(kind == _CLOSE)
        bare = ends[closes] == at[closes] + 1
        func[closes[bare]], plain[closes[bare]] = _NO_NAME, True
        named = closes[~bare]
        named = named[text.is_text(at[named], b"} /* ") & text.is_text(ends[named] - 3, b" */") & (ends[named] - at[named] > 8)]
        if len(named):
            name_at, name_end = at[named] + 5, ends[named] - 3
            keys = span_keys(text, name_at, name_end, 8 * _NAME_WORDS)
            func[named] = self._closings.numbers(keys, lambda row: self._name(text, name_at[row], name_end[row]))
            plain[named] = func[named] > 0
        kind[remarked] = _OTHER
        return _Bodies(kind, indent // 2, func, plain, at)

    def _name(self, text: Text, start: int, end: int) -> int:
        name = text.u8[start:end].tobytes()
        return self._calls.number(name) if _FUNCTION.fullmatch(name) and len(name) < 8 * _NAME_WORDS else _BAD


def _thread(number: int) -> tuple[int, int]:
    return number & 1, number >> 1


def _parenthesis(word: U64) -> U64:
    return equal(word, ord("("))


def _bar(text: Text, at: Index) -> tuple[Index, Mask]:
    """The next ``|`` within 32 bytes."""
    place, found = at.copy(), np.zeros(len(at), bool)
    rows = np.arange(len(at))
    for _ in range(4):
        step = leading(equal(text.word(place[rows]), ord("|")))
        place[rows] += step
        found[rows[step < 8]] = True
        rows = rows[step == 8]
        if not len(rows):
            break
    return place, found


def _time(text: Text, at: Index) -> tuple[Index, Index, Mask]:
    at = at + text.blanks(at)
    seconds, digits = text.long_decimal(at)
    at += digits
    fine = (digits > 0) & (digits <= 10) & (seconds < 9_000_000_000) & (text.byte(at) == ord("."))
    part, digits = text.decimal(at + 1)
    at += 1 + digits
    fine &= (digits == 6) & text.is_text(at, b" | ")
    return at + 3, seconds.astype(np.int64) * 1_000_000_000 + part.astype(np.int64) * 1000, fine


def _duration(text: Text, at: Index) -> tuple[Index, Index, Mask]:
    """The duration column: where the call's text begins (its indentation), nanoseconds (-1 none), whether the column is whole."""
    bar, fine = _bar(text, at)
    at = at + text.blanks(at)
    at += text.blanks(at)
    marked = _MARKS[text.byte(at)]
    at = at + marked
    at += text.blanks(at)
    whole, digits = text.decimal(at)
    timed = digits > 0
    at += digits
    dotted = timed & (text.byte(at) == ord("."))
    part, decimals = text.decimal(at + 1)
    decimals = np.where(dotted, decimals, 0)
    fine &= (decimals <= 3) & (~dotted | (decimals > 0))
    at = np.where(dotted, at + 1 + decimals, at)
    duration = whole.astype(np.int64) * 1000 + np.where(dotted, part.astype(np.int64) * _PART_NS.take(decimals, mode="clip"), 0)
    fine &= ~timed | text.is_text(at, b" us ")
    fine &= timed | (at >= bar)
    fine &= text.is_text(bar, b"|  ")
    return bar + 3, np.where(timed, duration, -1), fine
