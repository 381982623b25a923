"""Recordings of ``perf record -z``: the compressed records of one stream, expanded once into a temporary file.

Sources: tools/perf/util/zstd.c, session.c (perf_session__process_compressed_event), builtin-record.c (record__pushfn, zstd_compress).
The payloads are pieces of one zstd stream, and a plain record may straddle two of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from struct import Struct

import zstandard

from cowtrace.parsers.perfdata.header import MAGIC_BY_ORDER, second_recording
from cowtrace.parsers.perfdata.records import AUXTRACE, COMPRESSED, COMPRESSED2, FINISHED_ROUND, HEADER_TRACING_DATA
from cowtrace.parsers.perfdata.walk import Stop, walk
from cowtrace.parsers.source import Source, SpillFile
from cowtrace.parsers.words import Words

_HEADER_BYTES = 8
#: Header and data_size of COMPRESSED2.
_HEAD2_BYTES = 16
_RECORD_MAX = 0xFFFF
#: perf compresses at most one ring buffer at a time.
_MAX_PIECE_BYTES = 64 << 20
_READ_BYTES = 4 << 20
#: A kilobyte of zstd expands to 32 MiB at most: the bound of one step, whatever the data claims.
_FEED_BYTES = 1024
#: No recording shrinks like this; a stream that does is made to fill the disk.
_MAX_RATIO, _RATIO_COUNTS_FROM = 1024, 64 << 20


class Expander:
    """Turns the bytes from ``start`` to ``end`` of a source into plain records.

    Attributes:
        counts: Records by type that the result leaves out: the compressed ones and FINISHED_ROUND, which orders nothing here.
        read_to: Byte of the source up to which everything was understood.
        spill: The plain records.
        problem: Why it ended before ``end``; empty when it did not.
    """

    def __init__(self, source: Source, start: int, end: int, order: str) -> None:
        self.counts: Counter[int] = Counter()
        self.read_to = start
        self.problem = ""
        self._raw = _RawReader(source, end)
        self._order = order
        self._header = Struct(order + "IHH")
        self._u32, self._u64 = Struct(order + "I"), Struct(order + "Q")
        self.spill = SpillFile(source.path)
        self._plain = bytearray()
        self._settled = 0
        self._compressed_bytes = 0
        self._stream = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True)

    def steps(self) -> Iterator[tuple[int, bool]]:
        """Expand everything into ``spill``. Damage in the stream ends it and is told in ``problem``.

        Yields:
            Bytes from the start of ``spill`` that will not change any more; with True all of them.
        """
        told = 0
        try:
            for kind, piece, after in self._pieces():
                if kind in (COMPRESSED, COMPRESSED2):
                    self._expand(piece)
                elif kind == FINISHED_ROUND:
                    self.counts[kind] += 1
                else:
                    self._insert(kind, piece)
                if self.problem:
                    break
                self.read_to = after
                # a record that is not complete yet may have to make room for one that comes plain
                settled = self.spill.size - _RECORD_MAX
                if settled >= told + _READ_BYTES:
                    yield settled, False
                    told = settled
        except zstandard.ZstdError as error:
            self.problem = f"the compressed data is damaged ({error})"
            if not self.spill.size and not self._plain:
                # perf restarts the file, but not the stream: perf script can't read these either
                self.problem += "; of perf record -z --switch-output only the first piece can be read"
        self.spill.append(self._plain)
        yield self.spill.size, True

    def _expand(self, piece: bytes) -> None:
        for at in range(0, len(piece), _FEED_BYTES):
            fed = piece[at : at + _FEED_BYTES]
            self._plain += self._stream.decompress(fed)
            self._compressed_bytes += len(fed)
            if len(self._plain) >= _READ_BYTES:
                self.spill.append(self._plain)
                self._plain = bytearray()
            if self.spill.size > max(_RATIO_COUNTS_FROM, _MAX_RATIO * self._compressed_bytes):
                self.problem = f"{self._compressed_bytes} compressed bytes expand to more than {_MAX_RATIO} times as many"
                return

    def _insert(self, kind: int, record: bytes) -> None:
        """Put an uncompressed record in its place: behind the last complete plain one."""
        self.spill.append(self._plain)
        self._plain = bytearray()
        while self._settled < self.spill.size:
            words = Words.read(self.spill, self._settled, min(_READ_BYTES, self.spill.size - self._settled), self._order)
            found = walk(words)
            self._settled += found.end
            if found.stop is not Stop.END or self._settled > self.spill.size:
                self.problem = "the expanded data holds no valid record"
                return
            if words.size < _READ_BYTES:
                break
        straddling = self.spill.read(self._settled, self.spill.size - self._settled, "expanded data")
        self.spill.cut(self._settled)
        # The payload behind these records was left out: their sizes must say so.
        if kind == AUXTRACE:
            record = record[:8] + bytes(8) + record[16:]
        elif kind == HEADER_TRACING_DATA:
            record = record[:8] + bytes(4) + record[12:]
        self.spill.append(record)
        self._settled = self.spill.size
        self._plain += straddling

    def _pieces(self) -> Iterator[tuple[int, bytes, int]]:
        """Type, content and following byte of each record: zstd bytes of a compressed one, all bytes of another."""
        at = self.read_to
        while at < self._raw.end:
            head = self._raw.read(at, _HEAD2_BYTES).ljust(_HEAD2_BYTES, b"\0")
            kind, _, size = self._header.unpack_from(head)
            if head[:8] == MAGIC_BY_ORDER[self._order]:
                raise second_recording(self.spill.path, at)
            if kind == COMPRESSED2:
                piece, after = self._compressed2(at, size, self._u64.unpack_from(head, 8)[0])
            else:
                piece, after = self._simple(at, kind, size, head)
            if after is None:
                self.problem = self.problem or f"the last record, at byte {at}, is not complete"
                return
            if kind in (COMPRESSED, COMPRESSED2):
                self.counts[kind] += 1
            yield kind, piece, after
            at = after

    def _simple(self, at: int, kind: int, size: int, head: bytes) -> tuple[bytes, int | None]:
        """Content and following byte of any other record; None behind it when the file ends before it does."""
        record = self._raw.read(at, size)
        if len(record) < max(size, _HEADER_BYTES):
            if len(record) == size:
                self.problem = f"the record at byte {at} says a size that is too small for its kind"
            return b"", None
        if kind == COMPRESSED:
            return record[_HEADER_BYTES:], at + size
        if kind == AUXTRACE and size >= _HEAD2_BYTES:
            return record, at + size + int(self._u64.unpack_from(head, 8)[0])
        if kind == HEADER_TRACING_DATA and size >= _HEADER_BYTES + 4:
            return record, at + size + (int(self._u32.unpack_from(head, 8)[0]) + 7 & ~7)
        return record, at + size

    def _compressed2(self, at: int, size: int, data_size: int) -> tuple[bytes, int | None]:
        """Content and following byte of a COMPRESSED2; None behind it when the file ends before it does.

        perf 6.16 to 7.1 store a total that does not fit the 16 bits of ``size``, and no padding then. A total above one record's
        reach is several records, the first of full length, the later ones with a true size and no meaning in their data_size.
        """
        extent = _HEAD2_BYTES + data_size
        if (extent + 7) & ~7 <= size:
            record = self._raw.read(at, size)
            return record[_HEAD2_BYTES:extent], at + size if len(record) == size else None
        if extent > _MAX_PIECE_BYTES:
            self.problem = f"the COMPRESSED2 record at byte {at} says {extent} bytes"
            return b"", None
        if at + extent > self._raw.end:
            return b"", None
        first = min(extent, _RECORD_MAX)
        pieces = [self._raw.read(at, first)[_HEAD2_BYTES:]]
        done = first
        while done < extent:
            head = self._raw.read(at + done, _HEADER_BYTES)
            if len(head) < _HEADER_BYTES:
                return b"", None
            kind, _, more = self._header.unpack(head)
            if kind != COMPRESSED2 or more < _HEAD2_BYTES:
                self.problem = f"the COMPRESSED2 record at byte {at} says more bytes than its continuations have"
                return b"", None
            pieces.append(self._raw.read(at + done, more)[_HEAD2_BYTES:])
            done += more
        return b"".join(pieces), at + done


class _RawReader:
    """Bytes of a source up to ``end``, read ahead in pieces."""

    def __init__(self, source: Source, end: int) -> None:
        self.end = end
        self._source = source
        self._data = b""
        self._start = 0

    def read(self, at: int, size: int) -> bytes:
        """``size`` bytes at ``at``, fewer only at the end."""
        size = max(min(size, self.end - at), 0)
        if at < self._start or at + size > self._start + len(self._data):
            self._data = self._source.read(at, max(min(_READ_BYTES, self.end - at), 0), "compressed records")
            self._start = at
        return self._data[at - self._start : at - self._start + size]
