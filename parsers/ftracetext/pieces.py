"""Events on their way from text to memory: built block by block, kept in a temporary file, read back in pieces.

Text is parsed once. What it says is a third of its size as binary payloads, and every later pass reads those.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.base import EventDesc
from cowtrace.parsers.ftrace.rows import Loaded, Rows
from cowtrace.parsers.ftracetext.shapes import CPU, PID, STREAM, Shape
from cowtrace.parsers.source import SpillFile
from cowtrace.parsers.traceevent.payload import Payloads
from cowtrace.parsers.words import Array, Index, Words

_HEAD = struct.Struct("<HHiii")
_LOCATION = struct.Struct("<HHI")
_MASK = (1 << 64) - 1
#: A payload counts its bytes with 16 bits.
_TEXTS_MAX = 60_000
#: CPUs of one instance in the number of a stream.
STREAM_CPUS = 1 << 16


def stream_of(cpu: int, instance: int) -> int:
    """Number of the stream of a CPU of an instance."""
    return instance * STREAM_CPUS + (cpu + 1) % STREAM_CPUS


def encode(number: int, shape: Shape, found: Sequence[Any], tid: int, cpu: int, instance: int) -> bytes:
    """One payload; its size is a multiple of 8."""
    parts = [_HEAD.pack(number & 0xFFFF, 0, tid, cpu, stream_of(cpu, instance))]
    tail: list[bytes] = []
    at = shape.size
    for slot, value in zip(shape.slots, found, strict=True):
        match slot.kind:
            case "c":
                parts.append(value[:15].ljust(16, b"\0"))
            case "s":
                text = value[: max(_TEXTS_MAX - at, 0)]
                parts.append(_LOCATION.pack(at, len(text) + 1, 0))
                tail.append(text + b"\0")
                at += len(text) + 1
            case "a":
                parts.append(b"".join((each & _MASK).to_bytes(8, "little") for each in value[: _TEXTS_MAX // 8]))
            case _:
                parts.append((value & _MASK).to_bytes(8, "little"))
    data = b"".join(parts + tail)
    return data + bytes(-len(data) % 8)


@dataclass(slots=True)
class Builder:
    """Collects the events of one block.

    Single events are added one by one, others as tables of equal size; ``place`` says where each stood in the text.
    """

    _place: list[Index] = field(default_factory=list)
    _ts_ns: list[Index] = field(default_factory=list)
    _event: list[npt.NDArray[np.uint16]] = field(default_factory=list)
    _size: list[Index] = field(default_factory=list)
    _data: list[Array] = field(default_factory=list)
    _single: list[tuple[int, int, int, bytes]] = field(default_factory=list)

    def add(self, place: int, ts_ns: int, number: int, payload: bytes) -> None:
        """One event."""
        self._single.append((place, ts_ns, number, payload))

    def add_table(self, place: Index, ts_ns: Index, number: npt.NDArray[np.uint16], payloads: npt.NDArray[np.uint64]) -> None:
        """Many events: a row of 8-byte words each."""
        self._place.append(place)
        self._ts_ns.append(ts_ns)
        self._event.append(number)
        self._size.append(np.full(len(place), payloads.shape[1] * 8, np.int64))
        self._data.append(np.ascontiguousarray(payloads, "<u8").view(np.uint8).ravel())

    def finish(self) -> Piece | None:
        """All events in the order of their places; None without any."""
        if self._single:
            places, times, numbers, payloads = zip(*self._single, strict=True)
            self._place.append(np.array(places, np.int64))
            self._ts_ns.append(np.array(times, np.int64))
            self._event.append(np.array(numbers, np.uint16))
            self._size.append(np.array([len(data) for data in payloads], np.int64))
            self._data.append(np.frombuffer(b"".join(payloads), np.uint8))
        if not self._place:
            return None
        size = np.concatenate(self._size)
        start = np.cumsum(size) - size
        place = np.concatenate(self._place)
        order = np.argsort(place, kind="stable")
        ts_ns, event = np.concatenate(self._ts_ns), np.concatenate(self._event)
        return Piece(np.concatenate(self._data), start[order], size[order], ts_ns[order], event[order], place[order])


@dataclass(frozen=True, slots=True)
class Piece:
    """Events of one block of text, in its order.

    Attributes:
        data: Payloads.
        start, size: Bytes of each in ``data``.
        ts_ns: Time of each.
        event: Number of each one's shape.
        place: Line of each.
    """

    data: Array
    start: Index
    size: Index
    ts_ns: Index
    event: npt.NDArray[np.uint16]
    place: Index


class TextStore:
    """``EventStore`` of a text.

    Args:
        path: The text, for messages.
        descs: Its events; may grow until the text is parsed.
    """

    order = "<"
    pid = PID

    def __init__(self, path: str, descs: Sequence[EventDesc]) -> None:
        self.descs = descs
        self.sizes: Index = np.empty(0, np.int64)
        self._spill = SpillFile(path)
        self._places: list[tuple[int, int, int]] = []
        self._lost: dict[int, list[tuple[int, int, int]]] = {}

    def append(self, piece: Piece, lost: Sequence[tuple[int, int, int]] = ()) -> None:
        """Add a piece; ``lost``: line of each loss, CPU, number of events or -1."""
        if lost:
            rows = np.searchsorted(piece.place, [line for line, _, _ in lost]).tolist()
            self._lost[len(self._places)] = [(row, cpu, count) for row, (_, cpu, count) in zip(rows, lost, strict=True)]
        self._places.append((self._spill.size, len(piece.data), len(piece.start)))
        columns: tuple[Array, ...] = (piece.data, piece.start, piece.size, piece.ts_ns, piece.event)
        for column in columns:
            self._spill.append(np.ascontiguousarray(column).view(np.uint8).data)

    def close(self) -> None:
        """No piece will follow."""
        self.sizes = np.array([size for _, size, _ in self._places], np.int64)

    def load(self, numbers: Index, behind: Words | None = None) -> Loaded:
        """Some pieces in one buffer, in the order of ``numbers``, behind a copy of another buffer's bytes."""
        front = 0 if behind is None else (behind.size + 7) & ~7
        words = Words.empty(front + int(self.sizes[numbers].sum()), self.order)
        if behind is not None:
            words.u8[: behind.size] = behind.u8[: behind.size]
        parts = [self._read(number, words, begin) for number, begin in zip(numbers.tolist(), self._begins(numbers, front), strict=True)]
        counts = np.array([len(part[0]) for part in parts], np.int64)
        piece = np.repeat(numbers, counts).astype(np.int32)
        start, size, ts_ns, event = (
            np.concatenate([part[column] for part in parts]) if parts else np.empty(0, np.int64) for column in range(4)
        )
        rows = Rows(words, start, size, ts_ns, event.astype(np.uint16, copy=False), piece)
        return Loaded(rows, lost=self._losses(numbers, counts, ts_ns))

    def streams(self, rows: Rows) -> npt.NDArray[np.int32]:
        """CPU and instance of each row."""
        streams: npt.NDArray[np.int32] = Payloads(rows.words, rows.start, rows.size).ints(STREAM)
        return streams

    def cpus(self, rows: Rows) -> npt.NDArray[np.int32]:
        """CPU of each row, -1 when unknown."""
        cpus: npt.NDArray[np.int32] = Payloads(rows.words, rows.start, rows.size).ints(CPU)
        return cpus

    def _begins(self, numbers: Index, front: int) -> list[int]:
        sizes = self.sizes[numbers]
        begins: list[int] = (front + np.cumsum(sizes) - sizes).tolist()
        return begins

    def _read(self, number: int, words: Words, begin: int) -> tuple[Index, Index, Index, npt.NDArray[np.uint16]]:
        offset, size, count = self._places[number]
        self._spill.read_into(words.u8[begin : begin + size], offset)
        table = np.empty((3, count), np.int64)
        self._spill.read_into(table.view(np.uint8).ravel(), offset + size)
        event = np.empty(count, np.uint16)
        self._spill.read_into(event.view(np.uint8), offset + size + table.nbytes)
        return table[0] + begin, table[1], table[2], event

    def _losses(self, numbers: Index, counts: Index, ts_ns: Index) -> dict[str, Array]:
        found = []
        for number, begin in zip(numbers.tolist(), (np.cumsum(counts) - counts).tolist(), strict=True):
            found += [(begin + row, cpu, count) for row, cpu, count in self._lost.get(number, ())]
        if not found:
            return {}
        row, cpu, count = np.array(found, np.int64).T
        at = np.minimum(row, max(len(ts_ns) - 1, 0))
        time = ts_ns[at] if len(ts_ns) else np.full(len(row), -1, np.int64)
        return {"row": row, "ts_ns": time, "cpu": cpu, "instance": np.zeros(len(row), np.int64), "lost_events": count}
