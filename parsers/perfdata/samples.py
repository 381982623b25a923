"""Decoding of SAMPLE records, a whole block at a time: which event, where the fields are, columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.base import BATCH_DTYPES
from cowtrace.parsers.perfdata.attr import Attr
from cowtrace.parsers.perfdata.layout import PERIOD, Layout, Part, layout_form, make_layout
from cowtrace.parsers.perfdata.records import MISC_CPUMODE
from cowtrace.parsers.words import Array, Index, Words

Bools = npt.NDArray[np.bool_]

UNKNOWN = -1
#: A record has at most 8191 words: larger counts are cut here so that sums of untrusted numbers stay small.
_MAX_WORDS = 1 << 14
#: Ids are looked up in a table when they lie this close together, which the kernel's do.
_TABLE_SPAN = 1 << 20

_PERIOD_MASK = (1 << 63) - 1

#: Column: field of the layout, half of its word (None: all of it), default.
_COLUMNS: dict[str, tuple[str, int | None, int]] = {
    "tgid": ("tid", 0, -1),
    "tid": ("tid", 1, -1),
    "cpu": ("cpu", 0, -1),
    "ip": ("ip", None, 0),
    "addr": ("addr", None, 0),
    "period": ("period", None, 0),
    "phys_addr": ("phys_addr", None, 0),
    "data_page_size": ("data_page_size", None, 0),
    "cgroup_id": ("cgroup", None, 0),
}


@dataclass(frozen=True, slots=True)
class Examined:
    """What a first look at the samples of a block gives.

    Attributes:
        valid: The sample's event is known and its fields end where its record ends.
        event: Index of the event, ``UNKNOWN`` where there is none; int32.
        time: Nanoseconds; -1 where a sample has no time or is not valid; int64.
        unknown_count: Samples whose id no event has.
    """

    valid: Bools
    event: npt.NDArray[np.int32]
    time: Index
    unknown_count: int


class SampleDecoder:
    """Knows the layouts of all events of a recording.

    Args:
        attrs: Every event's attr and ids.
    """

    def __init__(self, attrs: Sequence[tuple[Attr, list[int]]]) -> None:
        self.attrs = [attr for attr, _ in attrs]
        forms = {form: make_layout(attr) for form, attr in ((layout_form(attr), attr) for attr in self.attrs)}
        places = {form: place for place, form in enumerate(forms)}
        self.layouts: list[Layout | None] = list(forms.values())
        self.layout_codes = np.array([places[layout_form(attr)] for attr in self.attrs], np.int32)
        # Fields at the same word in all layouts, which the first ones mostly are, need no look at the event.
        known = [layout.fixed for layout in self.layouts if layout is not None]
        self._common = dict(set.intersection(*(set(fixed.items()) for fixed in known))) if known else {}
        forms_of = [self.layouts[code] for code in self.layout_codes.tolist()]
        self._fixed_words = np.array([layout.words if layout else 0 for layout in forms_of], np.int64)
        self._varies = np.array([layout is None or bool(layout.parts) for layout in forms_of], np.bool_)
        # A sample without the field stands for the attr's period.
        self._lacks_period = np.array([not attr.sample_type & PERIOD for attr in self.attrs])
        self._periods = np.array([attr.period_or_freq & _PERIOD_MASK for attr in self.attrs], BATCH_DTYPES["period"])
        # perf gives all events the id at the same word, or else nobody could tell them apart (evlist__valid_sample_type).
        words = {layout.id_word for layout in self.layouts if layout is not None}
        self.id_word = words.pop() if len(words) == 1 else None
        self._ids = _IdTable({number: event for event, (_, ids) in enumerate(attrs) for number in ids})

    def layout(self, event: int) -> Layout | None:
        """Layout of one event."""
        return self.layouts[int(self.layout_codes[event])]

    def event_of_ids(self, ids: npt.NDArray[np.uint64]) -> npt.NDArray[np.int32]:
        """Events by id; id 0 is the first event (records that perf made up), an id that nobody has is ``UNKNOWN``."""
        return self._ids.find(ids)

    def events(self, words: Words, at: Index) -> npt.NDArray[np.int32]:
        """Event of each sample; ``at`` is the word of its header."""
        if len(self.attrs) == 1:
            return np.zeros(len(at), np.int32)
        if self.id_word is None:
            return np.full(len(at), UNKNOWN, np.int32)
        return self.event_of_ids(words.take64(at + self.id_word))

    def examine(self, words: Words, starts: Index, sizes: Index) -> Examined:
        """Check samples at 8-byte aligned ``starts``; nothing of a sample that fails may be used."""
        at = starts >> 3
        event = self.events(words, at)
        valid = (event != UNKNOWN) & (sizes & 7 == 0)
        if self.id_word is not None and len(self.attrs) > 1:
            valid &= sizes > self.id_word * 8
        valid &= (sizes >> 3 == self._fixed_words.take(event, mode="clip")) | self._varies.take(event, mode="clip")
        for code, rows in self._varying(event):
            layout = self.layouts[code]
            if layout is None:
                valid[rows] = False
            else:
                valid[rows] &= locate(words, layout, at[rows])["end"] == (starts[rows] + sizes[rows]) >> 3
        time = self.times(words, at, event)
        time[~valid] = -1
        return Examined(valid, event, time, int((event == UNKNOWN).sum()))

    def times(self, words: Words, at: Index, event: npt.NDArray[np.int32] | None = None) -> Index:
        """Time of each sample of a known event in nanoseconds; -1 where it has none, which 0 and the top bit mean too."""
        if "time" in self._common:
            result = words.take64(at + self._common["time"]).view(np.int64)
        else:
            result = np.full(len(at), -1, np.int64)
            for code, rows in self.groups(self.events(words, at) if event is None else event):
                layout = self.layouts[code]
                if layout is not None and "time" in layout.fixed:
                    result[rows] = words.take64(at[rows] + layout.fixed["time"]).view(np.int64)
        result[result <= 0] = -1
        return result

    def groups(self, event: npt.NDArray[np.int32]) -> Iterator[tuple[int, Index | slice]]:
        """Rows of each layout, those without an event left out."""
        if len(self.layouts) == 1 and (len(self.attrs) == 1 or not (event == UNKNOWN).any()):
            yield 0, slice(None)
            return
        codes = np.where(event == UNKNOWN, UNKNOWN, np.take(self.layout_codes, event, mode="clip"))
        for code in np.flatnonzero(np.bincount(codes + 1)[1:]).tolist():
            yield code, np.flatnonzero(codes == code)

    def _varying(self, event: npt.NDArray[np.int32]) -> Iterator[tuple[int, Index | slice]]:
        """Rows of each layout whose fields have no fixed places, or are not known."""
        if len(self.layouts) == 1:
            yield from self.groups(event) if self._varies.any() else ()
            return
        for code in np.unique(self.layout_codes[self._varies]).tolist():
            yield code, np.flatnonzero(np.take(self.layout_codes, event, mode="clip") == code)

    def recorded_columns(self, event: int) -> frozenset[str]:
        """Columns of ``BATCH_DTYPES`` that an event's samples have."""
        layout = self.layout(event)
        if layout is None:
            return frozenset()
        names = {column for column, (name, _, _) in _COLUMNS.items() if layout.has(name)}
        return frozenset(names | {"cpumode", "period"} | ({"ts_ns"} if "time" in layout.fixed else set()))

    def columns(self, words: Words, at: Index, event: npt.NDArray[np.int32]) -> dict[str, Array]:
        """The columns that any event has, without ``ts_ns``; ``at`` and ``event`` are of valid samples."""
        groups = list(self.groups(event))
        result: dict[str, Array] = {}
        known = [layout for layout in self.layouts if layout is not None]
        for column, (name, half, default) in _COLUMNS.items():
            if column != "period" and not any(layout.has(name) for layout in known):
                continue
            dtype = BATCH_DTYPES[column]
            if name in self._common:
                result[column] = _take(words, at + self._common[name], half).view(dtype)
                continue
            if column == "period" and self._lacks_period.all():
                result[column] = self._periods.take(event, mode="clip")
                continue
            values: Array | None = None
            for code, rows in groups:
                layout = self.layouts[code]
                if layout is None or not layout.has(name):
                    continue
                word = at[rows] + layout.fixed[name] if name in layout.fixed else locate(words, layout, at[rows])[name]
                typed = _take(words, word, half).view(dtype)
                if isinstance(rows, slice):
                    values = typed
                else:
                    values = np.full(len(at), default, dtype) if values is None else values
                    values[rows] = typed
            result[column] = np.full(len(at), default, dtype) if values is None else values
        if self._lacks_period.any() and not self._lacks_period.all():
            constant = self._lacks_period[event]
            result["period"] = np.where(constant, self._periods[event], result["period"])
        misc = words.take16(at * 4 + 2)
        result["cpumode"] = (misc & MISC_CPUMODE).astype(BATCH_DTYPES["cpumode"])
        return result


