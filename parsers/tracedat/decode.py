"""From pages in memory to rows: which event, when, where its payload is."""

from __future__ import annotations

import numpy as np

from cowtrace.errors import InputError
from cowtrace.parsers.base import EventDesc, FieldDesc
from cowtrace.parsers.ftrace.rows import Loaded, Rows
from cowtrace.parsers.tracedat.clock import Clock
from cowtrace.parsers.tracedat.metadata import Metadata
from cowtrace.parsers.tracedat.pieces import Pages, Pieces
from cowtrace.parsers.tracedat.walk import walk
from cowtrace.parsers.traceevent.format import TraceFormat
from cowtrace.parsers.traceevent.payload import Payloads
from cowtrace.parsers.words import Array

#: What every trace event starts with (include/linux/trace_events.h: struct trace_entry), unless a format says otherwise.
_TYPE = FieldDesc("common_type", "unsigned short", 0, 2, False, "int", 2)
_PID = FieldDesc("common_pid", "int", 4, 4, True, "int", 4)
_COLUMNS = frozenset({"ts_ns", "tgid", "tid", "cpu"})
_TYPES = 1 << 16
#: Event numbers are 16 bits.
_EVENTS_MAX = 1 << 16


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
        self.pid = _common(self.formats, _PID)
        self._place = np.full(_TYPES, -1, np.int32)
        self._place[known] = np.arange(len(known))
        self._stream = pieces.stream
        self._cpu = np.array([stream.cpu for stream in pieces.streams], np.int64)
        self._instance = np.array([stream.instance for stream in pieces.streams], np.int32)
        self._first_event = self._instance[pieces.stream] * np.int32(len(known))

    def decode(self, pages: Pages) -> Loaded:
        """Rows of the pages, and the losses that the pages tell."""
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
        lost_stream = self._stream[pages.piece[found.lost_page]]
        lost: dict[str, Array] = {
            "row": np.searchsorted(found.page, found.lost_page),
            "ts_ns": self._clock.convert(found.lost_stamp),
            "cpu": self._cpu[lost_stream],
            "instance": self._instance[lost_stream],
            "lost_events": found.lost_events,
        }
        return Loaded(rows, unknown_count, pages.damaged_count + found.damaged_count, lost)


def _describe(index: int, item: TraceFormat, instance: str) -> EventDesc:
    return EventDesc(index, f"{item.system}:{item.name}", _COLUMNS, item.fields, instance=instance)


def _common(formats: list[TraceFormat], usual: FieldDesc) -> FieldDesc:
    fields = (field for item in formats for field in item.fields if field.name == usual.name and field.kind == "int")
    return next(fields, usual)
