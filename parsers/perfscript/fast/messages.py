"""Fields of tracepoints, all lines of one event at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cowtrace.parsers.ftracetext.calls import Calls
from cowtrace.parsers.ftracetext.fast.learned import READERS_MAX, learn, learn_symbol
from cowtrace.parsers.ftracetext.fast.templates import Reader
from cowtrace.parsers.ftracetext.fast.text import U64, Text
from cowtrace.parsers.ftracetext.known import KNOWN
from cowtrace.parsers.ftracetext.shapes import Shape
from cowtrace.parsers.words import Index

#: Names that the slow reader knows as something special.
_OTHERS = (b"print", b"bprint", b"raw_data", b"kernel_stack", b"user_stack", b"function", b"tracing_mark_write")


@dataclass(frozen=True, slots=True)
class Part:
    """Samples of one event.

    Attributes:
        rows: Which.
        shape: Its fields.
        table: A payload each, its head not filled in.
    """

    rows: Index
    shape: Shape
    table: U64


class Messages:
    """Reads the fields of events.

    Args:
        calls: Numbers the functions.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._readers: dict[int, list[Reader]] = {}

    def read(self, text: Text, names: list[bytes], event: Index, rows: Index, name_at: Index, at: Index, ends: Index) -> list[Part]:
        """What can be read of some rows.

        Args:
            text: The block.
            names: Names of events.
            event: Number of the name of each row.
            rows: Rows to read.
            name_at, at, ends: Where each row's name begins, its fields begin, its line ends.
        """
        parts: list[Part] = []
        kinds = event[rows]
        for number in np.unique(kinds).tolist():
            name = names[number]
            if name.rpartition(b":")[2] in _OTHERS or name.startswith(b"ftrace:"):
                continue
            known = KNOWN.get(name.decode("latin-1"))
            readers = self._readers.setdefault(number, [] if known is None else [Reader(known)])
            some, place = rows[kinds == number], 0
            while len(some):
                if place == len(readers):
                    new = self._learn(readers, text, int(name_at[some[0]]), int(at[some[0]]), int(ends[some[0]]))
                    if new is None:
                        break
                    readers.append(new)
                table, fine = readers[place].read(text, at[some], ends[some])
                if fine.any():
                    parts.append(Part(some[fine], readers[place].known.shape, table[fine]))
                some, place = some[~fine], place + 1
        return parts

    def _learn(self, readers: list[Reader], text: Text, name_at: int, at: int, end: int) -> Reader | None:
        """A reader for lines like this one, which none of the others can read."""
        if len(readers) >= READERS_MAX:
            return None
        own = text.u8[at:end].tobytes()
        known = KNOWN.get(readers[0].known.shape.name) if readers else None
        if known is not None:
            return learn_symbol(known, own)
        message = text.u8[name_at:end].tobytes()
        return learn(message.split(b" ")[0] + b" " + own, own, self._calls)
