"""Events in memory, and what a reader of an ftrace recording gives: pieces of its file as events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.base import EventDesc, FieldDesc
from cowtrace.parsers.traceevent.payload import Payloads
from cowtrace.parsers.words import Array, Index, Words


@dataclass(frozen=True, slots=True)
class Rows:
    """Events in one buffer.

    Attributes:
        words: The buffer.
        start: Byte of each payload, a multiple of 4.
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
class Loaded:
    """Rows of some pieces in the order of the file.

    Attributes:
        rows: Events that have a description.
        unknown_count: Events of a type that nothing describes.
        damaged_count: Damaged parts; what they hold before the damage is in the rows.
        lost: Columns of losses: row (the first one behind), ts_ns, cpu, instance, lost_events (-1: unknown how many).
    """

    rows: Rows
    unknown_count: int = 0
    damaged_count: int = 0
    lost: dict[str, Array] = field(default_factory=dict)


class EventStore(Protocol):
    """The events of a file, in pieces that are read one at a time. Pieces are numbered in file order.

    Attributes:
        order: Byte order of the payloads, ``<`` or ``>``.
        descs: Every event of the file.
        pid: Where a payload has the tid of the task that it was recorded in.
        sizes: Bytes of each piece.
    """

    order: str
    descs: Sequence[EventDesc]
    pid: FieldDesc
    sizes: Index

    def load(self, numbers: Index, behind: Words | None = None) -> Loaded:
        """Some pieces in one buffer, in the order of ``numbers``, behind a copy of another buffer's bytes."""
        ...

    def streams(self, rows: Rows) -> npt.NDArray[np.int32]:
        """A number for each row's CPU and buffer: what follows each other in one was recorded there in this order."""
        ...

    def cpus(self, rows: Rows) -> npt.NDArray[np.int32]:
        """CPU of each row, -1 when unknown."""
        ...


def tids(rows: Rows, pid: FieldDesc) -> npt.NDArray[np.int32]:
    """Task of each row; -1 where its payload is too short to have one."""
    payloads = Payloads(rows.words, rows.start, rows.size)
    found: npt.NDArray[np.int32] = payloads.ints(pid).astype(np.int32)
    found[rows.size < pid.offset + pid.size] = -1
    return found


def numbers(descs: Sequence[EventDesc], *names: str) -> list[int]:
    """Numbers of events by ``system:name``, in all buffers."""
    return [desc.index for desc in descs if desc.name in names]


def field_of(desc: EventDesc, name: str) -> FieldDesc | None:
    """A field of an event by its name."""
    return next((field for field in desc.fields if field.name == name), None)
