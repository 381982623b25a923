"""Lines of the function_graph tracer, one by one.

Columns, each of which an option may leave out: absolute time, CPU, task, flags, duration; then the call, indented by its depth:

     11.402265 |   0)   cowlab-189   |   9.564 us    |        page_add_new_anon_rmap();

Source: kernel/trace/trace_functions_graph.c; kernels from 4.4 on print the same columns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cowtrace.parsers.ftracetext.heads import NS_PER_S

_TIME = re.compile(rb" *(\d{1,9}|[0-8]\d{9})\.(\d{6}) \| +")
_RELATIVE = re.compile(rb" *\d+(?:\.\d+)? us \| +")
_CPU = re.compile(rb" *(\d{1,5})\) ?")
_TASK = re.compile(rb" *([^|]{0,15}?)-(\d{1,7}) +\| ?", re.DOTALL)
_FLAGS = re.compile(rb" ?([A-Za-z0-9.#]{4,8}) *\| ")
_DURATION = re.compile(rb" ?([$@*#!+ ]) ?(?: *(\d{1,12})(?:\.(\d{1,3}))? us +| {6,20})?\|  ")
_MARK = re.compile(rb" *(?:={9,}>|<={9,})\s*\|?\s*$")
_SWITCH = re.compile(rb"^ *(\d{1,5})\) +(.*?)-(\d{1,7}) +=> +(.*?)-(\d{1,7}) *$", re.DOTALL)
_RULE = re.compile(rb"^ -{20,}$")
_CALL = re.compile(rb"([A-Za-z_][^\s(;{]{0,255}(?: \[[\w-]+\])?)\((.*)\)(;| \{)(?: */\*(.*)\*/)?\s*$", re.DOTALL)
_CLOSE = re.compile(rb"\}(?: */\*(.*)\*/)?\s*$", re.DOTALL)
_COMMENT = re.compile(rb"/\*\s?(.*?)\s?\*/\s*$", re.DOTALL)
_RETURNED = re.compile(rb"(?:ret=|= ?)(-?(?:0x)?[0-9a-fA-F]+)")
_CLOSED = re.compile(rb"^ *([A-Za-z_][^\s(]*(?: \[[\w-]+\])?)(?:\(\))?(?: (?:=|<-|ret=).*)?$")

LEAF, OPEN, CLOSE, COMMENT, MARK = range(5)


@dataclass(slots=True)
class GraphLine:
    """One line.

    Attributes:
        kind: LEAF ``f();``, OPEN ``f() {``, CLOSE ``}``, COMMENT ``/* event */``, MARK (an interrupt's arrow, which says nothing more).
        ts_ns: Absolute time, None without.
        cpu: CPU, -1 without.
        tid: Task, -1 without.
        comm: Up to 7 bytes of its name.
        duration_ns: -1 without.
        depth: Of the call.
        function: Name; b"" when a closing line does not say it.
        args: Arguments; None without.
        returned: What it returned, as 64 bits; None without.
        comment: Start and end in the line.
    """

    kind: int
    ts_ns: int | None
    cpu: int
    tid: int
    comm: bytes
    duration_ns: int
    depth: int = 0
    function: bytes = b""
    args: bytes | None = None
    returned: int | None = None
    comment: tuple[int, int] = (0, 0)


def parse_switch(line: bytes) -> tuple[int, int, bytes, int, bytes] | None:
    """``0) a-1 => b-2``: CPU, then tid and name of both."""
    match = _SWITCH.match(line)
    if match is None:
        return None
    return int(match[1]), int(match[3]), match[2], int(match[5]), match[4]


def is_rule(line: bytes) -> bool:
    """The dashes above and below a switch."""
    return _RULE.match(line) is not None


def duration_ns(whole: bytes, part: bytes | None) -> int:
    """Microseconds with up to three decimals as ns; long durations have fewer decimals."""
    return int(whole) * 1000 + (int(part.ljust(3, b"0")) if part else 0)


def parse_graph(line: bytes) -> GraphLine | None:
    """One line; None when it is no line of this tracer."""
    at = 0
    ts_ns: int | None = None
    match = _TIME.match(line)
    if match is not None:
        ts_ns, at = int(match[1]) * NS_PER_S + int(match[2]) * 1000, match.end()
    elif (match := _RELATIVE.match(line)) is not None:
        at = match.end()
    cpu, tid, comm = -1, -1, b""
    match = _CPU.match(line, at)
    if match is not None:
        cpu, at = int(match[1]), match.end()
    match = _TASK.match(line, at)
    if match is not None:
        tid, comm, at = int(match[2]), match[1], match.end()
    match = _FLAGS.match(line, at)
    if match is not None:
        at = match.end()
    duration, has_duration = -1, False
    match = _DURATION.match(line, at)
    if match is not None:
        at, has_duration = match.end(), True
        duration = -1 if match[2] is None else duration_ns(match[2], match[3])
    if _MARK.match(line, at):
        return GraphLine(MARK, ts_ns, cpu, tid, comm, -1)
    if not (has_duration or cpu >= 0 or tid >= 0 or ts_ns is not None):
        return None
    return parse_call(line, at, GraphLine(MARK, ts_ns, cpu, tid, comm, duration))


def parse_call(line: bytes, at: int, into: GraphLine) -> GraphLine | None:
    """The call from ``at`` on, filled into ``into``; None when there is none."""
    text = line[at:]
    body = text.lstrip(b" ")
    into.depth = (len(text) - len(body)) // 2
    if body.startswith(b"}"):
        match = _CLOSE.match(body)
        if match is None:
            return None
        into.kind = CLOSE
        if match[1] is not None:
            name = _CLOSED.match(match[1].rstrip())
            into.function = name[1] if name else b""
            into.returned = _returned(match[1])
        return into
    if body.startswith(b"/*"):
        match = _COMMENT.match(body)
        if match is None:
            return None
        into.kind = COMMENT
        start = at + len(text) - len(body)
        into.comment = start + match.start(1), start + match.end(1)
        return into
    match = _CALL.match(body)
    if match is None:
        return None
    into.kind = LEAF if match[3] == b";" else OPEN
    into.function = match[1]
    into.args = match[2] or None
    if match[4] is not None and into.kind == LEAF:
        into.returned = _returned(match[4])
    return into


def _returned(remark: bytes) -> int | None:
    match = _RETURNED.search(remark)
    if match is None:
        return None
    text = match[1]
    try:
        value = int(text, 16 if b"x" in text else 10) if not re.search(rb"[a-fA-F]", text) or b"x" in text else int(text, 16)
    except ValueError:
        return None
    return value % (1 << 64)
