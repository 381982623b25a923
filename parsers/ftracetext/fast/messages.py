"""Events with their arguments, all lines of a block at once, grouped by the event's name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.ftracetext.fast.learned import READERS_MAX, learn, learn_symbol
from cowtrace.parsers.ftracetext.fast.names import Names, first_bytes, name_keys
from cowtrace.parsers.ftracetext.fast.templates import Reader
from cowtrace.parsers.ftracetext.fast.text import U64, Mask, Text, equal
from cowtrace.parsers.ftracetext.known import KNOWN
from cowtrace.parsers.ftracetext.message import MARKER
from cowtrace.parsers.ftracetext.pieces import STREAM_CPUS, Builder
from cowtrace.parsers.ftracetext.shapes import Shape
from cowtrace.parsers.ftracetext.state import State
from cowtrace.parsers.words import Index

_NAME_WORDS = 6
_MARKER_NAME = "tracing_mark_write"
#: Longer texts go one by one.
_TEXT_WORDS = 64
#: Names that the slow reader knows as something special.
_OTHERS = ("print", "bprint", "raw_data", "kernel_stack", "user_stack", "function")
_UNKNOWN, _ENTRY, _EXIT, _FIRST_READER = range(4)
#: Distinct names that are read in columns.
_READERS_MAX = 4096
_LOW32 = np.uint64(0xFFFFFFFF)


@dataclass(slots=True)
class Lines:
    """Lines that hold a whole event each.

    Attributes:
        place: Number of the line.
        ts_ns, tid, cpu, instance: Of each.
        at: Where the event's name begins.
        ends: Where the line ends.
    """

    place: Index
    ts_ns: Index
    tid: Index
    cpu: Index
    instance: Index
    at: Index
    ends: Index

    def __len__(self) -> int:
        return len(self.place)

    def some(self, rows: Index) -> Lines:
        """Some of them."""
        return Lines(*(getattr(self, name)[rows] for name in self.__slots__))

    def fill_head(self, table: npt.NDArray[np.uint64], number: npt.NDArray[np.uint16]) -> None:
        """The head of each payload: number of the event, tid, CPU, stream."""
        tid = (self.tid.astype(np.uint64) & _LOW32) << np.uint64(32)
        table[:, 0] = number.astype(np.uint64) | tid
        stream = (self.instance * STREAM_CPUS + (self.cpu + 1) % STREAM_CPUS).astype(np.uint64)
        table[:, 1] = (self.cpu.astype(np.uint64) & _LOW32) | (stream << np.uint64(32))


class Messages:
    """Reads events that are known by name."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._names = Names()
        self._numbers: dict[str, int] = {"funcgraph_entry": _ENTRY, "funcgraph_exit": _EXIT, **dict.fromkeys(_OTHERS, _UNKNOWN)}
        self._numbers[_MARKER_NAME] = _FIRST_READER
        self._readers: list[list[Reader]] = [[]]  # the first place stands for markers

    def read(self, text: Text, lines: Lines, builder: Builder, whole: Mask | None = None, *, learns: bool = True) -> tuple[Mask, Index]:
        """Add what can be read.

        Args:
            text: The block.
            lines: Lines of it.
            builder: Gets the events.
            whole: Lines that no other line continues; None: all.
            learns: Events that no table knows are told by their lines.

        Returns:
            Which lines were read, and the rows that are calls as trace-cmd prints them (``at`` is then behind the name).
        """
        key, length, ended = name_keys(text, lines.at, _stops, _NAME_WORDS)
        behind = lines.at + length
        fine = ended & (text.byte(behind) == ord(":"))
        done = np.zeros(len(lines), bool)
        rows = np.flatnonzero(fine)
        if not len(rows):
            return done, rows
        event = self._names.numbers(key[rows], lambda row: self._resolve(text, lines.at[rows[row]], behind[rows[row]]))
        args = behind[rows] + 1
        for _ in range(5):
            blanks = text.blanks(args)
            args += blanks
            if not (blanks == 8).any():
                break
        ready = np.ones(len(rows), bool) if whole is None else whole[rows]
        for number in np.unique(event).tolist():
            if number >= _FIRST_READER:
                which = np.flatnonzero((event == number) & ready)
                if number == _FIRST_READER:
                    done[rows[which]] = self._add_markers(text, lines.some(rows[which]), args[which], builder)
                    continue
                readers = self._readers[number - _FIRST_READER]
                done[rows[which]] = self._add_all(readers, text, lines.some(rows[which]), args[which], builder, learns=learns)
        calls = rows[(event == _ENTRY) | (event == _EXIT)]
        lines.at[calls] = args[(event == _ENTRY) | (event == _EXIT)]
        return done, calls

    def _resolve(self, text: Text, start: int, end: int) -> int:
        name = text.u8[start:end].tobytes().decode("latin-1")
        known = KNOWN.get(name)
        if name not in self._numbers and len(self._readers) < _READERS_MAX:
            self._numbers[name] = _FIRST_READER + len(self._readers)
            self._readers.append([] if known is None else [Reader(known)])
        return self._numbers.get(name, _UNKNOWN)

    def _add_all(self, readers: list[Reader], text: Text, lines: Lines, args: Index, builder: Builder, *, learns: bool) -> Mask:
        done = np.zeros(len(lines), bool)
        place = 0
        while not done.all():
            left = np.flatnonzero(~done)
            if place == len(readers):
                reader = self._learn(readers, text, lines.some(left[:1]), int(args[left[0]]), learns=learns)
                if reader is None:
                    break
                readers.append(reader)
            done[left] = self._add(readers[place], text, lines.some(left), args[left], builder)
            place += 1
        return done

    def _learn(self, readers: list[Reader], text: Text, line: Lines, args: int, *, learns: bool) -> Reader | None:
        """A reader for lines like the first of ``line``, which none of the others can read."""
        if len(readers) >= READERS_MAX:
            return None
        at, end = int(line.at[0]), int(line.ends[0])
        own = text.u8[args:end].tobytes()
        known = KNOWN.get(readers[0].known.shape.name) if readers else None
        if known is not None:
            return learn_symbol(known, own)
        return learn(text.u8[at:end].tobytes(), own, self._state.calls) if learns else None

    def _add_markers(self, text: Text, lines: Lines, args: Index, builder: Builder) -> Mask:
        """Markers, whose whole argument is a text: those of equal size together."""
        size = lines.ends - args
        words = size // 8 + 1
        done = words <= _TEXT_WORDS
        for count in np.unique(words[done]).tolist():
            rows = np.flatnonzero(words == count)
            table = np.zeros((len(rows), 3 + count), np.uint64)
            table[:, 2] = (MARKER.size | (size[rows] + 1) << 16).astype(np.uint64)
            for word in range(count):
                table[:, 3 + word] = text.word(args[rows] + 8 * word) & first_bytes(size[rows] - 8 * word)
            self._emit(MARKER, lines.some(rows), table, builder)
        return done

    def _add(self, reader: Reader, text: Text, lines: Lines, args: Index, builder: Builder) -> Mask:
        table, fine = reader.read(text, args, lines.ends)
        good = np.flatnonzero(fine)
        if not len(good):
            return fine
        if len(good) < len(fine):
            table, lines = table[good], lines.some(good)
        self._emit(reader.known.shape, lines, table, builder)
        return fine

    def _emit(self, shape: Shape, lines: Lines, table: U64, builder: Builder) -> None:
        number = np.empty(len(lines), np.uint16)
        for instance in np.unique(lines.instance).tolist():
            number[lines.instance == instance] = self._state.number(shape, instance)
        lines.fill_head(table, number)
        builder.add_table(lines.place, lines.ts_ns, number, table)


def _stops(word: U64) -> U64:
    """Marks the bytes that end a name: a colon, and everything below ``0`` (blanks, parentheses)."""
    below = ~(((word & np.uint64(0x7F7F7F7F7F7F7F7F)) + np.uint64(0x5050505050505050)) | word) & np.uint64(0x8080808080808080)
    return below | equal(word, ord(":"))
