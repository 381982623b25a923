"""An opened trace.dat."""

from __future__ import annotations

import os

from cowtrace.parsers.ftrace.cmdlines import parse_cmdlines
from cowtrace.parsers.ftrace.recording import FtraceRecording
from cowtrace.parsers.ftrace.sideband import Saved
from cowtrace.parsers.kallsyms import ENTRY_BYTES, Kallsyms
from cowtrace.parsers.source import Source
from cowtrace.parsers.tracedat.clock import Clock
from cowtrace.parsers.tracedat.decode import Decoder
from cowtrace.parsers.tracedat.describe import describe
from cowtrace.parsers.tracedat.head import read_head
from cowtrace.parsers.tracedat.metadata import Metadata
from cowtrace.parsers.tracedat.pieces import PageStore, find_pieces
from cowtrace.parsers.tracedat.store import TraceDatStore
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


class TraceDatRecording(FtraceRecording):
    """``Recording`` of trace-cmd; see ``FtraceRecording``."""

    damage = "damaged ring buffer pages: what stands in them before the damage was kept"

    def __init__(self, source: Source, meta: Metadata, block_bytes: int) -> None:
        pieces = find_pieces(source, meta, block_bytes)
        self._meta = meta
        self._store = PageStore(source, meta, pieces)
        self._symbols: Kallsyms | None = None
        decoder = Decoder(meta, pieces, Clock.of(meta.options), source.path)
        super().__init__(TraceDatStore(self._store, decoder), describe(source, meta), block_bytes)
        self.info.notes[:0] = meta.notes + pieces.notes
        self.info.bytes_unread = pieces.bytes_unread

    def text(self, name: str) -> bytes:
        """A text that the recorder added: ``kallsyms`` or ``printk_formats``; empty when it did not.

        Raises:
            InputError: The text is damaged or cut.
        """
        read = self._meta.texts.get(name)
        return b"" if read is None else read()

    def function_names(self, values: Array, *, within_bytes: int = ENTRY_BYTES) -> list[str]:
        """Names of kernel functions by address, from the symbols in the file; ``0x…`` where they name none.

        Args:
            values: Addresses, as in the field ``func``.
            within_bytes: How far behind a symbol an address may lie.
        """
        if self._symbols is None:
            self._symbols = Kallsyms(self.text("kallsyms"))
        return self._symbols.names(values, within_bytes=within_bytes)

    def saved(self) -> Saved:
        """Last known names and thread groups, and the counters of each CPU."""
        options = self._meta.options
        instances = [buffer.name for buffer in self._meta.buffers]
        return Saved(parse_cmdlines(self._meta.cmdlines), tgids=options.tgids, instances=instances, stats=options.stats)
