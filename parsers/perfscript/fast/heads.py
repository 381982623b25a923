"""Beginnings of samples, all at once: task, CPU, time, period, the event's name.

The same layouts as ``line.parse_line`` knows; a line that is not exactly so, or that could be read in two ways, is left to that one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cowtrace.parsers.ftracetext.fast.names import mix, name_keys, span_keys
from cowtrace.parsers.ftracetext.fast.text import U64, Mask, Text, leading
from cowtrace.parsers.words import Index

_COMM = 16
_NAME_WORDS = 8
#: Words of a name before the task that are looked at.
_PARTS = 4
_BLANK, _COLON, _SLASH = ord(" "), ord(":"), ord("/")
_SIGNS = np.uint64(0x8080808080808080)


@dataclass(slots=True)
class Heads:
    """One entry a line; where ``ok`` is False the others mean nothing.

    Attributes:
        ok: The line begins with a whole head.
        is_record: It is a record of the side band, which ends a sample as a head does.
        pid, tid, cpu, ts_ns, period: -1 without.
        comm: Key of the name.
        event: Key of the event's name, and where it begins.
        at: Where stands what the event recorded; the line's end when there is nothing.
    """

    ok: Mask
    is_record: Mask
    pid: Index
    tid: Index
    cpu: Index
    ts_ns: Index
    period: Index
    comm: U64
    event: U64
    name_at: Index
    at: Index


def stops(word: U64) -> U64:
    """Marks blanks and control characters."""
    low = (word & np.uint64(0x7F7F7F7F7F7F7F7F)) + np.uint64(0x5F5F5F5F5F5F5F5F)
    marks: U64 = ~(low | word) & _SIGNS
    return marks


def skip_blanks(text: Text, at: Index) -> Index:
    """Behind the blanks; at most 40 of them."""
    count = text.blanks(at)
    at = at + count
    rows = np.flatnonzero(count == 8)
    for _ in range(4):
        if not len(rows):
            break
        count = text.blanks(at[rows])
        at[rows] += count
        rows = rows[count == 8]
    return at


def read_heads(text: Text, starts: Index, ends: Index) -> Heads:
    """Heads of the lines ``starts .. ends``."""
    n = len(starts)
    pid, tid, at, ok = _task(text, starts + _COMM)
    first = text.byte(starts)
    padded = ok & (text.byte(starts + _COMM) == _BLANK) & (starts + _COMM < ends)
    unclear = padded & (text.byte(starts + _COMM - 1) <= _BLANK)
    comm = mix(text.word(starts), text.word(starts + 8))
    short = np.flatnonzero(~padded & (first > _BLANK) & (first != ord("#")))
    if len(short):
        pid[short], tid[short], at[short], comm[short], padded[short] = _short(text, starts[short])
    ok = padded & ~unclear & (tid >= 0)
    cpu = np.full(n, -1, np.int64)
    rows = np.flatnonzero(ok & (text.byte(at) == ord("[")))
    if len(rows):
        number, digits = text.decimal(at[rows] + 1)
        behind = at[rows] + digits + 1
        ok[rows] &= (digits >= 3) & (digits <= 6) & (text.byte(behind) == ord("]")) & (text.byte(behind + 1) == _BLANK)
        cpu[rows] = number.astype(np.int64)
        at[rows] = skip_blanks(text, behind + 1)
    at, ts_ns, fine = _time(text, at)
    ok &= fine
    at = skip_blanks(text, at)
    is_record = ok & text.is_text(at, b"PERF_RECORD_")
    period = np.full(n, -1, np.int64)
    number, digits = text.long_decimal(at)
    rows = np.flatnonzero(digits > 0)
    if len(rows):
        behind = at[rows] + digits[rows]
        ok[rows] &= (digits[rows] < 16) & (text.byte(behind) == _BLANK)
        period[rows] = number[rows].astype(np.int64)
        at[rows] = skip_blanks(text, behind)
    letter = text.byte(at) | np.uint8(0x20)  # in its small form
    ok &= ((letter >= ord("a")) & (letter <= ord("z"))) | (text.byte(at) == ord("_"))
    name_at = at
    event, length, ended = name_keys(text, at, stops, _NAME_WORDS)
    at = at + length
    ok &= ended & (length >= 2) & (text.byte(at - 1) == _COLON) & (text.byte(at - 2) != _COLON) & (at <= ends)
    ok &= (at == ends) | (text.byte(at) == _BLANK)
    at = skip_blanks(text, at)
    ok &= (at <= ends) & ~((text.byte(at) == _BLANK) & (at < ends))
    return Heads(ok & ~is_record, is_record, pid, tid, cpu, ts_ns, period, comm, event, name_at, at)


def _task(text: Text, at: Index) -> tuple[Index, Index, Index, Mask]:
    """``pid/tid`` or ``tid`` between blanks: pid or -1, tid, where the next thing begins, whether it is so; tid -1 when unclear."""
    at = skip_blanks(text, at)
    number, digits = text.decimal(at)
    tid = number.astype(np.int64)
    behind = at + digits
    ok = digits > 0
    long = digits == 8
    pid = np.full(len(at), -1, np.int64)
    rows = np.flatnonzero(ok & (text.byte(behind) == _SLASH))
    if len(rows):
        number, digits = text.decimal(behind[rows] + 1)
        pid[rows], tid[rows] = tid[rows], number.astype(np.int64)
        behind[rows] += digits + 1
        ok[rows] = digits > 0
        long[rows] |= digits == 8
    ok &= (text.byte(behind) == _BLANK) | long
    sign = text.byte(at)
    odd = (sign == ord("-")) | (sign == _BLANK)  # negative numbers, and endless blanks, are for the other reader
    ok |= odd
    tid[long | odd] = -1
    return pid, tid, skip_blanks(text, behind), ok


def _short(text: Text, starts: Index) -> tuple[Index, Index, Index, U64, Mask]:
    """Lines that begin with the name itself, up to the first blank that a task follows: pid, tid, behind it, key of the name, found."""
    n = len(starts)
    pid, tid = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    at, stop, found = starts.copy(), starts.copy(), np.zeros(n, bool)
    rows, place = np.arange(n), starts
    for _ in range(_PARTS):
        place = place + _run(text, place)
        fine = (place - starts[rows] < _COMM) & (text.byte(place) == _BLANK)
        rows, place = rows[fine], place[fine]
        if not len(rows):
            break
        some_pid, some_tid, behind, ok = _task(text, place)
        hit = rows[ok]
        pid[hit], tid[hit], at[hit], stop[hit], found[hit] = some_pid[ok], some_tid[ok], behind[ok], place[ok], True
        rows, place = rows[~ok], skip_blanks(text, place[~ok])
    return pid, tid, at, span_keys(text, starts, stop, _COMM), found


def _run(text: Text, at: Index) -> Index:
    """Number of bytes before the next blank, 16 at most."""
    count = leading(stops(text.word(at)))
    full = np.flatnonzero(count == 8)
    if len(full):
        count[full] += leading(stops(text.word(at[full] + 8)))
    return count


def _time(text: Text, at: Index) -> tuple[Index, Index, Mask]:
    """Behind the time, if there is one: place, nanoseconds or -1, whether nothing is wrong."""
    ts_ns = np.full(len(at), -1, np.int64)
    ok = np.ones(len(at), bool)
    seconds, digits = text.long_decimal(at)
    dot = at + digits
    rows = np.flatnonzero((digits > 0) & (text.byte(dot) == ord(".")))
    if not len(rows):
        return at, ts_ns, ok
    part, count = text.long_decimal(dot[rows] + 1)
    behind = dot[rows] + count + 1
    ok[rows] = (digits[rows] < 10) & ((count == 6) | (count == 9)) & (text.byte(behind) == _COLON) & (text.byte(behind + 1) == _BLANK)
    nanoseconds = part.astype(np.int64) * np.where(count == 6, 1000, 1)
    ts_ns[rows] = seconds[rows].astype(np.int64) * 1_000_000_000 + nanoseconds
    at = at.copy()
    at[rows] = behind + 1
    return at, ts_ns, ok
