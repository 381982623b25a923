"""The first bytes of a trace.dat: version, byte order, sizes.

Sources: trace-cmd: Documentation/trace-cmd/trace-cmd.dat.v6.5.txt and .v7.5.txt, lib/trace-cmd/trace-input.c (tracecmd_alloc_fd).
"""

from __future__ import annotations

from dataclasses import dataclass

from cowtrace.errors import InputError
from cowtrace.parsers.source import Source
from cowtrace.parsers.tracedat.filecursor import FileCursor
from cowtrace.parsers.traceevent.tracing_data import MAGIC
from cowtrace.text import decode_name, printable

VERSIONS = ("6", "7")
#: Ring buffer pages are one page of the CPU or a power of two of them (buffer_subbuf_size_kb).
PAGE_BYTES_MIN, PAGE_BYTES_MAX = 512, 1 << 20


@dataclass(frozen=True, slots=True)
class Head:
    """What the first bytes say.

    Attributes:
        version: 6 or 7.
        order: ``<`` or ``>``.
        long_size: Bytes of a C long in the user space of the traced machine.
        page_size: Bytes of a ring buffer page; version 7 repeats it for each buffer.
        compression: ``none``, ``zstd``, ``zlib``.
        first_options: Byte of the first options section (version 7).
        end: The byte behind the head.
    """

    version: int
    order: str
    long_size: int
    page_size: int
    compression: str
    first_options: int
    end: int


def read_head(source: Source) -> Head:
    """The head of a file.

    Raises:
        InputError: It is no trace.dat, or one of another version.
    """
    cursor = FileCursor(source, "<", 0)
    found = cursor.take(min(len(MAGIC), source.size))
    if found != MAGIC:
        raise InputError(source.path, f"expected the magic {MAGIC!r}, found {found!r}", offset=0)
    version = cursor.c_string()[:16].decode("ascii", "replace")
    if version not in VERSIONS:
        problem = f"expected trace.dat version {' or '.join(VERSIONS)}, found {printable(version)!r}"
        raise InputError(source.path, problem, offset=len(MAGIC), hint="convert it with: trace-cmd convert -i FILE -o NEW")
    cursor.order = ">" if cursor.u8() else "<"
    long_size, page_size = cursor.u8(), cursor.u32()
    check_page_size(page_size, source.path, cursor.at - 4)
    compression, first_options = "none", 0
    if version == "7":
        compression = decode_name(cursor.c_string()[:64])
        cursor.c_string()  # version of the compression library
        first_options = cursor.u64()
    return Head(int(version), cursor.order, long_size, page_size, compression, first_options, cursor.at)


def check_page_size(page_size: int, path: str, offset: int) -> None:
    """Refuse what can't be the size of a ring buffer page.

    Raises:
        InputError: It can't.
    """
    if not PAGE_BYTES_MIN <= page_size <= PAGE_BYTES_MAX or page_size & (page_size - 1):
        problem = f"expected ring buffer pages of {PAGE_BYTES_MIN} to {PAGE_BYTES_MAX} bytes, a power of two, found {page_size}"
        raise InputError(path, problem, offset=offset)
