"""Addresses behind an event, all at once: ``[data address [symbol [(file)]]] instruction [symbol [(file)]]``.

As ``line.parse_addresses``; what that one could read in another way is left to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cowtrace.parsers.ftracetext.fast.names import name_keys
from cowtrace.parsers.ftracetext.fast.text import U64, Mask, Text
from cowtrace.parsers.perfscript.fast.heads import skip_blanks, stops
from cowtrace.parsers.words import Index

_BLANK, _OPEN, _CLOSE = ord(" "), ord("("), ord(")")
_SYMBOL_WORDS = 40
_NONE = np.uint64(0)


@dataclass(slots=True)
class Addresses:
    """One entry a line.

    Attributes:
        ok: The line was read.
        ip, addr: 0 where the line has none.
        has_ip, has_addr: Whether it has.
        symbol_at, symbol_end: Where the instruction's symbol stands; equal without.
    """

    ok: Mask
    ip: U64
    addr: U64
    has_ip: Mask
    has_addr: Mask
    symbol_at: Index
    symbol_end: Index


def read_addresses(text: Text, at: Index, ends: Index, brackets: Index) -> Addresses:
    """Addresses at these places.

    Args:
        text: The block.
        at: Where each begins.
        ends: Where its line ends.
        brackets: All places of ``)`` in the block.
    """
    n = len(at)
    ip, digits = text.hexadecimal(at)
    place = at + digits
    has_ip = at < ends
    ok = ~has_ip | ((digits > 0) & _is_end(text, place, ends))
    addr, has_addr = np.zeros(n, np.uint64), np.zeros(n, bool)
    symbol_at, symbol_end = at.copy(), at.copy()
    ip[~has_ip] = _NONE
    rows = np.flatnonzero(ok & has_ip & (place < ends))
    if len(rows):
        _behind(text, rows, place, ends, brackets, (ok, ip, addr, has_addr, symbol_at, symbol_end))
    return Addresses(ok, ip, addr, has_ip, has_addr, symbol_at, symbol_end)


def _behind(text: Text, rows: Index, place: Index, ends: Index, brackets: Index, into: tuple[Mask, U64, U64, Mask, Index, Index]) -> None:
    """What follows the first address of some rows."""
    ok, ip, addr, has_addr, symbol_at, symbol_end = into
    place, ends = place[rows], ends[rows]
    word = skip_blanks(text, place)
    fine = word < ends
    second, digits = text.hexadecimal(word)
    is_number = (digits > 0) & _is_end(text, word + digits, ends)
    fine &= ~is_number | (digits >= 3)
    # a symbol of the data address, or of the only one
    name = np.flatnonzero(fine & ~is_number & (text.byte(word) != _OPEN))
    behind = word.copy()
    _, length, ended = name_keys(text, word[name], stops, _SYMBOL_WORDS)
    behind[name] += length
    fine[name] &= ended & _is_end(text, behind[name], ends[name])
    named = np.zeros(len(rows), bool)
    named[name] = True
    bare = np.flatnonzero(fine & ~is_number & ~named)  # a file at once: exactly one blank before
    fine[bare] &= word[bare] == place[bare] + 1
    behind[bare] = place[bare]
    symbol_at[rows], symbol_end[rows] = word, np.where(named, behind, word)
    # the file: up to the first closing bracket, which ends the line or is followed by the second address
    rest = np.flatnonzero(fine & ~is_number & (behind < ends))
    filed = rest[(text.byte(behind[rest]) == _BLANK) & (text.byte(behind[rest] + 1) == _OPEN)]
    if len(filed):
        next_one = np.searchsorted(brackets, behind[filed])
        closing = brackets.take(next_one, mode="clip") if len(brackets) else np.full(len(filed), -1, np.int64)
        fine[filed] &= (closing > behind[filed]) & (closing < ends[filed])
        behind[filed] = np.where(fine[filed], closing + 1, ends[filed])
        fine[filed] &= _is_end(text, behind[filed], ends[filed])
    rest = rest[fine[rest] & (behind[rest] < ends[rest])]
    if len(rest):
        word[rest] = skip_blanks(text, behind[rest])
        second[rest], digits[rest] = text.hexadecimal(word[rest])
        is_number[rest] = True
        fine[rest] &= (digits[rest] >= 3) & _is_end(text, word[rest] + digits[rest], ends[rest])
    pairs = np.flatnonzero(fine & is_number)
    if len(pairs):
        both = rows[pairs]
        addr[both], ip[both], has_addr[both] = ip[both], second[pairs], True
        where = word[pairs] + digits[pairs]
        begin, end, good = _symbol(text, where, ends[pairs])
        symbol_at[both], symbol_end[both] = begin, end
        fine[pairs] &= good
    ok[rows] &= fine


def _symbol(text: Text, at: Index, ends: Index) -> tuple[Index, Index, Mask]:
    """The symbol of the second address: begin, end, whether it is plain: one word, behind it nothing or a file."""
    begin = np.minimum(at + 1, ends)
    end, good = begin.copy(), np.ones(len(at), bool)
    rows = np.flatnonzero(begin < ends)
    if not len(rows):
        return begin, end, good & (at == ends)
    good &= (at == ends) | (begin < ends)
    first = text.byte(begin[rows])
    _, length, ended = name_keys(text, begin[rows], stops, _SYMBOL_WORDS)
    end[rows] += length
    _, digits = text.hexadecimal(begin[rows])
    stop = end[rows]
    closes = (text.byte(stop) == _BLANK) & (text.byte(stop + 1) == _OPEN) & (text.byte(ends[rows] - 1) == _CLOSE)
    good[rows] = ended & (first != _BLANK) & (first != _OPEN) & (digits < length) & ((stop == ends[rows]) | closes)
    return begin, end, good


def _is_end(text: Text, at: Index, ends: Index) -> Mask:
    """Whether a word ends here."""
    ends_here: Mask = (at == ends) | ((at < ends) & (text.byte(at) == _BLANK))
    return ends_here
