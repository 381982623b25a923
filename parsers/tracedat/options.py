"""Options: the numbered facts that both versions of the format carry.

Source: trace-cmd: include/private/trace-cmd-private.h (TRACECMD_OPTION_*), lib/trace-cmd/trace-input.c (handle_options).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from cowtrace.errors import InputError
from cowtrace.parsers.cursor import Cursor
from cowtrace.parsers.ftrace.cmdlines import parse_tgids
from cowtrace.text import decode_name

DONE, DATE, CPUSTAT, BUFFER, TRACECLOCK, UNAME, HOOK, OFFSET, CPUCOUNT, VERSION, PROCMAPS, TRACEID, TIME_SHIFT, GUEST, TSC2NSEC = range(15)
HEADER_INFO, FTRACE_EVENTS, EVENT_FORMATS, KALLSYMS, PRINTK, CMDLINES, BUFFER_TEXT = range(16, 23)
#: Written by the trace-cmd of gpuvis; its first version used the number of CPUCOUNT.
SAVED_TGIDS = 32
#: Options that hold the offset of their section.
SECTIONS = (HEADER_INFO, FTRACE_EVENTS, EVENT_FORMATS, KALLSYMS, PRINTK, CMDLINES)

_NUMBER = re.compile(rb"\s*([+-]?)(0[xX][0-9a-fA-F]{1,16}|\d{1,19})")
_CLOCK = re.compile(rb"\[([^\]\0]{1,64})\]")
#: "CPU: 0", "dropped events: 12"
_STAT = re.compile(r"^([A-Za-z ]{1,32}): +(-?\d{1,19})$", re.MULTILINE)
_STAT_OF = re.compile(r"^\s*Buffer: (.{1,256}?)\s*$")


@dataclass(slots=True)
class Options:
    """What the options of a file say, in all its option lists together.

    Attributes:
        offset_ns: Nanoseconds to add to every time stamp: DATE (kept in µs by the file) and OFFSET together.
        has_date: DATE is among them: times then count from 1970.
        tsc: Multiplier and shift that turn time stamps into nanoseconds.
        clock: Clock of the top buffer.
        uname: System, host, release, machine.
        version: Of trace-cmd.
        cpu_count: CPUs of the machine.
        stats: Counters of each CPU by instance, in the order of the file; "" is the top buffer.
        tgids: tgid by tid.
        buffers: BUFFER options, raw.
        has_text: There is a BUFFER_TEXT option.
        section_at: Offset of a section by its option.
        other: JSON-able rest.
        unknown: How often each unknown option occurs.
    """

    offset_ns: int = 0
    has_date: bool = False
    tsc: tuple[int, int] | None = None
    clock: str | None = None
    uname: str | None = None
    version: str | None = None
    cpu_count: int | None = None
    stats: dict[str, list[dict[str, int]]] = field(default_factory=lambda: {"": []})
    tgids: dict[int, int] = field(default_factory=dict)
    buffers: list[Cursor] = field(default_factory=list)
    has_text: bool = False
    section_at: dict[int, int] = field(default_factory=dict)
    other: dict[str, object] = field(default_factory=dict)
    unknown: Counter[int] = field(default_factory=Counter)
    _stats_of: str = ""

    def add(self, number: int, body: Cursor) -> None:
        """Take one option; one that is too short for what it should hold says nothing."""
        try:
            self._add(number, body)
        except InputError:
            self.unknown[number] += 1

    def _add(self, number: int, body: Cursor) -> None:
        if number in SECTIONS:
            self.section_at[number] = body.u64()
        elif number == BUFFER:
            self.buffers.append(body)
        elif number == BUFFER_TEXT:
            self.has_text = True
        elif number in (DATE, OFFSET):
            self.offset_ns += _number(body.rest()) * (1000 if number == DATE else 1)
            self.has_date |= number == DATE
        elif number == TSC2NSEC:
            self.tsc = body.u32(), body.u32()
        elif number == TRACECLOCK:
            self.clock = clock_name(body.rest()) or self.clock
        elif number == UNAME:
            self.uname = _text(body)
        elif number == VERSION:
            self.version = _text(body)
        elif number == CPUSTAT:
            self._add_stats(_text(body))
        elif number == SAVED_TGIDS or (number == CPUCOUNT and body.left > 8):
            self.tgids.update(parse_tgids(body.rest()))
        elif number == CPUCOUNT:
            self.cpu_count = body.u32()
        else:
            self._add_other(number, body)

    def _add_other(self, number: int, body: Cursor) -> None:
        if number == HOOK:
            self._list("hooks").append(_text(body))
        elif number == PROCMAPS:
            self._list("proc_maps").append(_text(body))
        elif number == TRACEID:
            self.other["trace_id"] = body.u64()
        elif number == TIME_SHIFT:
            self.other["peer_trace_id"] = body.u64()
        elif number == GUEST:
            self._list("guests").append(decode_name(body.c_string()))
        else:
            self.unknown[number] += 1

    def _list(self, name: str) -> list[str]:
        entries = self.other.setdefault(name, [])
        assert isinstance(entries, list)
        return entries

    def _add_stats(self, text: str) -> None:
        if match := _STAT_OF.match(text):
            self._stats_of = match[1]
            self.stats.setdefault(match[1], [])
            return
        counters = {name: int(value) for name, value in _STAT.findall(text)}
        if "CPU" in counters:
            self.stats[self._stats_of].append(counters)


def read_option(cursor: Cursor, number: int, into: Options) -> None:
    """The size and the content of an option whose number was just read."""
    size = cursor.u32()
    at = cursor.base + cursor.at
    into.add(number, Cursor(cursor.take(size), cursor.order, cursor.path, at))


def clock_name(text: bytes) -> str | None:
    """The clock in use in a list such as ``local [global] counter``."""
    match = _CLOCK.search(text)
    return decode_name(match[1]) if match else None


def _number(text: bytes) -> int:
    match = _NUMBER.match(text)
    return int(match[1] + match[2], 0 if match[2][:2] in (b"0x", b"0X") else 10) if match else 0


def _text(body: Cursor) -> str:
    return decode_name(body.rest().split(b"\0", 1)[0])
