"""Arguments of known events, all lines of one event at once, by the templates of ``known``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cowtrace.parsers.ftracetext.fast.names import Names, first_bytes, span_keys
from cowtrace.parsers.ftracetext.fast.text import U64, Mask, Text, equal, leading
from cowtrace.parsers.ftracetext.known import KINDS, Known, Template
from cowtrace.parsers.ftracetext.shapes import COMM, HEAD_BYTES, TEXT
from cowtrace.parsers.words import Index

#: Longest text of flags that is read this way.
_WORD_BYTES = 128
_BAD = -1


class Reader:
    """Reads one event's arguments.

    Args:
        known: The event.
        constants: Fields that are the same in all lines.
    """

    def __init__(self, known: Known, constants: Mapping[str, int | bytes] | None = None) -> None:
        self.known = known
        self._names: dict[str, Names] = {}
        self._column: dict[str, int] = {}
        at = HEAD_BYTES // 8
        for slot in known.shape.slots:
            self._column[slot.name] = at
            at += 2 if slot.kind == COMM else 1
        texts = {slot.name: b"" for slot in known.shape.slots if slot.kind == TEXT and slot.name == known.symbol} | dict(constants or {})
        self._row = _constant_row(at, self._column, texts)
        told = {name for name in self._column if name in texts}
        readable = all(slot.kind in "udc" or slot.name in told for slot in known.shape.slots)
        self._templates = [each for each in known.templates if readable and all(kind != "s" for _, kind in each.fields)]

    def read(self, text: Text, at: Index, ends: Index) -> tuple[U64, Mask]:
        """Payloads (head not filled in) and which rows could be read."""
        table = np.tile(self._row, (len(at), 1))
        fine = np.zeros(len(at), bool)
        for template in self._templates:
            rows = np.flatnonzero(~fine)
            if not len(rows):
                break
            whole = len(rows) == len(at)
            part = table if whole else table[rows]
            good = self._match(template, text, at[rows], ends[rows], part)
            if not whole:
                table[rows[good]] = part[good]
            elif not good.all():
                table[~good] = self._row
            fine[rows[good]] = True
        return table, fine

    def _match(self, template: Template, text: Text, at: Index, ends: Index, into: U64) -> Mask:
        ok = np.ones(len(at), bool)
        at = at.copy()
        parts = template.parts
        for number, (name, kind) in enumerate(template.fields):
            if parts[number]:
                literal = parts[number].encode()
                ok &= text.is_text(at, literal)
                if not ok.any():
                    return ok
                at += len(literal)
            column = self._column.get(name, -1)
            at = self._field(text, at, ends, kind, parts[number + 1].encode(), into, column, ok)
        tail = parts[-1].encode()
        if tail:
            ok &= text.is_text(at, tail)
            at = at + len(tail)
        ok &= at == ends
        return ok

    def _words(self, kind: str, text: Text, at: Index, ends: Index) -> Index:
        """Numbers of words such as ``GFP_KERNEL|__GFP_ZERO``; each distinct one is read once."""
        convert = KINDS[kind][1]

        def resolve(row: int) -> int:
            value = None if convert is None else convert(text.u8[at[row] : ends[row]].tobytes().decode("latin-1"))
            return _BAD if value is None or not 0 <= value < 1 << 62 else value

        names = self._names.setdefault(kind, Names())
        return names.numbers(span_keys(text, at, ends, _WORD_BYTES), resolve)

    def _field(self, text: Text, at: Index, ends: Index, kind: str, behind: bytes, into: U64, column: int, ok: Mask) -> Index:
        """Read one field; returns where it ends. ``ok`` loses the rows that are otherwise."""
        if kind == "c":
            return _comm(text, at, ends, behind, into, column, ok)
        if kind in ("gfp", "state", "member", "bool"):
            stop = ends.copy() if not behind else _find(text, at, behind, ok)
            ok &= (stop > at) & (stop <= ends) & (stop - at <= _WORD_BYTES)
            stop = np.where(ok, stop, at)
            words = self._words(kind, text, at, stop)
            ok &= words != _BAD
            if column >= 0:
                into[:, column] = words
            return stop
        if kind == "X":
            value, digits = text.hexadecimal(at)
            ok &= digits > 0
        elif column < 0 and kind == "p":  # a hashed pointer
            is_hex = text.is_text(at, b"0x")
            value, digits = text.hexadecimal(at + 2 * is_hex)
            digits += 2 * is_hex
            ok &= digits > 0
        else:
            value, digits = _number(text, at, ok, decimal_only=kind == "d")
        if column >= 0:
            into[:, column] = value
        return at + digits


def _constant_row(words: int, column: Mapping[str, int], constants: Mapping[str, int | bytes]) -> U64:
    """A payload with the constants filled in; texts stand behind the fields."""
    row, tail = [0] * words, b""
    for name, value in constants.items():
        if isinstance(value, bytes):
            row[column[name]] = words * 8 + len(tail) | (len(value) + 1) << 16
            tail += value + b"\0"
        else:
            row[column[name]] = value % (1 << 64)
    tail += bytes(-len(tail) % 8)
    return np.concatenate([np.array(row, np.uint64), np.frombuffer(tail, "<u8")])


def _number(text: Text, at: Index, ok: Mask, *, decimal_only: bool) -> tuple[U64, Index]:
    """``0x1f``, ``31`` or ``-31``."""
    if not decimal_only:
        is_hex = text.is_text(at, b"0x")
        if is_hex.all():
            value, digits = text.hexadecimal(at + 2)
            ok &= digits > 0
            return value, digits + 2
        if is_hex.any():
            value, digits = np.zeros(len(at), np.uint64), np.zeros(len(at), np.int64)
            for rows in (np.flatnonzero(is_hex), np.flatnonzero(~is_hex)):
                fine = ok[rows]
                value[rows], digits[rows] = _number(text, at[rows], fine, decimal_only=not is_hex[rows[0]])
                ok[rows] = fine
            return value, digits
    minus = text.byte(at) == ord("-")
    value, digits = text.long_decimal(at + minus)
    ok &= (digits > 0) & (digits < 16)
    if minus.any():
        value = np.where(minus, ~value + np.uint64(1), value)
    return value, digits + minus


def _find(text: Text, at: Index, literal: bytes, ok: Mask) -> Index:
    """Where a literal begins behind each place, within ``_WORD_BYTES``; rows without are no longer ``ok``."""
    found = np.full(len(at), -1, np.int64)
    rows = np.arange(len(at))
    begin = at.copy()
    for _ in range(_WORD_BYTES // 8):
        step = leading(equal(text.word(begin[rows]), literal[0]))
        begin[rows] += step
        hit = step < 8
        there = np.zeros(len(rows), bool)
        if hit.any():
            there[hit] = text.is_text(begin[rows[hit]], literal)
        found[rows[there]] = begin[rows[there]]
        begin[rows[hit & ~there]] += 1
        rows = rows[~there]
        if not len(rows):
            break
    ok &= found >= 0
    return np.where(found < 0, at, found)


def _comm(text: Text, at: Index, ends: Index, behind: bytes, into: U64, column: int, ok: Mask) -> Index:
    """A name of up to 15 bytes. It may itself hold what stands behind it: then the line is left to the slow reader."""
    stop = _find(text, at, behind, ok) if behind else ends
    size = stop - at
    ok &= (size >= 0) & (size <= 15)
    if behind:  # the literal once more within a name's length
        twice = np.zeros(len(at), bool)
        for start in range(1, 16):
            rows = np.flatnonzero(size + start <= 15)
            if len(rows):
                twice[rows] |= text.is_text(stop[rows] + start, behind)
        ok &= ~twice
    if column >= 0:
        for half in range(2):
            into[:, column + half] = text.word(at + 8 * half) & first_bytes(size - 8 * half)
    return stop
