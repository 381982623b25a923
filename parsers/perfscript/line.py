"""Lines of ``perf script``, one by one.

    comm  pid/tid [cpu] seconds.fraction: period event: what it recorded

Which of these are there is up to ``-F`` and to what was recorded; a comm may hold anything and has 16 characters unless call chains
follow. Source: tools/perf/builtin-script.c (perf_sample__fprintf_start, process_event).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cowtrace.parsers.ftracetext.heads import NS_PER_S

_COMM = 16
_TASK = rb" *(?:(?P<pid>-?\d{1,10})/(?P<tid>-?\d{1,10})|(?P<one>-?\d{1,10})) +"
_WHERE = rb"(?:\[(?P<cpu>\d{3,6})\] +)?(?:[A-Z]{1,6} +)?(?:(?P<s>\d{1,9}|[0-8]\d{9})\.(?P<f>\d{6}|\d{9}): +)?"
_AFTER_COMM = re.compile(_TASK + _WHERE)
_SHORT = re.compile(rb"(?P<comm>\S.{0,14}?) +" + _TASK + _WHERE, re.DOTALL)
_NO_COMM = re.compile(_TASK + _WHERE)
_BARE = re.compile(rb" *" + _WHERE)
_EVENT = re.compile(rb" *(?:(?P<period>\d{1,19}) +)?(?P<event>[A-Za-z_][^\s]{0,120}?):(?: +|$)(?P<rest>.*)$", re.DOTALL)
_ADDRESSES = re.compile(
    rb"^(?P<first>[0-9a-f]{1,16})(?: +(?P<symbol>(?!\d+$)\S+?(?:\+0x[0-9a-f]+)?))??(?: \((?P<dso>.*?)\))?"
    rb"(?: +(?P<second>[0-9a-f]{3,16})(?: (?P<symbol2>.*?))?(?: \((?P<dso2>.*)\))?)?$",
    re.DOTALL,
)  # fmt: skip
#: The common case of two addresses with plain symbols.
_PAIR = re.compile(rb"\S+ +([0-9a-f]{3,16}) (\S+)")
_HEX = b"0123456789abcdef"
_FRAME = re.compile(rb"^\s+(?P<ip>[0-9a-f]{1,16})(?: (?P<symbol>.*?))?(?: \((?P<dso>.*)\))?$", re.DOTALL)
_PERF_TRACE = re.compile(rb"^ *\d+\.\d{3} \( *\d*\.?\d* ?(?:ms)? *\): ")
KERNEL_HALF = 1 << 63


@dataclass(slots=True)
class Sample:
    """One line.

    Attributes:
        comm: None when the line has none, or shows a number for want of a name.
        pid, tid, cpu: -1 without.
        ts_ns: -1 without.
        period: -1 without.
        event: Its name; b"" for a side-band record.
        rest: What stands behind the name.
    """

    comm: bytes | None
    pid: int
    tid: int
    cpu: int
    ts_ns: int
    period: int
    event: bytes
    rest: bytes


def parse_line(line: bytes) -> Sample | None:
    """A sample or a side-band record; None when the line is neither."""
    for comm, match in _heads(line):
        rest = line[match.end() :]
        if rest.startswith(b"PERF_RECORD_"):
            return _sample(comm, match, -1, b"", rest)
        event = _EVENT.match(rest)
        if event is not None and not event["event"].endswith(b":"):
            period = -1 if event["period"] is None else min(int(event["period"]), (1 << 63) - 1)
            return _sample(comm, match, period, event["event"], event["rest"])
    return Sample(None, -1, -1, -1, -1, -1, b"", line) if line.startswith(b"PERF_RECORD_") else None


def _heads(line: bytes) -> Iterator[tuple[bytes | None, re.Match[bytes]]]:
    """Ways to read the beginning, the most certain first."""
    if line[_COMM : _COMM + 1] == b" ":
        match = _AFTER_COMM.match(line, _COMM)
        if match is not None and line[:_COMM].strip():
            yield line[:_COMM].lstrip(b" "), match
    for pattern in (_SHORT, _NO_COMM, _BARE):
        match = pattern.match(line)
        if match is not None and (pattern is not _BARE or match["s"] is not None):
            yield (match["comm"] if pattern is _SHORT else None), match


def _sample(comm: bytes | None, match: re.Match[bytes], period: int, event: bytes, rest: bytes) -> Sample:
    told = match.groupdict()
    pid, tid, one, cpu = (told.get(name) for name in ("pid", "tid", "one", "cpu"))
    ts_ns = -1 if told["s"] is None else int(told["s"]) * NS_PER_S + int(told["f"].ljust(9, b"0"))
    task = tid if tid is not None else one
    if comm is not None and comm.startswith(b":") and comm[1:].lstrip(b"-").isdigit():
        comm = None
    numbers = [-1 if text is None else max(int(text), -1) for text in (pid, task, cpu)]
    if max(numbers[:2]) > (1 << 31) - 1:
        numbers[:2] = [-1, -1]
    return Sample(comm, numbers[0], numbers[1], numbers[2], ts_ns, period, event, rest)


def parse_addresses(rest: bytes) -> tuple[int | None, int | None, bytes | None] | None:
    """Data address, instruction, and the instruction's symbol, as they stand behind a software event; one number is the instruction."""
    text = rest.strip()
    if not text:
        return None, None, None
    words = text.split(b" ", 1) if b"(" not in text else []
    if len(words) == 2 and not words[0].strip(_HEX) and len(words[0]) <= 16 and (pair := _PAIR.fullmatch(words[1])):
        return int(words[0], 16), int(pair[1], 16), pair[2]
    match = _ADDRESSES.match(text)
    if match is None:
        return None
    if match["second"] is None:
        return None, int(match["first"], 16), match["symbol"]
    return int(match["first"], 16), int(match["second"], 16), match["symbol2"]


def parse_frame(line: bytes) -> tuple[int, bytes | None] | None:
    """A line of a call chain: address and symbol."""
    match = _FRAME.match(line)
    return None if match is None else (int(match["ip"], 16), match["symbol"])


def is_perf_trace(head: bytes) -> bool:
    """Whether this is the output of ``perf trace``, which looks similar and says too little."""
    lines = [line for line in head.split(b"\n")[:50] if line]
    return sum(_PERF_TRACE.match(line) is not None for line in lines) * 2 > len(lines)


def is_perf_script(head: bytes) -> bool:
    """Whether the first bytes of a file are ``perf script`` text: two samples with a time, or a task, and an event."""
    lines = head.replace(b"\r\n", b"\n").split(b"\n")
    whole = lines[:-1] if len(lines) > 1 else lines
    found = others = 0
    for line in whole[:200]:
        if not line or (line.startswith((b"#", b"\t", b"         ")) and parse_frame(line)):
            continue
        sample = parse_line(line)
        if sample is None or (sample.ts_ns < 0 and not _is_plain_sample(sample)):
            others += 1
        else:
            found += 1
    return found > others and (found >= 2 or len(whole) <= 3)


def _is_plain_sample(sample: Sample) -> bool:
    """A sample without a time is told by its task, its event and an address or a chain."""
    known = (b"faults", b"cpu-clock", b"cycles", b"task-clock")
    return sample.tid >= 0 and sample.comm is not None and (sample.period >= 0 or any(word in sample.event for word in known))
