"""Lines one by one: heads, losses, switches, continuations. What the vectorised reader leaves over comes here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from cowtrace.parsers.ftracetext.graph import CLOSE, COMMENT, LEAF, MARK, GraphLine, is_rule, parse_call, parse_graph, parse_switch
from cowtrace.parsers.ftracetext.heads import Head, default_head, latency_head, loose_head, raw_head, verbose_head
from cowtrace.parsers.ftracetext.known import KNOWN, full_name
from cowtrace.parsers.ftracetext.message import MARKER, read_message
from cowtrace.parsers.ftracetext.pieces import Builder
from cowtrace.parsers.ftracetext.state import State

_LOST = re.compile(rb"^CPU: ?(\d{1,5}) ?\[(?:LOST )?(?:(\d{1,18}) )?EVENTS(?: DROPPED)?\]")
_STARTED = re.compile(rb"^#{4,} CPU \d+ buffer started #{3,}$")
INSTANCE_PREFIX = re.compile(rb"^([^\s:]{1,63}): ")
_TRACECMD_CALL = re.compile(rb"funcgraph_(entry|exit): +([$@*#!+ ] )?(?: *(\d{1,12})\.(\d{1,3}) us +| *)\|  ")
_NAME = re.compile(rb"^([A-Za-z_][\w.\-]{0,79}(?::[\w.\-]{1,79})?): ?")
#: How arguments begin that are none of a marker: a probe's place, or a field.
_ARGS = re.compile(rb"^[\w.\-:]+: (?:\([\w+/. <-]+\) |\w+=)")
_RAW = re.compile(rb"^# ?(?:[0-9a-f]+ buf:|type: ?\d)")
_COMM_LINES = 4
#: An event of more lines is none.
_LINES_MAX = 4096
_IGNORED = (b"TRACE:", b"cpus=", b"version = ", b"(Dumping", b"Dumping ftrace buffer", b"---------------------------------")


@dataclass(slots=True)
class _Pending:
    """An event whose following lines are still to come."""

    place: int
    head: Head
    text: bytes
    instance: int


class LineReader:
    """Reads lines in order and adds their events to a builder.

    Args:
        state: What is known so far.
        mode: ``default``, ``latency``, ``verbose``, ``raw``, ``graph`` or ``plain``: the layout of the text.
    """

    def __init__(self, state: State, mode: str) -> None:
        self.state = state
        self.calls = state.calls
        self.mode = mode
        #: Bytes before the comm: names of instances.
        self.shift = 0
        self.tasks: dict[int, int] = {}
        self.has_times = mode not in ("plain",)
        self._pending: _Pending | None = None
        self._more: list[bytes] = []
        self._builder = Builder()
        parsers: dict[str, Callable[[bytes], Head | None]] = {"latency": latency_head, "verbose": verbose_head, "raw": raw_head}
        self._head = parsers.get(mode, self._default)

    def start(self, builder: Builder) -> None:
        """Events go to another builder from now on."""
        self._builder = builder

    def read(self, place: int, line: bytes) -> None:
        """One line, without its newline."""
        if self.mode == "graph":
            self._graph(place, line)
            return
        head, instance = self._head_of(line)
        if head is not None:
            self.flush()
            self._pending = _Pending(place, head, line[head.at :].lstrip(b" "), instance)
        elif not self._other(place, line):
            self._continue(place, line)

    def flush(self) -> None:
        """The pending event is whole."""
        pending, more = self._pending, self._more
        self._pending, self._more = None, []
        if pending is None or not pending.text.startswith(b"tracing_mark"):
            more = [line for line in more if line.strip()]
        if pending is None:
            self.state.damaged_count += len(more)
            return
        text = b"\n".join([pending.text, *more]) if more else pending.text
        self._emit(pending, text)

    def flush_call(self) -> None:
        """A pending call is whole: no line continues it."""
        if self._pending is not None and self._pending.text.startswith(b"funcgraph_") and not self._more:
            self.flush()

    def _default(self, line: bytes) -> Head | None:
        return default_head(line, self.shift)

    def _head_of(self, line: bytes) -> tuple[Head | None, int]:
        head = self._head(line)
        if self.mode != "default":
            return (self._plain_head(line) if self.mode == "plain" else head), 0
        if head is not None:
            name = line[: self.shift].strip()
            return head, self.state.instance(name[:-1].decode("utf-8", "replace")) if name.endswith(b":") else 0
        match = INSTANCE_PREFIX.match(line)
        if match is not None:  # the first line of an instance tells how far the others are shifted
            for shift in (match.end(), self.shift):
                head = default_head(line, shift)
                if head is not None:
                    self.shift = shift
                    return head, self.state.instance(match[1].decode("utf-8", "replace"))
        if self.shift and (head := default_head(line)) is not None:
            return head, 0
        return None, 0

    def _plain_head(self, line: bytes) -> Head | None:
        """``nocontext-info``: the event alone."""
        match = _NAME.match(line)
        if match is None and not line.startswith((b"sys_", b"<stack", b"<user stack")) and not _RAW.match(line):
            return None
        return Head(None, -1, -1, -1, None, 0)

    def _other(self, place: int, line: bytes) -> bool:
        """Lines that are no part of an event."""
        if line.startswith(b"#") and (self._pending is None or not self._pending.text.startswith(b"tracing_mark")):
            return True
        if line.startswith((b"CPU:", b"CPU ")):
            match = _LOST.match(line)
            if match is not None:
                self.flush()
                self.state.lost.append((place, int(match[1]), -1 if match[2] is None else int(match[2])))
                return True
        if _STARTED.match(line) or (self._pending is None and line.startswith(_IGNORED)):
            self.flush()
            return True
        return self.mode != "default" and not line.strip()

    def _continue(self, place: int, line: bytes) -> None:
        """A line of the event before, or the rest of a head whose comm holds newlines."""
        for count in range(1, min(len(self._more), _COMM_LINES) + 1):
            whole = b"\n".join([*self._more[-count:], line])
            head = default_head(whole, self.shift) if self.mode == "default" and len(whole) - len(line) <= 16 + self.shift else None
            if head is not None:
                del self._more[-count:]
                self.flush()
                self._pending = _Pending(place, head, whole[head.at :], 0)
                return
        head = loose_head(line) if self.mode == "default" else None
        if head is not None:
            self.flush()
            self._pending = _Pending(place, head, line[head.at :].lstrip(b" "), 0)
            return
        self._more.append(line)
        if len(self._more) > _LINES_MAX:
            self.flush()

    def _emit(self, pending: _Pending, text: bytes) -> None:
        head, state = pending.head, self.state
        ts_ns = pending.place if head.ts_ns is None else head.ts_ns
        state.meet(head.tid, head.tgid, head.comm, ts_ns)
        if text.startswith(b"funcgraph_") and self._tracecmd_call(pending, text, ts_ns):
            return
        event, damaged = read_message(text)
        state.damaged_count += damaged
        state.emit(self._builder, pending.place, ts_ns, event, head.tid, head.cpu, pending.instance)

    def _tracecmd_call(self, pending: _Pending, text: bytes, ts_ns: int) -> bool:
        """A line of trace-cmd's function_graph plugin."""
        match = _TRACECMD_CALL.match(text)
        if match is None:
            return False
        head = pending.head
        duration = -1 if match[3] is None else int(match[3]) * 1000 + int(match[4].ljust(3, b"0"))
        call = parse_call(text.partition(b"\n")[0], match.end(), GraphLine(MARK, ts_ns, head.cpu, head.tid, b"", duration))
        if call is None or call.kind == COMMENT:
            return False
        self.calls.read(
            call, (0, head.tid), ts_ns,
            lambda event: self.state.emit(self._builder, pending.place, ts_ns, event, head.tid, head.cpu, pending.instance),
        )  # fmt: skip
        return True

    def _graph(self, place: int, line: bytes) -> None:
        if is_rule(line) or not line.strip():
            return
        if b"=> " in line and (switch := parse_switch(line)) is not None:
            cpu, _, _, tid, comm = switch
            self.tasks[cpu] = tid
            self.state.meet(tid, -1, None if comm == b"<...>" else comm.strip(), place)
            return
        call = parse_graph(line)
        if call is None:
            if not self._other(place, line):
                self.state.damaged_count += 1
            return
        if call.kind == MARK:
            return
        tid = call.tid if call.tid >= 0 else self.tasks.get(call.cpu, -1)
        ts_ns = 2 * place if call.ts_ns is None else call.ts_ns
        self.has_times = call.ts_ns is not None
        self.state.meet(tid, -1, call.comm if call.tid >= 0 and call.comm != b"<...>" else None, ts_ns)
        if call.kind == COMMENT:
            self._comment(place, line[call.comment[0] : call.comment[1]], tid, call.cpu, ts_ns)
            return
        thread = (0, tid) if tid >= 0 else (1, call.cpu)
        if call.kind in (LEAF, CLOSE) and call.ts_ns is None:
            ts_ns = 2 * place + (call.kind == CLOSE)
        self.calls.read(
            call, thread, ts_ns, lambda event: self.state.emit(self._builder, place, ts_ns, event, tid, call.cpu, 0)
        )  # fmt: skip

    def _comment(self, place: int, text: bytes, tid: int, cpu: int, ts_ns: int) -> None:
        """An event among calls; what names no event is a marker."""
        match = _NAME.match(text)
        name = match[1].decode("latin-1") if match is not None else ""
        is_event = bool(name) and (
            name in KNOWN or full_name(name) != name or name == "tracing_mark_write" or _ARGS.match(text) is not None
        )
        event, damaged = read_message(text) if is_event or text.startswith((b"sys_", b"<")) else ((MARKER, [text]), 0)
        self.state.damaged_count += damaged
        self.state.emit(self._builder, place, ts_ns, event, tid, cpu, 0)
