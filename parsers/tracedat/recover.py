"""Version 7 files that lost their end: sections and pages that no option list names any more.

A recorder writes in this order: formats, texts, options, then for each buffer its pages and a list with its BUFFER option. So a file that
is cut misses the option of the very buffer whose pages are at its end. The pages of a CPU start at a multiple of the page size.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from struct import Struct

import numpy as np

from cowtrace.errors import InputError
from cowtrace.parsers.source import Source
from cowtrace.parsers.tracedat import options as opt
from cowtrace.parsers.tracedat.compression import PLAIN_MAX
from cowtrace.parsers.tracedat.filecursor import FileCursor
from cowtrace.parsers.tracedat.head import Head
from cowtrace.parsers.tracedat.metadata import Buffer, CpuData, Metadata
from cowtrace.parsers.words import Index

#: id, flags, description, size
_SECTION = "HHIQ"
SECTION_BYTES = 2 + 2 + 4 + 8
_USED_MASK = (1 << 27) - 1


def find_sections(source: Source, head: Head) -> tuple[dict[int, int], int]:
    """Sections behind the head, one after the other: offset by number, and the byte behind the last complete one."""
    layout = Struct(head.order + _SECTION)
    sections: dict[int, int] = {}
    at = head.end
    while at + SECTION_BYTES <= source.size:
        number, _, _, size = layout.unpack(source.read(at, SECTION_BYTES, "section header"))
        if number not in opt.SECTIONS or number in sections or at + SECTION_BYTES + size > source.size:
            break
        sections[number] = at
        at += SECTION_BYTES + size
    return sections, at


def find_buffer(source: Source, meta: Metadata, at: int) -> list[Buffer]:
    """The buffer whose section header is at a byte; none when there is no such header."""
    cursor = FileCursor(source, meta.head.order, at)
    try:
        number, flags = cursor.u16(), cursor.u16()
    except InputError:
        return []
    if number != opt.BUFFER:
        return []
    page_size = meta.head.page_size
    start = _align(at + SECTION_BYTES, page_size)
    compressed = bool(flags & 1)
    found = list(_find_chunks(source, meta.head, start) if compressed else _find_pages(source, meta, start))
    place = len(meta.buffers)
    names = list(meta.options.stats)
    name = names[place] if place < len(names) else f"buffer{place}"
    cpus = tuple(
        CpuData(cpu, offset, size) for cpu, (offset, size) in zip(_cpu_numbers(meta, name, len(found), compressed), found, strict=True)
    )
    return [Buffer(name, meta.options.clock, page_size, compressed, cpus)]


def _align(at: int, page_size: int) -> int:
    return (at + page_size - 1) // page_size * page_size


def _find_chunks(source: Source, head: Head, at: int) -> Iterator[tuple[int, int]]:
    """Places of what looks like chunks of one CPU after the other."""
    count_of, chunk = Struct(head.order + "I"), Struct(head.order + "II")
    while at + 4 + 8 <= source.size:
        (count,) = count_of.unpack(source.read(at, 4, "chunk count"))
        end = at + 4
        for _ in range(count):
            if end + 8 > source.size:
                break
            stored, plain = chunk.unpack(source.read(end, 8, "chunk header"))
            if not stored or not 0 < plain <= PLAIN_MAX or plain % head.page_size:
                break
            end += 8 + stored
        if end == at + 4:
            return
        yield at, 0
        at = _align(end, head.page_size)


def _find_pages(source: Source, meta: Metadata, at: int) -> Iterator[tuple[int, int]]:
    """Runs of pages whose times ascend: the pages of one CPU each."""
    page_size = meta.head.page_size
    times = _page_times(source, meta, at)
    starts = [0, *(np.flatnonzero(times[1:] < times[:-1]) + 1).tolist(), len(times)]
    for first, behind in pairwise(starts):
        if behind > first:
            yield at + first * page_size, (behind - first) * page_size


def _page_times(source: Source, meta: Metadata, at: int) -> Index:
    """Time stamps of the pages from a byte on, up to the first that is none."""
    page_size, order = meta.head.page_size, meta.head.order
    head = Struct(order + ("QQ" if meta.layout.long_size == 8 else "QI"))
    times = []
    while at + page_size <= source.size:
        time, commit = head.unpack(source.read(at, head.size, "page"))
        if not 0 < time < 1 << 63 or commit & _USED_MASK > page_size - meta.layout.data_offset:
            break
        times.append(time)
        at += page_size
    return np.array(times, np.int64)


def _cpu_numbers(meta: Metadata, name: str, count: int, certain_bounds: bool) -> list[int]:
    """Which CPUs the found places are: those that recorded something, in order; -1 where that can't be told."""
    stats = meta.options.stats.get(name, [])
    active = [cpu["CPU"] for cpu in stats if cpu.get("entries", 0) or cpu.get("read events", 0) or cpu.get("overrun", 0)]
    if count > len(active) or not (certain_bounds or len(active) == 1):
        return [-1] * count
    return active[:count]
