"""The tracing data of a perf.data file: page size and formats of the recorded trace events.

Source: tools/perf/util/trace-event-read.c (trace_report); the head of trace.dat version 6 is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cowtrace.errors import InputError
from cowtrace.parsers.cursor import Cursor
from cowtrace.parsers.traceevent.format import TraceFormat, parse_format

MAGIC = b"\x17\x08\x44tracing"
#: More events or systems than any kernel has; a larger number is damage.
_MAX_COUNT = 1 << 16


@dataclass(slots=True)
class TracingData:
    """What the recorder knew about trace events.

    Attributes:
        version: ``0.6``.
        long_size: Bytes of a C long in user space.
        page_size: Bytes.
        formats: Event by number; those of ftrace itself included.
    """

    version: str
    long_size: int
    page_size: int
    formats: dict[int, TraceFormat] = field(default_factory=dict)


def parse_tracing_data(data: bytes, path: str, base: int) -> TracingData:
    """Read the section up to the formats; what follows (symbols, printk texts, last known names) says nothing about events.

    Raises:
        InputError: The section is none, or is cut before its formats are complete.
    """
    if not data.startswith(MAGIC):
        raise InputError(path, f"expected tracing data, found {data[:10]!r}", offset=base)
    head = Cursor(data, "<", path, base)
    head.skip(len(MAGIC))
    version = head.c_string().decode("ascii", "replace")
    cursor = Cursor(data, ">" if head.u8() else "<", path, base)
    cursor.at = head.at
    tracing = TracingData(version, cursor.u8(), cursor.u32())
    for name in (b"header_page", b"header_event"):
        if cursor.c_string() != name:
            raise InputError(path, f"expected {name.decode()} in the tracing data", offset=base + cursor.at)
        cursor.skip(cursor.u64())
    read_formats(cursor, "ftrace", tracing.long_size, tracing.formats)
    read_systems(cursor, tracing.long_size, tracing.formats)
    return tracing


def read_formats(cursor: Cursor, system: str, long_size: int, into: dict[int, TraceFormat]) -> None:
    """A list of format texts of one system: its length, then each with its size."""
    for _ in range(min(cursor.u32(), _MAX_COUNT)):
        event = parse_format(cursor.take(cursor.u64()).decode("utf-8", "replace"), system, long_size)
        if event is not None:
            into[event.id] = event


def read_systems(cursor: Cursor, long_size: int, into: dict[int, TraceFormat]) -> None:
    """A list of systems, each with its name and its formats."""
    for _ in range(min(cursor.u32(), _MAX_COUNT)):
        read_formats(cursor, cursor.c_string().decode("ascii", "replace"), long_size, into)
