"""An opened trace.dat."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from cowtrace.parsers.base import EventDesc, Note, SideBand
from cowtrace.parsers.source import Source
from cowtrace.parsers.tracedat.batch import TraceBatch
from cowtrace.parsers.tracedat.clock import Clock
from cowtrace.parsers.tracedat.cmdlines import parse_cmdlines
from cowtrace.parsers.tracedat.decode import Decoder
from cowtrace.parsers.tracedat.describe import describe
from cowtrace.parsers.tracedat.facts import Collector
from cowtrace.parsers.tracedat.groups import Groups
from cowtrace.parsers.tracedat.head import read_head
from cowtrace.parsers.tracedat.metadata import Metadata
from cowtrace.parsers.tracedat.order import Merger
from cowtrace.parsers.tracedat.pieces import PageStore, find_pieces
from cowtrace.parsers.tracedat.scan import Scan, scan
from cowtrace.parsers.tracedat.sideband import build, settle
from cowtrace.parsers.tracedat.stacks import STACK_EVENTS
from cowtrace.parsers.tracedat.version6 import read_version6
from cowtrace.parsers.tracedat.version7 import read_version7
from cowtrace.parsers.unpack import open_source
from cowtrace.parsers.words import Array

#: Bytes of ring buffer pages in memory at a time: about half a million events.
BLOCK_BYTES = 16 << 20
_BLOCK_BYTES_MIN = 1 << 12


def open_tracedat(path: str | os.PathLike[str], *, block_bytes: int = BLOCK_BYTES) -> TraceDatRecording:
    """Open a trace.dat of version 6 or 7.

    Args:
        path: The file.
        block_bytes: Bytes of ring buffer pages to decode at a time; memory is a small multiple of it.

    Raises:
        InputError: It is no trace.dat, or its head is damaged, or it holds text instead of pages.
    """
    source = open_source(path)
    head = read_head(source)
    meta = read_version6(source, head) if head.version == 6 else read_version7(source, head)
    return TraceDatRecording(source, meta, max(block_bytes, _BLOCK_BYTES_MIN))


class TraceDatRecording:
    """``Recording`` of trace-cmd.

    ``side_band()`` reads all pages once, ``batches()`` once more (and once before, when the side band was not read). Call stacks are
    events of their own and the call chain of the event before as well (see ``stacks``).

    Attributes:
        info: Facts about the file.
        events: Every event that the file describes, in every instance; more than occur. ``has_callchain`` is known after ``side_band()``.
    """

    def __init__(self, source: Source, meta: Metadata, block_bytes: int) -> None:
        pieces = find_pieces(source, meta, block_bytes)
        self._meta = meta
        self._block_bytes = block_bytes
        self._store = PageStore(source, meta, pieces)
        self._decoder = Decoder(meta, pieces, Clock.of(meta.options), source.path)
        self._scan: Scan | None = None
        self._groups: Groups | None = None
        self.events: Sequence[EventDesc] = self._decoder.descs
        self.info = describe(source, meta)
        self.info.notes[:0] = meta.notes + pieces.notes
        self.info.bytes_unread = pieces.bytes_unread

    def text(self, name: str) -> bytes:
        """A text that the recorder added: ``kallsyms`` or ``printk_formats``; empty when it did not.

        Raises:
            InputError: The text is damaged or cut.
        """
        read = self._meta.texts.get(name)
        return b"" if read is None else read()

    def side_band(self) -> SideBand:
        """Task history and losses; also completes ``info``."""
        collector = Collector(self._decoder)
        found = scan(self._store, self._decoder, collector, self._block_bytes)
        settle(collector.facts)
        groups = Groups(collector.facts, self._meta.options.tgids)
        if self._scan is None:
            self._complete_info(found)
        self._scan, self._groups = found, groups
        return build(collector.facts, groups, found, self._store, parse_cmdlines(self._meta.cmdlines))

    def batches(self) -> Iterator[TraceBatch]:
        """Events of all CPUs and instances in time order; equal times in file order."""
        if self._scan is None or self._groups is None:
            self.side_band()
        assert self._scan is not None and self._groups is not None
        merger = Merger(self._store, self._decoder, self._scan, self._block_bytes)
        pieces = self._store.pieces
        cpu_of = np.array([stream.cpu for stream in pieces.streams], np.int32)
        for run in merger.runs():
            tid = self._decoder.tids(run.rows)
            columns: dict[str, Array] = {
                "ts_ns": run.rows.ts_ns,
                "tgid": self._groups.find(tid, run.rows.ts_ns).astype(np.int32),
                "tid": tid,
                "cpu": cpu_of[pieces.stream[run.rows.piece]],
            }
            yield TraceBatch(run, self.events, columns)

    def _complete_info(self, found: Scan) -> None:
        info = self.info
        info.first_ns, info.last_ns = found.first_event_ns, found.last_event_ns
        info.records_read = int(found.counts.sum())
        info.records_unknown = found.unknown_count
        info.records_damaged = found.damaged_count
        for number in np.flatnonzero(found.counts).tolist():
            name = self.events[number].name
            info.records_by_type[name] = info.records_by_type.get(name, 0) + int(found.counts[number])
        with_stacks = {self.events[number].instance for number in self._decoder.numbers(*STACK_EVENTS) if found.counts[number]}
        self.events = [replace(desc, has_callchain=desc.instance in with_stacks and desc.name not in STACK_EVENTS) for desc in self.events]
        if found.unknown_count:
            info.notes.append(Note("events of a type that the file does not describe were left out", found.unknown_count))
        if found.damaged_count:
            info.notes.append(Note("damaged ring buffer pages: what stands in them before the damage was kept", found.damaged_count))
