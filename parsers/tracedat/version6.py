"""Version 6: one head from start to end, then the pages.

Sources: trace-cmd: Documentation/trace-cmd/trace-cmd.dat.v6.5.txt, lib/trace-cmd/trace-input.c (read_headers_v6, read_cpu_data).
"""

from __future__ import annotations

from functools import partial

from cowtrace.errors import InputError
from cowtrace.parsers.base import Note
from cowtrace.parsers.cursor import Cursor
from cowtrace.parsers.source import Source
from cowtrace.parsers.tracedat.filecursor import FileCursor
from cowtrace.parsers.tracedat.head import Head
from cowtrace.parsers.tracedat.metadata import TEXT_HINT, Buffer, CpuData, Metadata, read_header_info
from cowtrace.parsers.tracedat.options import DONE, Options, clock_name, read_option
from cowtrace.parsers.traceevent.tracing_data import read_formats, read_systems
from cowtrace.text import decode_name

_TAG_BYTES = 10
#: More CPUs than any machine has; a larger number is damage.
_CPUS_MAX = 1 << 16


def read_version6(source: Source, head: Head) -> Metadata:
    """Everything but the events.

    Raises:
        InputError: The head is damaged or not complete, or the file holds text instead of pages.
    """
    cursor = FileCursor(source, head.order, head.end)
    meta = Metadata(head, read_header_info(cursor, head.long_size))
    read_formats(cursor, "ftrace", meta.layout.long_size, meta.formats)
    read_systems(cursor, meta.layout.long_size, meta.formats)
    for name in ("kallsyms", "printk_formats"):
        size = cursor.u32()
        meta.texts[name] = partial(source.read, cursor.base + cursor.at, size, name)
        cursor.skip(size)
    meta.cmdlines = cursor.take(cursor.u64())
    cpu_count = _cpu_count(cursor)
    options = meta.options
    cpus = _read_table(cursor, cpu_count, options)
    clock = _clock_behind(cursor)
    meta.options.clock = options.clock or clock
    meta.buffers.append(Buffer("", options.clock, head.page_size, False, cpus))
    for place in options.buffers:
        _read_instance(source, place, len(cpus), meta)
    return meta


def _cpu_count(cursor: Cursor) -> int:
    count = cursor.u32()
    if count > _CPUS_MAX:
        raise InputError(cursor.path, f"expected a number of CPUs, found {count}", offset=cursor.base + cursor.at - 4)
    return count


def _read_table(cursor: Cursor, cpu_count: int, options: Options) -> tuple[CpuData, ...]:
    """Tag, options and tag, then offset and size of every CPU."""
    tag = cursor.take(_TAG_BYTES)
    if tag.startswith(b"options"):
        while (number := cursor.u16()) != DONE:
            read_option(cursor, number, options)
        tag = cursor.take(_TAG_BYTES)
    if tag.startswith(b"latency"):
        raise InputError(cursor.path, "the file holds trace text, not ring buffer pages", hint=TEXT_HINT)
    if not tag.startswith(b"flyrecord"):
        raise InputError(cursor.path, f"expected flyrecord, found {tag!r}", offset=cursor.base + cursor.at - _TAG_BYTES)
    count = min(options.cpu_count, _CPUS_MAX) if options.cpu_count else cpu_count
    cpus = tuple(CpuData(cpu, cursor.u64(), cursor.u64()) for cpu in range(count))
    if count > cpu_count:
        # An old trace-cmd reads the number of CPUs from the head and finds this pair for the last of them.
        cursor.skip(16)
    return cpus


def _clock_behind(cursor: Cursor) -> str | None:
    """The clock's name behind the table of the top buffer; a file without it has zeros or pages there."""
    try:
        size = cursor.u64()
        return clock_name(cursor.take(size)) if size <= 64 else None
    except InputError:
        return None


def _read_instance(source: Source, option: Cursor, cpu_count: int, meta: Metadata) -> None:
    """A table of its own, at the offset that the option says."""
    try:
        offset, name = option.u64(), decode_name(option.c_string())
        cursor = FileCursor(source, meta.head.order, offset)
        cpus = _read_table(cursor, cpu_count, Options())
    except InputError as error:
        meta.notes.append(Note(f"an instance could not be read: {error.problem}"))
        return
    meta.buffers.append(Buffer(name, meta.options.clock, meta.head.page_size, False, cpus))
