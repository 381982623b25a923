"""Heads of lines, one by one: task, CPU, time. All layouts of the kernel and of trace-cmd.

A comm is printed with 16 characters, so in the common layouts byte 16 is the ``-`` before the tid, whatever the comm is. Sources:
kernel/trace/trace_output.c (trace_print_context, trace_print_lat_context), trace.c (print_raw_fmt), trace-cmd: tep_print_event.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NS_PER_S = 1_000_000_000


@dataclass(slots=True)
class Head:
    """What stands before the event.

    Attributes:
        comm: Name of the task, None when the layout has none.
        tid: Its tid, -1 unknown.
        tgid: Its tgid, -1 unknown.
        cpu: CPU, -1 unknown.
        ts_ns: Time in ns, or in the units of the clock; None without.
        at: Where the event begins in the line.
        has_seconds: The time was printed in seconds.
    """

    comm: bytes | None
    tid: int
    tgid: int
    cpu: int
    ts_ns: int | None
    at: int
    has_seconds: bool = True


_FLAGS = rb"[A-Za-z0-9.#]"
_ANY_FLAG = rb"[^ :\n]"
_DEFAULT = re.compile(
    rb"-(?P<tid>\d{1,7}) +(?:\( *(?P<tgid>\d{1,7}|-+)\) *)?\[(?P<cpu>\d{3,5})\]"
    rb"(?: *(?:" + _ANY_FLAG + rb"{3,8} +)?| *" + _ANY_FLAG + rb"{5})"
    rb"(?P<time>\d{1,19}(?:\.\d{1,9})?): {1,2}(?:\(\+?-?\d+(?:\.\d+)?\) *)?"
)  # fmt: skip
_LATENCY = re.compile(
    rb"-(?P<tid>\d{1,7}) +(?P<cpu>\d{1,5})" + _FLAGS + rb"{3,8} +(?P<time>\d{1,19}(?:\.\d{1,9})?)(?P<us>us)?[$@*#!+ ]? ?: +"
)  # fmt: skip
_VERBOSE = re.compile(
    rb"^(?P<comm>.{16}) +(?P<tid>\d{1,7}) +(?P<cpu>\d{1,5}) \d+ [0-9a-f]{8} [0-9a-f]{8,16} "
    rb"\[(?P<time>[0-9a-f]{8,16})\] -?\d+(?P<ms>\.\d+ms)? \(\+?-?\d+(?:\.\d+ms)?\): ",
    re.DOTALL,
)  # fmt: skip
_RAW = re.compile(rb"^(?P<tid>\d{1,7}) (?P<cpu>\d{1,5}) (?P<time>\d{1,19}) (?=\S)")
#: Where the ``-`` behind a name may stand.
_LOOSE_MAX = 40
_UNKNOWN_COMMS = (b"<...>",)


def default_head(line: bytes, at: int = 0) -> Head | None:
    """The layout of ``trace``, ``trace_pipe`` and ``trace-cmd report``; ``at``: where the comm's 16 characters begin."""
    if line[at + 16 : at + 17] != b"-":
        return None
    match = _DEFAULT.match(line, at + 16)
    if match is None:
        return None
    tgid = match["tgid"]
    ts_ns, has_seconds = _time(match["time"])
    group = int(tgid) if tgid is not None and tgid.isdigit() else -1
    return Head(comm_of(line[at : at + 16]), int(match["tid"]), group, int(match["cpu"]), ts_ns, match.end(), has_seconds)


def loose_head(line: bytes) -> Head | None:
    """The same layout with a name of another width, as in texts that were edited or cropped."""
    at = line.find(b"-", 1, _LOOSE_MAX)
    while at >= 0:
        match = _DEFAULT.match(line, at)
        if match is not None:
            shift = at - 16
            head = default_head(b" " * max(-shift, 0) + line[max(shift, 0) :])
            if head is not None:
                head.comm = comm_of(line[:at].strip())
                head.at = match.end()
                return head
        at = line.find(b"-", at + 1, _LOOSE_MAX)
    return None


def latency_head(line: bytes) -> Head | None:
    """The layout of ``latency-format`` and of ``trace-cmd report -l``: the comm has 8 characters."""
    if line[8:9] != b"-":
        return None
    match = _LATENCY.match(line, 8)
    if match is None:
        return None
    ts_ns, has_seconds = _time(match["time"])
    if match["us"]:
        ts_ns, has_seconds = ts_ns * 1000, True
    return Head(None, int(match["tid"]), -1, int(match["cpu"]), ts_ns, match.end(), has_seconds)


def verbose_head(line: bytes) -> Head | None:
    """The layout of ``latency-format`` with ``verbose``: the time is hexadecimal, in microseconds when the clock counts time."""
    match = _VERBOSE.match(line)
    if match is None:
        return None
    time = int(match["time"], 16)
    scale = 1000 if match["ms"] else 1
    ts_ns = min(time * scale, (1 << 63) - 1)
    return Head(comm_of(match["comm"]), int(match["tid"]), -1, int(match["cpu"]), ts_ns, match.end(), scale == 1000)


def raw_head(line: bytes) -> Head | None:
    """The layout of the ``raw`` option: tid, CPU, nanoseconds."""
    match = _RAW.match(line)
    return None if match is None else Head(None, int(match["tid"]), -1, int(match["cpu"]), _bounded(match["time"]), match.end())


def comm_of(field: bytes) -> bytes | None:
    """The name in a column of 16 characters; None when the kernel did not know it."""
    comm = field.lstrip(b" ")
    return None if comm in _UNKNOWN_COMMS else comm[:15]


def _bounded(digits: bytes) -> int:
    return min(int(digits), (1 << 63) - 1)


def _time(text: bytes) -> tuple[int, bool]:
    """Nanoseconds of a time in seconds, exactly; or the number itself."""
    whole, dot, part = text.partition(b".")
    if not dot:
        return _bounded(whole), False
    return min(int(whole) * NS_PER_S + int(part.ljust(9, b"0")), (1 << 63) - 1), True
