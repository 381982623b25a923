"""Which reader opens a file: decided by its content, never by its name. Snapshots of /proc have readers of their own kind."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cowtrace.errors import InputError
from cowtrace.parsers.source import Source
from cowtrace.parsers.unpack import ZSTD_MAGIC, head_of_zstd

if TYPE_CHECKING:
    from cowtrace.parsers.base import Recording

__all__ = ["FORMATS", "RecordingFormat", "describe", "is_snapshot", "is_trace", "open_recording"]

#: Bytes that the readers get to recognise their format.
HEAD_BYTES = 4096
#: Bytes of a zstd file that hold its first block (at most 128 KiB plain, so not much more packed).
PACKED_HEAD_BYTES = 256 << 10

Opener = Callable[[str], "Recording"]


@dataclass(frozen=True, slots=True)
class RecordingFormat:
    """One line of the registry.

    Attributes:
        name: For messages.
        magics: A file of the format starts with one of these.
        open: Opens a path.
        recognise: Tells from the first bytes of a text, which has no magic.
    """

    name: str
    magics: tuple[bytes, ...]
    open: Opener
    recognise: Callable[[bytes], bool] | None = None

    def sniff(self, head: bytes) -> bool:
        """True when the first bytes (up to 4 KiB) are of this format."""
        return head.startswith(self.magics) if self.recognise is None else self.recognise(head)


def _perfdata(path: str) -> Recording:
    from cowtrace.parsers.perfdata import open_perfdata

    return open_perfdata(path)


def _tracedat(path: str) -> Recording:
    from cowtrace.parsers.tracedat import open_tracedat

    return open_tracedat(path)


def _ftracetext(path: str) -> Recording:
    from cowtrace.parsers.ftracetext import open_ftracetext

    return open_ftracetext(path)


def _is_ftracetext(head: bytes) -> bool:
    from cowtrace.parsers.ftracetext.layout import is_ftrace_text

    return is_ftrace_text(head)


def _perfscript(path: str) -> Recording:
    from cowtrace.parsers.perfscript import open_perfscript

    return open_perfscript(path)


def _is_perf_trace(head: bytes) -> bool:
    from cowtrace.parsers.perfscript.line import is_perf_trace

    return is_perf_trace(head)


def _is_perfscript(head: bytes) -> bool:
    from cowtrace.parsers.perfscript.line import is_perf_script

    return is_perf_script(head)


#: Formats in the order in which they are tried.
FORMATS: tuple[RecordingFormat, ...] = (
    RecordingFormat("perf.data", (b"PERFILE2", b"2ELIFREP", b"PERFFILE", b"ELIFFREP"), _perfdata),
    RecordingFormat("trace.dat", (b"\x17\x08\x44tracing",), _tracedat),
    RecordingFormat("ftrace text", (), _ftracetext, _is_ftracetext),
    RecordingFormat("perf script text", (), _perfscript, _is_perfscript),
)

#: What files that are no recording look like.
_STRANGERS: tuple[tuple[bytes, str], ...] = (
    (b"\x7fELF", "an ELF program, library or core dump"),
    (b"\x1f\x8b", "gzip data; unpack it first"),
    (b"\xfd7zXZ\x00", "xz data; unpack it first"),
    (b"BZh", "bzip2 data; unpack it first"),
    (b"PK\x03\x04", "a ZIP archive; unpack it first"),
    (b"PAR1", "a Parquet file"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG", "a PNG picture"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3\x00", "an SQLite database"),
)
_ELF_CORE = 4
_TAR_MAGIC_AT = 257


def open_recording(path: str | os.PathLike[str]) -> Recording:
    """Open a recording of any supported format; a directory of ``perf record --threads`` as well.

    Raises:
        InputError: Nothing here can read it. The message says what it looks like.
    """
    name = os.fspath(path)
    if os.path.isdir(name) and not os.path.isfile(_first_file(name)):
        hint = "name a file in it, or a directory of perf record --threads, which holds a file called data"
        raise InputError(name, "this directory is no recording", hint=hint)
    head = _head(_first_file(name))
    known = _format_of(head)
    if known is None:
        if _is_perf_trace(head):
            hint = "name the perf.data of perf record instead, or what perf script prints of it"
            raise InputError(name, "the output of perf trace leaves out too much to be read", hint=hint)
        supported = ", ".join(known.name for known in FORMATS)
        raise InputError(name, f"not a recording: it looks like {describe(head)}", hint=f"supported formats: {supported}")
    return known.open(name)


def is_trace(path: str | os.PathLike[str]) -> bool:
    """True when ``open_recording`` knows the format, whatever state the file is in."""
    try:
        return _format_of(_head(_first_file(os.fspath(path)))) is not None
    except InputError:
        return False


def is_snapshot(path: str | os.PathLike[str]) -> bool:
    """True when a file is a snapshot from /proc that can be read."""
    from cowtrace.parsers import procfs

    return procfs.is_snapshot(path)


def _first_file(name: str) -> str:
    return os.path.join(name, "data") if os.path.isdir(name) else name


def _format_of(head: bytes) -> RecordingFormat | None:
    return next((known for known in FORMATS if known.sniff(head)), None)


def _head(path: str) -> bytes:
    source = Source.open(path)
    if source.read(0, min(source.size, 4), "first bytes") == ZSTD_MAGIC:
        return head_of_zstd(source.read(0, min(source.size, PACKED_HEAD_BYTES), "first bytes"), HEAD_BYTES)
    return source.read(0, min(source.size, HEAD_BYTES), "first bytes")


def describe(head: bytes) -> str:
    """What a file with these first bytes probably is."""
    if not head:
        return "an empty file"
    if head.startswith(b"\x7fELF") and len(head) > 17:
        kind = int.from_bytes(head[16:18], "big" if head[5] == 2 else "little")
        return "a core dump" if kind == _ELF_CORE else "an ELF program or library"
    for magic, text in _STRANGERS:
        if head.startswith(magic):
            return text
    if head[_TAR_MAGIC_AT:].startswith(b"ustar"):
        return "a tar archive; unpack it first"
    if not head.strip(b"\0"):
        return "zeros, as a file that was never written"
    readable = sum(char.isprintable() or char in "\t\r\n" for char in head.decode("utf-8", "ignore"))
    return "text" if b"\0" not in head and readable * 10 >= len(head) * 9 else "unknown binary data"
