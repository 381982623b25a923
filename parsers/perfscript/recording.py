"""An opened text of ``perf script``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from cowtrace.errors import InputError
from cowtrace.parsers.base import Array, Note, SideBand, SourceInfo
from cowtrace.parsers.ftrace.order import Merger
from cowtrace.parsers.ftrace.recording import FtraceRecording
from cowtrace.parsers.ftrace.rows import tids
from cowtrace.parsers.ftrace.sideband import Saved
from cowtrace.parsers.ftracetext.blocks import read_blocks
from cowtrace.parsers.ftracetext.pieces import TextStore
from cowtrace.parsers.perfscript.fast.block import BlockReader
from cowtrace.parsers.perfscript.reader import SampleReader
from cowtrace.parsers.perfscript.samples import SampleBatch, own_column
from cowtrace.parsers.source import Source
from cowtrace.parsers.unpack import open_source
from cowtrace.text import decode_name

TEXT_BYTES = 4 << 20
BLOCK_BYTES = 16 << 20


def open_perfscript(path: str | os.PathLike[str], *, text_bytes: int = TEXT_BYTES, block_bytes: int = BLOCK_BYTES) -> PerfScriptRecording:
    """Open what ``perf script`` printed; it is parsed at once.

    Args:
        path: The file.
        text_bytes: Bytes of text to parse at a time.
        block_bytes: Bytes of parsed samples in memory at a time.

    Raises:
        InputError: No line of it is a sample.
    """
    return PerfScriptRecording(open_source(path), text_bytes, block_bytes)


class PerfScriptRecording(FtraceRecording):
    """``Recording`` of ``perf script`` text.

    Records that ``--show-task-events`` and the like add make the side band; without them tracepoints (``sched:sched_process_fork``) do.
    """

    def __init__(self, source: Source, text_bytes: int, block_bytes: int) -> None:
        reader = SampleReader()
        store = TextStore(source.path, reader.shapes.descs)
        info = SourceInfo(path=source.path, format="perf script text", size_bytes=source.size, recorder="perf")
        blocks = BlockReader(reader)
        for block in read_blocks(source, text_bytes):
            info.bytes_unread += block.cut_bytes
            piece = blocks.read(block)
            if piece is not None:
                store.append(piece)
        store.close()
        if not len(store.sizes):
            raise InputError(source.path, "no line of this text is a sample", hint="expected what perf script prints")
        self._reader = reader
        self._records_side: SideBand | None = None
        super().__init__(store, info, block_bytes)
        self.events = [replace(desc, period=reader.period(desc.index)) for desc in reader.shapes.descs]
        self._remark()

    def function_names(self, values: Array, *, within_bytes: int = 0) -> list[str]:
        """Names of kernel functions by address, as the text shows them; ``0x…`` for others.

        Args:
            values: Addresses.
            within_bytes: Has no meaning here: only addresses that the text shows have a name.
        """
        names = self._reader.symbols
        return [decode_name(names[value]) if value in names else f"0x{value:x}" for value in np.asarray(values).astype(np.uint64).tolist()]

    def saved(self) -> Saved:
        """Thread groups that the lines show."""
        return Saved(tgids=self._reader.records.tgids)

    def side_band(self) -> SideBand:
        """Task history and losses; also completes ``info``."""
        described = self.events
        side, told = super().side_band(), self._reader.records.side_band()
        self.events = described
        for name in ("comm", "mmap", "cgroup", "lost"):
            setattr(side, name, getattr(told, name))
        for name in ("fork", "exit"):
            if len(getattr(told, name)):
                setattr(side, name, getattr(told, name))
        return side

    def batches(self) -> Iterator[SampleBatch]:
        """Samples in the order of their times; without times in the order of the text."""
        if self._scan is None or self._groups is None:
            self.side_band()
        assert self._scan is not None and self._groups is not None
        store = self._events_store
        recorded = frozenset().union(*(desc.columns for desc in self.events))
        for run in Merger(store, self._scan, self._block_bytes).runs():
            rows, tid = run.rows, tids(run.rows, store.pid)
            told = own_column(rows, "tgid").astype(np.int64)
            columns: dict[str, Array] = {"tid": tid, "tgid": np.where(told >= 0, told, self._groups.find(tid, rows.ts_ns)).astype(np.int32)}
            if "ts_ns" in recorded:
                columns["ts_ns"] = rows.ts_ns
            if "cpu" in recorded:
                columns["cpu"] = store.cpus(rows)
            for name in ("ip", "addr", "period"):
                if name in recorded:
                    values = own_column(rows, name)
                    columns[name] = values.astype(np.int64) if name == "period" else values
            yield SampleBatch(run, self.events, columns)

    def _remark(self) -> None:
        info, reader = self.info, self._reader
        if reader.damaged_count:
            info.notes.append(Note("lines that are no sample and no part of one were left out", reader.damaged_count))
        if reader.unknown_count:
            info.notes.append(Note("side-band records of unknown kinds were left out", reader.unknown_count))
        if reader.user_frames:
            info.notes.append(
                Note("user frames of call chains are left out: perf script prints offsets in files there", reader.user_frames)
            )
        if reader.first_ns == 0:
            info.notes.append(Note("times begin at 0: they are relative to the first sample (perf script --reltime)"))
