"""Heads of lines in the layout of ``trace`` and ``trace-cmd report``, all at once: task, CPU, time.

The same layout as ``heads.default_head``; a line that is not exactly so is left to that one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cowtrace.parsers.ftracetext.fast.text import Mask, Text, equal, leading
from cowtrace.parsers.words import Index

_NS = np.array([10 ** (9 - digits) if digits <= 9 else 0 for digits in range(20)], np.int64)
_COMM_BYTES = 16
#: Nanoseconds have 63 bits.
_SECONDS_MAX = 9_223_372_036
#: Flags before a time without seconds, which follows at once.
_GLUED = 5


@dataclass(slots=True)
class Heads:
    """One entry a line; where ``ok`` is False the others mean nothing.

    Attributes:
        ok: The line begins with a whole head.
        tid, cpu: Task and CPU.
        tgid: -1 unknown.
        ts_ns: Time, or the number that the clock shows.
        at: Where the event begins.
        has_seconds: The time was printed in seconds.
    """

    ok: Mask
    tid: Index
    tgid: Index
    cpu: Index
    ts_ns: Index
    at: Index
    has_seconds: Mask


def read_heads(text: Text, starts: Index) -> Heads:
    """Heads at these places, which are those of the comms."""
    at = starts + _COMM_BYTES
    ok = text.byte(at) == ord("-")
    tid, digits = text.decimal(at + 1)
    ok &= (digits > 0) & (digits < 8)
    at += digits + 1
    blanks = text.blanks(at)
    ok &= (blanks > 0) & (blanks < 8)
    at += blanks
    tgid = np.full(len(starts), -1, np.int64)
    grouped = np.flatnonzero(ok & (text.byte(at) == ord("(")))
    if len(grouped):
        at[grouped], tgid[grouped], fine = _group(text, at[grouped] + 1)
        ok[grouped] &= fine
    ok &= text.byte(at) == ord("[")
    cpu, digits = text.decimal(at + 1)
    at += digits + 1
    ok &= (digits >= 3) & (digits <= 5) & (text.byte(at) == ord("]"))
    at += 1
    at += text.blanks(at)
    at = _skip_flags(text, at)
    seconds, digits = text.long_decimal(at)
    at += digits
    has_seconds = text.byte(at) == ord(".")
    ok &= (digits > 0) & (digits < 16) & (~has_seconds | (seconds < _SECONDS_MAX))
    ts_ns = seconds.astype(np.int64)
    timed = np.flatnonzero(has_seconds)
    if len(timed):
        part, digits = text.long_decimal(at[timed] + 1)
        ok[timed] &= (digits > 0) & (digits <= 9)
        ts_ns[timed] = ts_ns[timed] * 1_000_000_000 + part.astype(np.int64) * _NS.take(digits, mode="clip")
        at[timed] += digits + 1
    ok &= (text.byte(at) == ord(":")) & (text.byte(at + 1) == ord(" "))
    at += 2
    ok &= text.byte(at) > ord("(")  # a blank or a parenthesis: the difference to the time before
    return Heads(ok, tid.astype(np.int64), tgid, cpu.astype(np.int64), ts_ns, at, has_seconds)


def _group(text: Text, at: Index) -> tuple[Index, Index, Mask]:
    """``(   4319) `` or ``(-------) ``: where it ends, tgid, whether it is whole."""
    at = at + text.blanks(at)
    tgid, digits = text.decimal(at)
    dashes = leading(equal(text.word(at), ord("-")) ^ np.uint64(0x8080808080808080))
    found = np.where(digits > 0, tgid.astype(np.int64), -1)
    at = at + digits + np.where(digits > 0, 0, dashes)
    fine = (text.byte(at) == ord(")")) & (digits < 8) & ((digits > 0) | (dashes > 0))
    at = at + 1
    return at + text.blanks(at), found, fine


def _skip_flags(text: Text, at: Index) -> Index:
    """Behind the flags: 3 to 8 characters and blanks, or 5 characters that a number without seconds follows at once."""
    word = text.word(at)
    width = leading(equal(word, 0x20))
    has_colon = leading(equal(word, ord(":"))) < width
    flags = ~has_colon & (width >= 3) & (text.byte(at + width) == 0x20)
    behind = at + np.where(flags, width, 0)
    behind += np.where(flags, text.blanks(behind), 0)
    first = text.byte(behind)
    glued = ~flags & ((first < ord("0")) | (first > ord("9"))) & (leading(equal(word, 0x20) | equal(word, ord(":"))) >= _GLUED)
    if glued.any():
        behind[glued] += _GLUED
    return behind
