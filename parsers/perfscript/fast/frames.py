"""Lines of call chains, all at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cowtrace.parsers.ftracetext.fast.text import U64, Mask, Text
from cowtrace.parsers.perfscript.fast.heads import skip_blanks
from cowtrace.parsers.perfscript.line import KERNEL_HALF
from cowtrace.parsers.words import Index

_TAB, _BLANK = 9, ord(" ")


@dataclass(slots=True)
class Frames:
    """Frames of a block.

    Attributes:
        ok: By line of the block: it is one.
        lines: Which lines those are.
        ip: Address of each.
        at: Where the address ends.
    """

    ok: Mask
    lines: Index
    ip: U64
    at: Index

    def without(self, left: Index) -> Frames:
        """Those that are none of these lines."""
        is_left = np.zeros(len(self.ok), bool)
        is_left[left] = True
        own = ~is_left[self.lines]
        return Frames(self.ok, self.lines[own], self.ip[own], self.at[own])


@dataclass(slots=True)
class Chains:
    """Kernel frames of samples.

    Attributes:
        ip: All of them in a row.
        begin: By sample: its first one.
        count: By sample: how many.
        user_count: User frames that were left out.
    """

    ip: U64
    begin: Index
    count: Index
    user_count: int


def read_frames(text: Text, starts: Index, ends: Index) -> Frames:
    """Lines that are a tab, an address, and nothing or a symbol."""
    lines = np.flatnonzero(text.byte(starts) == _TAB)
    at = skip_blanks(text, starts[lines] + 1)
    ip, digits = text.hexadecimal(at)
    at += digits
    fine = (digits > 0) & ((at == ends[lines]) | (text.byte(at) == _BLANK))
    ok = np.zeros(len(starts), bool)
    ok[lines[fine]] = True
    return Frames(ok, lines[fine], ip[fine], at[fine])


def chains_of(frames: Frames, heads: Index) -> Chains:
    """Chains of the samples that begin at the lines ``heads``, whose frames these are."""
    owner = np.searchsorted(heads, frames.lines, side="right") - 1
    kernel = frames.ip >= np.uint64(KERNEL_HALF)
    count = np.bincount(owner[kernel], minlength=len(heads)).astype(np.int64)
    return Chains(frames.ip[kernel], np.cumsum(count) - count, count, int((~kernel).sum()))
