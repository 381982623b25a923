"""trace.dat, version 7 with zstd: what ``trace-cmd report`` and every other reader of the format takes.

Source of the layout: trace-cmd: Documentation/trace-cmd/trace-cmd.dat.v7.5.txt, lib/trace-cmd/trace-output.c.

    head ─ sections (formats, kernel symbols, names), each in one zstd frame ─ options ─ pages of all CPUs ─ option BUFFER

Pages are compressed ten at a time, as trace-cmd does, each piece in a frame of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct
from typing import BinaryIO

_MAGIC = b"\x17\x08\x44tracing"
_HEAD, _U16, _U32, _U64 = Struct("=BBI"), Struct("=H"), Struct("=I"), Struct("=Q")
_SECTION, _OPTION, _CPU = Struct("=HHIQ"), Struct("=HI"), Struct("=IQQ")
_COMPRESSED = 1
_PAGES_IN_PIECE = 10
#: The command has ended and its user waits: pages shrink to a fifth at the fastest level too.
_ZSTD_LEVEL = 1

# lib/trace-cmd/include/private/trace-cmd-private.h: TRACECMD_OPTION_*
_DONE, _CPUSTAT, _BUFFER, _TRACECLOCK, _UNAME, _CPUCOUNT, _VERSION = 0, 2, 3, 4, 5, 8, 9
_HEADER_INFO, _FTRACE_EVENTS, _EVENT_FORMATS, _KALLSYMS, _PRINTK, _CMDLINES = 16, 17, 18, 19, 20, 21
_SAVED_TGIDS = 32


@dataclass(slots=True)
class TraceFacts:
    """Everything about a trace but its pages.

    Attributes:
        header_page, header_event: Texts of tracefs.
        ftrace_formats: Format texts of the internal events.
        formats: Format texts by system.
        kallsyms, printk_formats, cmdlines, tgids: Texts in the kernel's form.
        clock_list: Contents of ``trace_clock``.
        clock: The clock in use.
        uname: System, host, release, machine.
        version: Of the recorder.
        page_bytes: Of a ring buffer page.
        cpu_count: CPUs of the machine.
        stats: Text of ``per_cpu/cpuN/stats`` by CPU.
    """

    header_page: bytes
    header_event: bytes
    ftrace_formats: Sequence[bytes]
    formats: Mapping[str, Sequence[bytes]]
    kallsyms: bytes
    printk_formats: bytes
    cmdlines: bytes
    tgids: bytes
    clock_list: bytes
    clock: str
    uname: str
    version: str
    page_bytes: int
    cpu_count: int
    stats: Mapping[int, bytes] = field(default_factory=dict)


def write_tracedat(path: Path, facts: TraceFacts, pages: Mapping[int, Path]) -> int:
    """Write the file.

    Args:
        path: The file to write.
        facts: All but the pages.
        pages: A file of whole ring buffer pages by CPU.

    Returns:
        Its size in bytes.

    Raises:
        OSError: The disk is full, or a file can't be read.
    """
    import zstandard

    with path.open("wb") as file:
        writer = _Writer(file, zstandard.ZstdCompressor(level=_ZSTD_LEVEL))
        writer.write(facts, pages)
        return file.tell()


class _Writer:
    def __init__(self, file: BinaryIO, compressor: zstandard.ZstdCompressor) -> None:  # type: ignore[name-defined]  # noqa: F821
        self._file = file
        self._compress = compressor.compress

    def write(self, facts: TraceFacts, pages: Mapping[int, Path]) -> None:
        import zstandard

        version = ".".join(map(str, zstandard.ZSTD_VERSION)).encode()
        head = _HEAD.pack(sys.byteorder == "big", 8 if sys.maxsize > 1 << 32 else 4, facts.page_bytes)
        self._file.write(_MAGIC + b"7\0" + head + b"zstd\0" + version + b"\0")
        link_at = self._file.tell()
        self._file.write(bytes(8))
        systems = b"".join(name.encode() + b"\0" + _listed(texts) for name, texts in sorted(facts.formats.items()))
        bodies = {
            _HEADER_INFO: b"header_page\0" + _sized(facts.header_page) + b"header_event\0" + _sized(facts.header_event),
            _FTRACE_EVENTS: _listed(facts.ftrace_formats),
            _EVENT_FORMATS: _U32.pack(len(facts.formats)) + systems,
            _KALLSYMS: _U32.pack(len(facts.kallsyms)) + facts.kallsyms,
            _PRINTK: _U32.pack(len(facts.printk_formats)) + facts.printk_formats,
            _CMDLINES: _sized(facts.cmdlines),
        }
        options = [(number, _U64.pack(self._section(number, body))) for number, body in bodies.items()]
        options += [
            (_UNAME, facts.uname.encode() + b"\0"),
            (_VERSION, facts.version.encode() + b"\0"),
            (_TRACECLOCK, facts.clock_list + b"\0"),
            (_CPUCOUNT, _U32.pack(facts.cpu_count)),
            *((_CPUSTAT, f"CPU: {cpu}\n".encode() + text + b"\0") for cpu, text in sorted(facts.stats.items())),
        ]
        if facts.tgids:
            options.append((_SAVED_TGIDS, facts.tgids + b"\0"))
        link_at = self._options(link_at, options)
        self._options(link_at, [(_BUFFER, self._buffer(facts, pages))])

    def _section(self, number: int, body: bytes) -> int:
        """A section; returns its offset."""
        at = self._file.tell()
        data = self._compress(body)
        self._file.write(_SECTION.pack(number, _COMPRESSED, 0, len(data) + 8) + _U32.pack(len(data)) + _U32.pack(len(body)) + data)
        return at

    def _options(self, link_at: int, options: Sequence[tuple[int, bytes]]) -> int:
        """A list of options that the link at a byte leads to; returns the byte of its own link."""
        at = self._file.tell()
        self._file.seek(link_at)
        self._file.write(_U64.pack(at))
        self._file.seek(at)
        body = b"".join(_OPTION.pack(number, len(data)) + data for number, data in [*options, (_DONE, bytes(8))])
        self._file.write(_SECTION.pack(_DONE, 0, 0, len(body)) + body)
        return self._file.tell() - 8

    def _buffer(self, facts: TraceFacts, pages: Mapping[int, Path]) -> bytes:
        """Pages of all CPUs; returns the option that leads to them."""
        section_at = self._file.tell()
        self._file.write(_SECTION.pack(_BUFFER, _COMPRESSED, 0, 0))
        table = b""
        for cpu, source in sorted(pages.items()):
            self._file.write(bytes(-self._file.tell() % facts.page_bytes))
            at = self._file.tell()
            self._pages(source, facts.page_bytes)
            table += _CPU.pack(cpu, at, self._file.tell() - at)
        # the name of the top buffer is empty
        name = b"\0" + facts.clock.encode() + b"\0"
        return _U64.pack(section_at) + name + _U32.pack(facts.page_bytes) + _U32.pack(len(pages)) + table

    def _pages(self, source: Path, page_bytes: int) -> None:
        piece_bytes = _PAGES_IN_PIECE * page_bytes
        size = source.stat().st_size // page_bytes * page_bytes
        self._file.write(_U32.pack(-(-size // piece_bytes)))
        with source.open("rb") as pages:
            for at in range(0, size, piece_bytes):
                plain = pages.read(min(piece_bytes, size - at))
                data = self._compress(plain)
                self._file.write(_U32.pack(len(data)) + _U32.pack(len(plain)) + data)


def _sized(text: bytes) -> bytes:
    return _U64.pack(len(text)) + text


def _listed(texts: Sequence[bytes]) -> bytes:
    return _U32.pack(len(texts)) + b"".join(map(_sized, texts))
