"""Samples in columns, and their payloads, as ``samples.encode_sample`` makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.ftracetext.fast.text import U64, Mask
from cowtrace.parsers.ftracetext.pieces import STREAM_CPUS, Builder
from cowtrace.parsers.ftracetext.shapes import COMM, FUNCTION, HEAD_BYTES, TEXT, UNSIGNED, Slot
from cowtrace.parsers.perfscript.fast.frames import Chains
from cowtrace.parsers.perfscript.fast.messages import Part
from cowtrace.parsers.perfscript.reader import COLUMNS, SampleReader
from cowtrace.parsers.perfscript.samples import FRAMES_MAX, OWN
from cowtrace.parsers.words import Index

_HEAD_WORDS = HEAD_BYTES // 8
_PLAIN_WORDS = _HEAD_WORDS + len(OWN)
_CHAIN_WORD = _PLAIN_WORDS - 1
_LOW32 = np.uint64(0xFFFFFFFF)
_CHAIN_BIT = 1 << len(COLUMNS)


@dataclass(slots=True)
class Samples:
    """One entry a sample, in the order of the text; -1 or 0 where it shows nothing.

    Attributes:
        at: Where stands what it recorded.
        event: Number of the event's name.
        pid, tid, cpu, ts_ns, period: -1 without.
        ip, addr: 0 without.
        has_ip, has_addr: Whether it has them.
        symbol_at, symbol_end: Where the instruction's symbol stands.
        parts: Those with fields.
        place: Number of the line behind it.
    """

    at: Index
    event: Index
    pid: Index
    tid: Index
    cpu: Index
    ts_ns: Index
    period: Index
    ip: U64
    addr: U64
    has_ip: Mask
    has_addr: Mask
    symbol_at: Index
    symbol_end: Index
    parts: list[Part] = field(default_factory=list)
    place: Index = field(default_factory=lambda: np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.at)

    def some(self, ok: Mask, parts: Sequence[Part]) -> Samples:
        """Those that are ``ok``; ``parts``: rows of some of them."""
        number = np.cumsum(ok) - 1
        columns: list[Any] = [getattr(self, name)[ok] for name in self.__slots__[:13]]
        some = Samples(*columns)
        some.parts = [Part(number[part.rows], part.shape, part.table) for part in parts]
        return some

    def enter(self, chains: Chains) -> None:
        """Samples without an address have that of their first kernel frame."""
        rows = np.flatnonzero(~self.has_ip & (chains.count > 0))
        self.ip[rows] = chains.ip[chains.begin[rows]]
        self.has_ip[rows] = True


class Writer:
    """Writes the samples of one block.

    Args:
        reader: Numbers the events.
        names: Their names.
    """

    def __init__(self, reader: SampleReader, names: Sequence[bytes]) -> None:
        self._reader = reader
        self._names = names

    def write(self, samples: Samples, chains: Chains, builder: Builder) -> None:
        """Add all of them."""
        plain = np.ones(len(samples), bool)
        for part in samples.parts:
            plain[part.rows] = False
            slots = tuple(Slot(slot.name, UNSIGNED) if slot.kind == FUNCTION else slot for slot in part.shape.slots)
            fields = part.table[:, _HEAD_WORDS:]
            column = 0
            for slot in slots:
                if slot.kind == TEXT:  # it stands behind the fields, which stand behind perf's own
                    fields[:, column] += np.uint64(8 * len(OWN))
                column += 2 if slot.kind == COMM else 1
            self._write(samples, chains, part.rows, slots, fields, builder)
        rows = np.flatnonzero(plain)
        self._write(samples, chains, rows, (), np.empty((len(rows), 0), np.uint64), builder)

    def _write(self, samples: Samples, chains: Chains, rows: Index, slots: tuple[Slot, ...], fields: U64, builder: Builder) -> None:
        number = self._number(samples, chains, rows, slots)
        base = _PLAIN_WORDS + fields.shape[1]
        frames = np.minimum(chains.count[rows], FRAMES_MAX)
        for count in np.unique(frames).tolist():
            which = np.flatnonzero(frames == count)
            some = rows[which]
            table = np.zeros((len(some), base + count), np.uint64)
            cpu = samples.cpu[some]
            table[:, 0] = number[which].astype(np.uint64) | ((samples.tid[some].astype(np.uint64) & _LOW32) << np.uint64(32))
            table[:, 1] = (cpu.astype(np.uint64) & _LOW32) | (((cpu + 1) % STREAM_CPUS).astype(np.uint64) << np.uint64(32))
            table[:, 2] = samples.pid[some].astype(np.uint64)
            table[:, 3], table[:, 4] = samples.ip[some], samples.addr[some]
            table[:, 5] = np.maximum(samples.period[some], 0).astype(np.uint64)
            table[:, _CHAIN_WORD] = np.uint64(8 * base << 16 | count)
            table[:, _PLAIN_WORDS:base] = fields[which]
            for frame in range(count):
                table[:, base + frame] = chains.ip[chains.begin[some] + frame]
            builder.add_table(samples.place[some], samples.ts_ns[some], number[which], table)

    def _number(self, samples: Samples, chains: Chains, rows: Index, slots: tuple[Slot, ...]) -> npt.NDArray[np.uint16]:
        """Numbers of events, which learn what their samples show."""
        shown = (samples.ts_ns >= 0, samples.tid >= 0, samples.cpu >= 0, samples.has_ip, samples.has_addr, samples.period >= 0)
        code = samples.event[rows] << (len(COLUMNS) + 1)
        for bit, column in enumerate((*shown, chains.count > 0)):
            code |= column[rows].astype(np.int64) << bit
        number = np.empty(len(rows), np.uint16)
        for each in np.unique(code).tolist():
            which = np.flatnonzero(code == each)
            columns = frozenset(name for bit, name in enumerate(COLUMNS) if each >> bit & 1) | {"tgid"}
            name = self._names[each >> (len(COLUMNS) + 1)].decode("latin-1")
            number[which], _ = self._reader.shapes.number(name, slots, columns, has_chain=bool(each & _CHAIN_BIT))
            if "period" in columns:
                periods = samples.period[rows[which]]
                for period in {int(periods.min()), int(periods.max())}:
                    self._reader.meet_period(int(number[which[0]]), period)
        return number
