"""Events of one stretch of time, decoded from the records in one buffer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.base import EventDesc, FieldDesc
from cowtrace.parsers.perfdata.samples import SampleDecoder, locate
from cowtrace.parsers.traceevent.payload import Payloads
from cowtrace.parsers.words import Array, Index, Words, ragged_index


class PerfBatch:
    """``EventBatch`` of perf.data: columns at once, payload fields and call chains when asked for.

    Args:
        decoder: Layouts of the recording.
        events: Descriptions, for field names.
        words: Buffer of the records.
        at: Word of each row's SAMPLE header, in row order; a record may serve several rows.
        owner: Event that each row's record belongs to.
        columns: Decoded columns.
        seq: Position of each row in the recording, in a recording without times.
        event: Event of each row; differs from ``owner`` for members of a group that was read as a whole.
    """

    def __init__(
        self,
        decoder: SampleDecoder,
        *,
        events: Sequence[EventDesc],
        words: Words,
        at: Index,
        owner: npt.NDArray[np.int32],
        columns: dict[str, Array],
        event: npt.NDArray[np.int32],
        seq: Index | None = None,
    ) -> None:
        self.count = len(at)
        self.columns = columns
        self.seq = seq
        self.event = event.astype(np.uint16)
        self._decoder = decoder
        self._events = events
        self._words = words
        self._at = at
        self._owner = owner
        self._found: dict[int, Payloads] = {}

    def rows(self, event: int) -> Index:
        """Row numbers of one event, ascending."""
        return np.flatnonzero(self.event == event)

    def field(self, event: int, name: str) -> Array:
        """Values of an ``int`` payload field, one for each of ``rows(event)``; 0 where the record holds no payload of the event.

        Raises:
            KeyError: The event has no such field.
        """
        return self._payloads(event).ints(_field(self._events[event], name))

    def field_values(self, event: int, name: str) -> list[Any]:
        """Values of any payload field as Python objects; for display.

        Raises:
            KeyError: The event has no such field.
        """
        return self._payloads(event).values(_field(self._events[event], name))

    def _payloads(self, event: int) -> Payloads:
        if event not in self._found:
            self._found[event] = self._find_payloads(event)
        return self._found[event]

    def _find_payloads(self, event: int) -> Payloads:
        rows = self.rows(event)
        at = self._at[rows]
        layout = self._decoder.layout(event)
        if layout is None or not layout.has("raw"):
            nothing = np.zeros(len(rows), np.int64)
            return Payloads(self._words, nothing, nothing)
        place = locate(self._words, layout, at)["raw"]
        sizes = self._words.take32(place * 2).astype(np.int64)
        sizes[self._owner[rows] != event] = 0
        return Payloads(self._words, place * 8 + 4, sizes)

    def chains(self) -> tuple[Index, npt.NDArray[np.uint64]]:
        """Call chains as ``(offsets[count + 1], ips)``, context markers included."""
        counts = np.zeros(self.count, np.int64)
        starts = np.zeros(self.count, np.int64)
        for code, rows in self._decoder.groups(self._owner):
            layout = self._decoder.layouts[code]
            if layout is None or not layout.has("callchain"):
                continue
            place = locate(self._words, layout, self._at[rows])["callchain"]
            counts[rows] = self._words.take64(place).view(np.int64)
            starts[rows] = place + 1
        index, offsets = ragged_index(starts, counts)
        return offsets, self._words.take64(index)


def _field(event: EventDesc, name: str) -> FieldDesc:
    field = event.find_field(name)
    if field is None:
        raise KeyError(f"{event.name} has no field {name!r}; it has: {', '.join(each.name for each in event.fields) or 'none'}")
    return field
