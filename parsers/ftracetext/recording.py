"""An opened text of ftrace."""

from __future__ import annotations

import os
import re

import numpy as np

from cowtrace.errors import InputError
from cowtrace.parsers.base import Array, Note, SourceInfo
from cowtrace.parsers.ftrace.recording import FtraceRecording
from cowtrace.parsers.ftrace.sideband import Saved
from cowtrace.parsers.ftracetext.blocks import Block, read_blocks
from cowtrace.parsers.ftracetext.calls import Calls
from cowtrace.parsers.ftracetext.fast.block import BlockReader
from cowtrace.parsers.ftracetext.graph import parse_switch
from cowtrace.parsers.ftracetext.layout import has_header, layout_of
from cowtrace.parsers.ftracetext.lines import LineReader
from cowtrace.parsers.ftracetext.pieces import Builder, TextStore
from cowtrace.parsers.ftracetext.state import State
from cowtrace.parsers.source import Source
from cowtrace.parsers.unpack import open_source
from cowtrace.text import decode_name

#: Bytes of text that are parsed at a time.
TEXT_BYTES = 4 << 20
#: Bytes of events in memory at a time.
BLOCK_BYTES = 16 << 20
_HEAD_BYTES = 64 << 10
_HINT = "expected the kernel's trace or trace_pipe, or what trace-cmd report prints"
_ENTRIES = re.compile(rb"^# entries-in-buffer/entries-written: (\d{1,18})/(\d{1,18}) +#P:(\d{1,6})", re.MULTILINE)
_LATENCY = re.compile(rb"^# \S+ latency trace v\S+ on (\S{1,100})$", re.MULTILINE)
_CPUS = re.compile(rb"^cpus=(\d{1,6})\r?$", re.MULTILINE)


def open_ftracetext(path: str | os.PathLike[str], *, text_bytes: int = TEXT_BYTES, block_bytes: int = BLOCK_BYTES) -> FtraceTextRecording:
    """Open a text of the kernel's ``trace`` or ``trace_pipe``, or of ``trace-cmd report``; it is parsed at once.

    Args:
        path: The file.
        text_bytes: Bytes of text to parse at a time.
        block_bytes: Bytes of parsed events in memory at a time.

    Raises:
        InputError: No line of it is an event.
    """
    source = open_source(path)
    return FtraceTextRecording(source, text_bytes, block_bytes)


class FtraceTextRecording(FtraceRecording):
    """``Recording`` of ftrace text; see ``FtraceRecording``."""

    def __init__(self, source: Source, text_bytes: int, block_bytes: int) -> None:
        self._calls = Calls()
        self._state = State(self._calls)
        head = source.read(0, min(source.size, _HEAD_BYTES), "first lines")
        self._mode = layout_of(head)
        self._head = head
        store = TextStore(source.path, self._state.shapes.descs)
        reader = LineReader(self._state, self._mode)
        info = SourceInfo(path=source.path, format="ftrace text", size_bytes=source.size)
        if self._mode == "graph":
            reader.tasks.update(_first_tasks(source, text_bytes))
        blocks = BlockReader(reader)
        for block in read_blocks(source, text_bytes):
            info.bytes_unread += block.cut_bytes
            _parse(block, blocks, reader, store)
        store.close()
        if not len(store.sizes) and has_header(head) and self._state.damaged_count:
            hint = "print it again without the trace options hex and bin"
            raise InputError(source.path, "a trace of which no line can be read", hint=hint)
        if not len(store.sizes) and not has_header(head):
            raise InputError(source.path, "no line of this text is an event of ftrace", hint=_HINT)
        super().__init__(store, info, block_bytes)
        self._describe(reader)

    def function_names(self, values: Array, *, within_bytes: int = 0) -> list[str]:
        """Names of functions by their numbers, as in ``func``; ``0x…`` where the text does not name the function.

        Args:
            values: Numbers.
            within_bytes: Has no meaning here: the numbers are no addresses.
        """
        names = [decode_name(name) for name in self._calls.names]
        return [names[value] if 0 < value < len(names) else f"0x{value:x}" for value in np.asarray(values).astype(np.uint64).tolist()]

    def saved(self) -> Saved:
        """Names and thread groups that the lines show, and what the head says about lost events."""
        entries = _ENTRIES.search(self._head)
        missing = int(entries[2]) - int(entries[1]) if entries is not None else 0
        stats = {"": [{"CPU": -1, "overrun": missing}]} if missing > 0 else {}
        return Saved(self._state.comms, self._state.told_changes(), self._state.tgids, self._state.instances, stats)

    def _describe(self, reader: LineReader) -> None:
        info, head = self.info, self._head
        entries, latency, cpus = _ENTRIES.search(head), _LATENCY.search(head), _CPUS.search(head)
        if entries is not None:
            info.cpu_count = int(entries[3])
            info.features["entries_in_buffer"], info.features["entries_written"] = int(entries[1]), int(entries[2])
        if cpus is not None:
            info.cpu_count, info.recorder = int(cpus[1]), "trace-cmd"
        if latency is not None:
            info.kernel_release = latency[1].decode("utf-8", "replace")
        info.features["layout"] = self._mode
        if self._state.damaged_count:
            info.notes.append(Note("lines that are no part of an event were left out", self._state.damaged_count))
        if not reader.has_times:
            info.clock = "order"
            info.notes.append(Note("times are not recorded in this text: ts_ns only tells the order of its lines"))


def _parse(block: Block, blocks: BlockReader, reader: LineReader, store: TextStore) -> None:
    builder = Builder()
    blocks.read(block.data, builder)
    if block.is_last:
        reader.flush()
    piece = builder.finish()
    if piece is not None:
        store.append(piece, reader.state.lost)
        reader.state.lost.clear()


def _first_tasks(source: Source, text_bytes: int) -> dict[int, int]:
    """The task that each CPU ran at first: where no column tells it, the first switch away from it does."""
    found: dict[int, int] = {}
    for block in read_blocks(source, text_bytes):
        at = block.data.find(b"=> ")
        while at >= 0:
            switch = parse_switch(block.data[block.data.rfind(b"\n", 0, at) + 1 : block.data.find(b"\n", at)])
            if switch is not None:
                found.setdefault(switch[0], switch[1])
            at = block.data.find(b"=> ", at + 3)
    return found
