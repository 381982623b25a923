"""A batch made of stretches of several recordings' batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cowtrace.attribution.asof import Int
from cowtrace.parsers.base import BATCH_DTYPES, Array, EventBatch, Recording

#: Columns whose default is not 0.
_UNKNOWN = frozenset({"ts_ns", "tgid", "tid", "cpu"})


@dataclass(frozen=True, slots=True)
class Member:
    """One recording among several.

    Attributes:
        recording: The recording.
        first_event: Number of its first event among those of all.
        shift_ns: Added to its times for the common clock.
        first_ns: Its first time on the common clock, or earlier.
    """

    recording: Recording
    first_event: int
    shift_ns: int
    first_ns: int


@dataclass(slots=True)
class Part:
    """Consecutive rows of one batch.

    Attributes:
        member: Whose batch.
        batch: The batch.
        ts_ns: Times of all its rows on the common clock.
        tgid: Its column ``tgid``, completed.
        begin, end: The rows.
        memory: What was decoded of the whole batch; its parts share it.
    """

    member: Member
    batch: EventBatch
    ts_ns: Int
    tgid: Array | None
    begin: int = 0
    end: int = 0
    memory: dict[tuple[int, str], Any] = field(default_factory=dict)

    def between(self, begin: int, end: int) -> Part:
        """Other rows of the same batch."""
        return replace(self, begin=begin, end=end)

    def column(self, name: str) -> Array | None:
        """A column of the rows; None when the recording has no such column."""
        whole = self.ts_ns if name == "ts_ns" else self.tgid if name == "tgid" else self.batch.columns.get(name)
        return None if whole is None else whole[self.begin : self.end]

    def rows(self, event: int) -> tuple[Int, slice]:
        """Where one event is: places among these rows, and the stretch of the batch's own rows of the event."""
        rows = self.batch.rows(event)
        low, high = np.searchsorted(rows, [self.begin, self.end])
        return rows[low:high] - self.begin, slice(int(low), int(high))

    def field(self, event: int, name: str) -> Array:
        """Values of an integer field for all rows of the batch's event."""
        if (event, name) not in self.memory:
            self.memory[event, name] = self.batch.field(event, name)
        values: Array = self.memory[event, name]
        return values

    def chains(self) -> tuple[Int, npt.NDArray[np.uint64]]:
        """Call chains of the whole batch."""
        if (-1, "") not in self.memory:
            self.memory[-1, ""] = self.batch.chains()
        chains: tuple[Int, npt.NDArray[np.uint64]] = self.memory[-1, ""]
        return chains


class JoinedBatch:
    """``EventBatch`` of several parts, in time order; at equal times the earlier part comes first.

    Args:
        parts: Rows of one time.
        event_count: Events of all recordings.
    """

    def __init__(self, parts: Sequence[Part], event_count: int) -> None:
        self._parts = parts
        self._event_count = event_count
        sizes = [part.end - part.begin for part in parts]
        self.count = sum(sizes)
        order = np.argsort(np.concatenate([part.ts_ns[part.begin : part.end] for part in parts]), kind="stable")
        place = np.empty(self.count, np.int64)
        place[order] = np.arange(self.count)
        #: Row of this batch for each row of each part.
        self._places = np.split(place, np.cumsum(sizes)[:-1])
        self.columns: dict[str, Array] = {
            name: self._column(name) for name in BATCH_DTYPES if any(part.column(name) is not None for part in parts)
        }
        self.event: npt.NDArray[np.uint16] = np.zeros(self.count, np.uint16)
        for part, at in zip(parts, self._places, strict=True):
            self.event[at] = part.batch.event[part.begin : part.end] + np.uint16(part.member.first_event)

    def rows(self, event: int) -> Int:
        """Row numbers of one event, ascending."""
        return np.flatnonzero(self.event == event)

    def field(self, event: int, name: str) -> Array:
        """Values of an integer payload field, one for each of ``rows(event)``.

        Raises:
            KeyError: The event has no such field.
        """
        found = [(at[rows], part.field(local, name)[own]) for part, at, local, rows, own in self._with(event)]
        if not found:
            return np.empty(0, np.int64)
        values: Array = np.concatenate([part for _, part in found])
        return values[np.argsort(np.concatenate([at for at, _ in found]))]

    def field_values(self, event: int, name: str) -> list[Any]:
        """Values of any payload field as Python objects.

        Raises:
            KeyError: The event has no such field.
        """
        values: dict[int, Any] = {}
        for part, at, local, rows, own in self._with(event):
            values |= zip(at[rows].tolist(), part.batch.field_values(local, name)[own], strict=True)
        return [values[row] for row in sorted(values)]

    def chains(self) -> tuple[Int, npt.NDArray[np.uint64]]:
        """Call chains as ``(offsets[count + 1], ips)``; an event without one has an empty slice."""
        length, start = np.zeros(self.count, np.int64), np.zeros(self.count, np.int64)
        ips: list[npt.NDArray[np.uint64]] = []
        base = 0
        for part, at in zip(self._parts, self._places, strict=True):
            if not any(event.has_callchain for event in part.member.recording.events):
                continue
            offsets, frames = part.chains()
            first, last = offsets[part.begin], offsets[part.end]
            length[at] = np.diff(offsets[part.begin : part.end + 1])
            start[at] = offsets[part.begin : part.end] - first + base
            ips.append(frames[first:last])
            base += int(last - first)
        ends = np.cumsum(length)
        index = np.repeat(start - (ends - length), length) + np.arange(base)
        every = np.concatenate(ips) if ips else np.empty(0, np.uint64)
        return np.append(0, ends), every[index]

    def _column(self, name: str) -> Array:
        whole = np.full(self.count, -1 if name in _UNKNOWN else 0, BATCH_DTYPES[name])
        for part, at in zip(self._parts, self._places, strict=True):
            if (values := part.column(name)) is not None:
                whole[at] = values
        return whole

    def _with(self, event: int) -> list[tuple[Part, Int, int, Int, slice]]:
        """Parts whose recording has an event: part, its places, the event's number there, its rows, their stretch in the batch."""
        found = []
        for part, at in zip(self._parts, self._places, strict=True):
            local = event - part.member.first_event
            if 0 <= local < len(part.member.recording.events):
                found.append((part, at, local, *part.rows(local)))
        return found
