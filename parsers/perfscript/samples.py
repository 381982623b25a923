"""Samples in memory: the payloads of ``ftracetext.pieces`` with perf's own columns in front, and the call chain behind."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.base import Array, EventDesc, FieldDesc
from cowtrace.parsers.ftrace.batch import TraceBatch
from cowtrace.parsers.ftrace.order import Run
from cowtrace.parsers.ftracetext.pieces import encode, stream_of
from cowtrace.parsers.ftracetext.shapes import HEAD_BYTES, SIGNED, UNSIGNED, Shape, Shapes, Slot, slots_of
from cowtrace.parsers.words import Index, ragged_index

#: perf's columns, in the order of their slots; the last says where the chain is.
OWN = ("tgid", "ip", "addr", "period", "chain")
_OWN_SLOTS = slots_of(OWN, SIGNED + UNSIGNED + UNSIGNED + SIGNED + UNSIGNED)
_CHAIN_WORD = HEAD_BYTES // 8 + len(OWN) - 1
#: include/uapi/linux/perf_event.h (enum perf_callchain_context).
_KERNEL = np.uint64((1 << 64) - 128)
#: Frames of a chain that are kept.
FRAMES_MAX = 1024
#: A payload without fields and chain: the head, and perf's columns.
_PLAIN = struct.Struct("<HHiiiqQQqQ")
#: No recording has more events.
_EVENTS_MAX = 4096


class SampleShapes:
    """Numbers of events: a name and its fields. What an event records is what any of its samples shows."""

    def __init__(self) -> None:
        self.descs: list[EventDesc] = []
        self._numbers: dict[Shape, int] = {}
        self._shapes: list[Shape] = []

    def number(self, name: str, slots: tuple[Slot, ...], columns: frozenset[str], *, has_chain: bool) -> tuple[int, Shape]:
        """Number and whole shape of an event, of which a sample shows these columns."""
        key = Shape(name, slots)
        known = self._numbers.get(key)
        if known is None:
            known = self._numbers[key] = len(self.descs)
            self._shapes.append(Shape(name, _OWN_SLOTS + slots))
            self.descs.append(EventDesc(known, name, columns, _fields(self._shapes[known]) if slots else (), has_callchain=has_chain))
        desc = self.descs[known]
        if not columns <= desc.columns or has_chain > desc.has_callchain:
            self.descs[known] = replace(desc, columns=desc.columns | columns, has_callchain=has_chain or desc.has_callchain)
        return known, self._shapes[known]

    @property
    def is_full(self) -> bool:
        """No further event may be added."""
        return len(self.descs) >= _EVENTS_MAX


def _fields(whole: Shape) -> tuple[FieldDesc, ...]:
    made = Shapes()
    made.number(whole)
    return tuple(field for field in made.descs[0].fields if field.name not in OWN or field.offset >= HEAD_BYTES + 8 * len(OWN))


def encode_sample(number: int, shape: Shape, own: Sequence[int], found: Sequence[Any], tid: int, cpu: int, chain: Sequence[int]) -> bytes:
    """One payload; ``own``: tgid, ip, addr, period."""
    if not found and not chain:
        return _PLAIN.pack(number & 0xFFFF, 0, tid, cpu, stream_of(cpu, 0), *own, _PLAIN.size << 16)
    frames = chain[:FRAMES_MAX]
    data = bytearray(encode(number, shape, [*own, 0, *found], tid, cpu, 0))
    at = 8 * _CHAIN_WORD
    data[at : at + 8] = (len(data) << 16 | len(frames)).to_bytes(8, "little")
    return bytes(data) + b"".join(frame.to_bytes(8, "little") for frame in frames)


class SampleBatch(TraceBatch):
    """``EventBatch`` of ``perf script`` text."""

    def __init__(self, run: Run, descs: Sequence[EventDesc], columns: dict[str, Array]) -> None:
        super().__init__(run, descs, columns)
        self._rows = run.rows

    def chains(self) -> tuple[Index, npt.NDArray[np.uint64]]:
        """Kernel frames of call chains, behind their context marker."""
        rows = self._rows
        place = rows.words.take64((rows.start >> 3) + _CHAIN_WORD).astype(np.int64)
        count, begin = place & 0xFFFF, rows.start + (place >> 16)
        lengths = count + (count > 0)
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        ips = np.full(int(offsets[-1]), _KERNEL, np.uint64)
        source, _ = ragged_index(begin >> 3, count)
        target, _ = ragged_index(offsets[:-1] + 1, count)
        ips[target] = rows.words.take64(source)
        return offsets, ips


def own_column(rows: Any, name: str) -> Array:
    """One of perf's columns of each row."""
    values: Array = rows.words.take64((rows.start >> 3) + HEAD_BYTES // 8 + OWN.index(name))
    return values