def _take(words: Words, word: Index, half: int | None) -> Array:
    """Whole words, or one half of each."""
    return words.take64(word) if half is None else words.take32(word * 2 + half)


class _IdTable:
    """Ids to events."""

    def __init__(self, events: dict[int, int]) -> None:
        events = {0: 0, **events}
        self._ids = np.array(sorted(events), np.uint64)
        self._events = np.array([events[number] for number in sorted(events)], np.int32)
        self._table: npt.NDArray[np.int32] | None = None
        top = int(self._ids[-1])
        if top < _TABLE_SPAN:
            self._table = np.full(top + 2, UNKNOWN, np.int32)
            self._table[self._ids.astype(np.int64)] = self._events

    def find(self, ids: npt.NDArray[np.uint64]) -> npt.NDArray[np.int32]:
        if self._table is not None:
            # Everything above the table is clipped to its last entry, which is UNKNOWN.
            return np.take(self._table, np.minimum(ids, np.uint64(len(self._table) - 1)).view(np.int64))
        place = np.searchsorted(self._ids, ids)
        place[place == len(self._ids)] = 0
        return np.where(self._ids[place] == ids, self._events[place], np.int32(UNKNOWN))


def locate(words: Words, layout: Layout, at: Index) -> dict[str, Index]:
    """Word of every field of variable place, and ``end``: the word behind the last field.

    Counts in the records are untrusted: a place may lie anywhere behind its record until ``end`` is proven to be the record's end.
    """
    places: dict[str, Index] = {}
    place = at + layout.words
    for part in layout.parts:
        places[part.name] = place
        place = place + _part_words(words, part, place)
    places["end"] = place
    return places


def _part_words(words: Words, part: Part, place: Index) -> Any:
    if part.unit == "words":
        if not part.each:
            return part.fixed
        return part.fixed + part.each * np.minimum(words.take64(place), _MAX_WORDS).astype(np.int64)
    if part.unit == "raw":
        return (words.take32(place * 2).astype(np.int64) + 4 + 7) >> 3
    size = np.minimum(words.take64(place), _MAX_WORDS * 8).astype(np.int64)
    if part.unit == "regs":
        return 1 + part.fixed * (size != 0)
    return 1 + ((size + 7) >> 3) + (part.fixed * (size != 0) if part.unit == "stack" else 0)
