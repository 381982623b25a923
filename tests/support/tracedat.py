"""trace.dat files of both versions from pages, formats and options, and a reader that gives plain rows."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zstandard

from cowtrace.parsers.base import SideBand
from cowtrace.parsers.tracedat import TraceDatRecording, open_tracedat
from tests.support.ringbuffer import FORMATS, PC, Format, Machine

DATA = Path(__file__).parent.parent / "data" / "tracedat"

CLOCKS = "local global counter uptime perf mono mono_raw boot tai x86-tsc"


def clock_list(name: str) -> bytes:
    """``trace_clock`` with one clock chosen."""
    return CLOCKS.replace(f" {name} ", f" [{name}] ").replace("local ", "[local] ", name == "local").encode() + b"\n\0"


@dataclass
class Area:
    """One ring buffer: pages by CPU."""

    cpus: dict[int, bytes]
    name: str = ""
    clock: str = "local"


@dataclass
class TraceFile:
    """Everything that goes into a file."""

    areas: Sequence[Area]
    formats: Sequence[Format] = FORMATS
    options: Sequence[tuple[int, bytes]] = ((4, clock_list("local")), (5, b"Linux host 6.1.0 x86_64\0"), (9, b"3.1.6 dev\0"))
    cmdlines: bytes = b""
    kallsyms: bytes = b""
    machine: Machine = PC
    user_long_size: int = 8
    marks: dict[str, int] = field(default_factory=dict)

    def _head(self, version: str) -> bytes:
        big = self.machine.order == ">"
        return (
            b"\x17\x08\x44tracing" + version.encode() + b"\0" + bytes([big, self.user_long_size]) + self._pack("I", self.machine.page_size)
        )

    def _pack(self, codes: str, *values: int) -> bytes:
        return self.machine.pack(codes, *values)

    def _sized(self, text: bytes) -> bytes:
        return self._pack("Q", len(text)) + text

    def _header_info(self) -> bytes:
        return b"header_page\0" + self._sized(self.machine.header_page) + b"header_event\0" + self._sized(b"# compressed entry header\n")

    def _formats(self, system: str) -> bytes:
        texts = [each.text for each in self.formats if each.system == system]
        return self._pack("I", len(texts)) + b"".join(map(self._sized, texts))

    def _systems(self) -> bytes:
        systems = sorted({each.system for each in self.formats} - {"ftrace"})
        return self._pack("I", len(systems)) + b"".join(system.encode() + b"\0" + self._formats(system) for system in systems)

    def _option(self, number: int, body: bytes) -> bytes:
        return self._pack("HI", number, len(body)) + body

    def version6(self) -> bytes:
        """The file in version 6. The top buffer comes first, its CPUs are numbered from 0 without a gap."""
        page_size = self.machine.page_size
        head = self._head("6") + self._header_info() + self._formats("ftrace") + self._systems()
        head += self._pack("I", len(self.kallsyms)) + self.kallsyms + self._pack("I", 0) + self._sized(self.cmdlines)
        top, *instances = self.areas
        head += self._pack("I", len(top.cpus)) + b"options  \0"
        head += b"".join(self._option(*option) for option in self.options)
        instance_options = sum(len(self._option(3, bytes(8) + each.name.encode() + b"\0")) for each in instances)
        table = 16 * len(top.cpus)
        clock = self._sized(b"[local]")
        at = _align(len(head) + instance_options + 2 + 10 + table + len(clock), page_size)
        body = bytearray()
        tables = []
        for area in self.areas:
            place = at + len(body)
            rows = b""
            first = _align(place + 10 + table, page_size) if area is not top else place
            body += bytes(first - place)
            for data in area.cpus.values():
                rows += self._pack("QQ", at + len(body), len(data))
                body += data
            tables.append((place, rows))
        for area, (place, rows) in zip(instances, tables[1:], strict=True):
            head += self._option(3, self._pack("Q", place) + area.name.encode() + b"\0")
            inside = place - at
            body[inside : inside + 10 + table] = b"flyrecord\0" + rows
        head += self._pack("H", 0) + b"flyrecord\0" + tables[0][1] + clock
        return head.ljust(at, b"\0") + bytes(body)

    def version7(self, compression: str = "none", pages_in_chunk: int = 2) -> bytes:
        """The file in version 7."""
        packed = compression != "none"
        file = bytearray(self._head("7") + compression.encode() + b"\0" + b"1\0" * 1)
        first_options_at = len(file)
        file += bytes(8)
        options = []
        for number, body in (
            (16, self._header_info()),
            (17, self._formats("ftrace")),
            (18, self._systems()),
            (19, self._pack("I", len(self.kallsyms)) + self.kallsyms),
            (21, self._sized(self.cmdlines)),
        ):
            options.append(self._option(number, self._pack("Q", len(file))))
            file += self._section(number, body, compression)
        options += [self._option(*option) for option in self.options]
        struct.pack_into(self.machine.order + "Q", file, first_options_at, len(file))
        next_at = self._options(file, b"".join(options))
        for area in self.areas:
            section_at = len(file)
            file += self._pack("HHIQ", 3, int(packed), 0, 0)
            rows = b""
            for cpu, data in area.cpus.items():
                file += bytes(_align(len(file), self.machine.page_size) - len(file))
                stored = self._chunks(data, compression, pages_in_chunk) if packed else data
                rows += self._pack("IQQ", cpu, len(file), len(stored))
                file += stored
            body = self._pack("Q", section_at) + area.name.encode() + b"\0" + area.clock.encode() + b"\0"
            body += self._pack("II", self.machine.page_size, len(area.cpus)) + rows
            struct.pack_into(self.machine.order + "Q", file, next_at, len(file))
            next_at = self._options(file, self._option(3, body))
        return bytes(file)

    def _options(self, file: bytearray, options: bytes) -> int:
        """Append a list; returns the place of its link to the next list."""
        body = options + self._option(0, bytes(8))
        file += self._pack("HHIQ", 0, 0, 0, len(body)) + body
        return len(file) - 8

    def _section(self, number: int, body: bytes, compression: str) -> bytes:
        if compression == "none":
            return self._pack("HHIQ", number, 0, 0, len(body)) + body
        data = _compress(body, compression)
        return self._pack("HHIQ", number, 1, 0, len(data) + 8) + self._pack("II", len(data), len(body)) + data

    def _chunks(self, data: bytes, compression: str, pages_in_chunk: int) -> bytes:
        step = pages_in_chunk * self.machine.page_size
        chunks = [data[at : at + step] for at in range(0, len(data), step)]
        stored = self._pack("I", len(chunks))
        for chunk in chunks:
            packed = _compress(chunk, compression)
            stored += self._pack("II", len(packed), len(chunk)) + packed
        return stored


def _compress(data: bytes, compression: str) -> bytes:
    return zstandard.ZstdCompressor().compress(data) if compression == "zstd" else zlib.compress(data)


def _align(at: int, size: int) -> int:
    return (at + size - 1) // size * size


def opened(path: Path, content: bytes, **options: Any) -> TraceDatRecording:
    """A recording from bytes."""
    path.write_bytes(content)
    return open_tracedat(path, **options)


Row = tuple[int, str, int, int, str]


def rows(recording: TraceDatRecording) -> list[Row]:
    """Every event in order: time, instance, CPU, tid, name."""
    found: list[Row] = []
    for batch in recording.batches():
        columns = [batch.columns[name].tolist() for name in ("ts_ns", "cpu", "tid")]
        for ts_ns, cpu, tid, event in zip(*columns, batch.event.tolist(), strict=True):
            desc = recording.events[event]
            found.append((ts_ns, desc.instance, cpu, tid, desc.name))
    return found


def column(recording: TraceDatRecording, name: str) -> list[int]:
    """One column of every event, in order."""
    return [value for batch in recording.batches() for value in batch.columns[name].tolist()]


def table(side: SideBand, name: str, *columns: str) -> list[tuple[Any, ...]]:
    """Columns of a side-band table, in order of time and place."""
    return getattr(side, name).sort("ts_ns", "seq", maintain_order=True).select(columns).rows()
