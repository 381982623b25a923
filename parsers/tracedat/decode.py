"""From pages in memory to rows: which event, when, where its payload is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cowtrace.errors import InputError
from cowtrace.parsers.base import EventDesc, FieldDesc
from cowtrace.parsers.tracedat.clock import Clock
from cowtrace.parsers.tracedat.metadata import Metadata
from cowtrace.parsers.tracedat.pieces import Pages, Pieces
from cowtrace.parsers.tracedat.walk import Events, walk
from cowtrace.parsers.traceevent.format import TraceFormat
from cowtrace.parsers.traceevent.payload import Payloads
from cowtrace.parsers.words import Index, Words

#: What every trace event starts with (include/linux/trace_events.h: struct trace_entry), unless a format says otherwise.
_TYPE = FieldDesc("common_type", "unsigned short", 0, 2, False, "int", 2)
_PID = FieldDesc("common_pid", "int", 4, 4, True, "int", 4)
_COLUMNS = frozenset({"ts_ns", "tgid", "tid", "cpu"})
_TYPES = 1 << 16
#: Event numbers are 16 bits.
_EVENTS_MAX = 1 << 16


@dataclass(frozen=True, slots=True)
class Rows:
    """Events in one buffer.

    Attributes:
        words: The buffer.
        start: Byte of each payload.
        size: Bytes of each payload.
        ts_ns: Time.
        event: Number of the event description.
        piece: Number of the piece that each was in.
    """

    words: Words
    start: Index
    size: Index
    ts_ns: Index
    event: npt.NDArray[np.uint16]
    piece: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.start)

    def some(self, rows: Index) -> Rows:
        """Rows by number, in the order given."""
        start, size, ts_ns = self.start.take(rows), self.size.take(rows), self.ts_ns.take(rows)
        return Rows(self.words, start, size, ts_ns, self.event.take(rows), self.piece.take(rows))

    def followed_by(self, more: Rows) -> Rows:
        """These rows and then others, in whose buffer their payloads are at the same bytes."""
        return Rows(
            more.words,
            np.append(self.start, more.start),
            np.append(self.size, more.size),
            np.append(self.ts_ns, more.ts_ns),
            np.append(self.event, more.event),
            np.append(self.piece, more.piece),
        )

    def payloads(self, rows: Index) -> Payloads:
        """Payloads of some rows."""
        return Payloads(self.words, self.start.take(rows), self.size.take(rows))


@dataclass(frozen=True, slots=True)
class Decoded:
    """Rows of a block in the order of its pages.

    Attributes:
        rows: Events that have a description.
        unknown_count: Events of a type that no format describes.
        damaged_count: Pages that are damaged; what they hold before the damage is in the rows.
        events: The walk's result, for the losses it found.
        lost_ts_ns: Time of the first event behind each loss.
        lost_piece: Piece of each loss.
    """

    rows: Rows
    unknown_count: int
    damaged_count: int
    events: Events
    lost_ts_ns: Index
    lost_piece: Index


class Decoder:
    """Knows the events of a file.

    Attributes:
        formats: Format of every event number, the same list again for each buffer.
        descs: Description of every event number.
    """

    def __init__(self, meta: Metadata, pieces: Pieces, clock: Clock, path: str) -> None:
        self._layout = meta.layout
        self._clock = clock
        known = [number for number in meta.formats if number < _TYPES]
        if len(known) * len(meta.buffers) > _EVENTS_MAX:
            raise InputError(path, f"{len(known)} events in {len(meta.buffers)} instances are more than can be numbered")
        self.formats: list[TraceFormat] = [meta.formats[number] for _ in meta.buffers for number in known]
        self.descs = [_describe(index, item, meta.buffers[index // len(known)].name) for index, item in enumerate(self.formats)]
        self._type = _common(self.formats, _TYPE)
        self._pid = _common(self.formats, _PID)
        self._place = np.full(_TYPES, -1, np.int32)
        self._place[known] = np.arange(len(known))
        instances = np.array([stream.instance for stream in pieces.streams], np.int32)
        self._first_event = instances[pieces.stream] * np.int32(len(known))

    def decode(self, pages: Pages) -> Decoded:
        """Rows of the pages."""
        found = walk(pages, self._layout)
        piece = pages.piece[found.page].astype(np.int32)
        number = Payloads(pages.words, found.start, found.size).ints(self._type).astype(np.int64)
        local = self._place.take(number, mode="clip")
        event = (local + self._first_event.take(piece, mode="clip")).astype(np.uint16)
        rows = Rows(pages.words, found.start, found.size, self._clock.convert(found.stamp), event, piece)
        known = np.flatnonzero(local >= 0)
        unknown_count = len(rows) - len(known)
        if unknown_count:
            rows = rows.some(known)
        damaged_count = pages.damaged_count + found.damaged_count
        lost_ts_ns = self._clock.convert(found.lost_stamp)
        return Decoded(rows, unknown_count, damaged_count, found, lost_ts_ns, pages.piece[found.lost_page])

    def tids(self, rows: Rows) -> npt.NDArray[np.int32]:
        """common_pid of each row; -1 where its payload is too short to have one."""
        payloads = Payloads(rows.words, rows.start, rows.size)
        tids: npt.NDArray[np.int32] = payloads.ints(self._pid).astype(np.int32)
        tids[rows.size < self._pid.offset + self._pid.size] = -1
        return tids

    def numbers(self, *names: str) -> list[int]:
        """Event numbers of events by ``system:name``, in all buffers."""
        return [desc.index for desc in self.descs if desc.name in names]


def _describe(index: int, item: TraceFormat, instance: str) -> EventDesc:
    return EventDesc(index, f"{item.system}:{item.name}", _COLUMNS, item.fields, instance=instance)


def _common(formats: list[TraceFormat], usual: FieldDesc) -> FieldDesc:
    fields = (field for item in formats for field in item.fields if field.name == usual.name and field.kind == "int")
    return next(fields, usual)


def field_of(desc: EventDesc, name: str) -> FieldDesc | None:
    """A field of an event by its name."""
    return next((field for field in desc.fields if field.name == name), None)
