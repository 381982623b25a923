"""Version 7: sections anywhere in the file, found by a chain of option lists.

Sources: trace-cmd: Documentation/trace-cmd/trace-cmd.dat.v7.5.txt, lib/trace-cmd/trace-input.c (handle_options, handle_buffer_option).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cowtrace.errors import InputError
from cowtrace.parsers.base import Note
from cowtrace.parsers.cursor import Cursor
from cowtrace.parsers.source import Source
from cowtrace.parsers.tracedat import compression, recover
from cowtrace.parsers.tracedat import options as opt
from cowtrace.parsers.tracedat.filecursor import FileCursor
from cowtrace.parsers.tracedat.head import Head, check_page_size
from cowtrace.parsers.tracedat.layout import page_layout
from cowtrace.parsers.tracedat.metadata import TEXT_HINT, Buffer, CpuData, Metadata, read_header_info
from cowtrace.parsers.traceevent.tracing_data import read_formats, read_systems
from cowtrace.text import decode_name

_COMPRESSED = 1
#: A chain of more lists than this is a loop or damage; a file has one for each buffer.
_LISTS_MAX = 1 << 12


@dataclass(slots=True)
class _Chain:
    """How far the chain of option lists could be followed.

    Attributes:
        end: The byte behind the last list that was read.
        problem: Why it ended early; empty when it did not.
    """

    end: int = 0
    problem: str = ""
    visited: set[int] = field(default_factory=set)


def read_version7(source: Source, head: Head) -> Metadata:
    """Everything but the events. A file that is cut gives what its beginning tells.

    Raises:
        InputError: The formats are damaged, or the file holds text instead of pages.
    """
    if head.compression not in compression.NAMES:
        problem = f"expected one of the compressions {', '.join(compression.NAMES)}, found {head.compression!r}"
        raise InputError(source.path, problem, hint="convert it with: trace-cmd convert -i FILE -o NEW --compression zstd")
    options = opt.Options()
    chain = _follow_chain(source, head, options)
    if not chain.visited:
        options.section_at, chain.end = recover.find_sections(source, head)
    meta = Metadata(head, page_layout("", head.long_size, source.path, 0), options=options)
    _read_sections(source, meta)
    for number, option in enumerate(options.buffers):
        try:
            meta.buffers.append(_read_buffer(source, head, option))
        except InputError as error:
            meta.notes.append(Note(f"ring buffer {number + 1} could not be read: {error.problem}"))
    if not meta.buffers and options.has_text:
        raise InputError(source.path, "the file holds trace text, not ring buffer pages", hint=TEXT_HINT)
    if chain.problem:
        meta.notes.append(Note(f"the table of ring buffers is not complete: {chain.problem}"))
        meta.buffers.extend(recover.find_buffer(source, meta, chain.end))
        if not any(buffer.cpus for buffer in meta.buffers):
            meta.notes.append(Note("the file ends before its first ring buffer page"))
    return meta


def _follow_chain(source: Source, head: Head, options: opt.Options) -> _Chain:
    chain = _Chain()
    at = head.first_options
    while at and not chain.problem:
        if at in chain.visited or len(chain.visited) >= _LISTS_MAX:
            chain.problem = "the lists of options form a loop"
            break
        if at >= source.size:
            chain.problem = f"the file ends at byte {source.size}, the next list of options was at byte {at}"
            break
        try:
            cursor, end = _open_section(source, head, at, opt.DONE)
            following = _read_list(cursor, options)
            chain.visited.add(at)
            at, chain.end = following, end
        except InputError as error:
            chain.problem = error.problem
    return chain


def _read_list(cursor: Cursor, options: opt.Options) -> int:
    """One list; returns the offset of the next one, 0 behind the last."""
    while (number := cursor.u16()) != opt.DONE:
        opt.read_option(cursor, number, options)
    cursor.u32()
    return cursor.u64()


def _open_section(source: Source, head: Head, at: int, number: int) -> tuple[Cursor, int]:
    """A cursor over the plain content of a section, and the byte behind the section."""
    cursor = FileCursor(source, head.order, at)
    found, flags = cursor.u16(), cursor.u16()
    cursor.u32()  # description: place of a string
    size = cursor.u64()
    if found != number:
        raise InputError(source.path, f"expected section {number}, found {found}", offset=at)
    end = at + recover.SECTION_BYTES + size
    if not flags & _COMPRESSED:
        return cursor, end
    stored, plain = cursor.u32(), cursor.u32()
    data = compression.expand(head.compression, cursor.take(stored), plain, source.path, at)
    return Cursor(data, head.order, source.path, at), end


def _read_sections(source: Source, meta: Metadata) -> None:
    """Formats and names; the long texts are only noted."""
    head, at = meta.head, meta.options.section_at

    def content(number: int) -> Cursor | None:
        if number not in at:
            return None
        return _open_section(source, head, at[number], number)[0]

    if (cursor := content(opt.HEADER_INFO)) is not None:
        meta.layout = read_header_info(cursor, head.long_size)
    if (cursor := content(opt.FTRACE_EVENTS)) is not None:
        read_formats(cursor, "ftrace", meta.layout.long_size, meta.formats)
    if (cursor := content(opt.EVENT_FORMATS)) is not None:
        read_systems(cursor, meta.layout.long_size, meta.formats)
    try:
        if (cursor := content(opt.CMDLINES)) is not None:
            meta.cmdlines = cursor.take(cursor.u64())
    except InputError as error:
        meta.notes.append(Note(f"the last known names could not be read: {error.problem}"))
    for name, number in (("kallsyms", opt.KALLSYMS), ("printk_formats", opt.PRINTK)):
        if number in at:
            meta.texts[name] = _text_reader(content, number)


def _text_reader(content: Callable[[int], Cursor | None], number: int) -> Callable[[], bytes]:
    def read() -> bytes:
        cursor = content(number)
        return b"" if cursor is None else cursor.take(cursor.u32())

    return read


def _read_buffer(source: Source, head: Head, option: Cursor) -> Buffer:
    at, name, clock = option.u64(), decode_name(option.c_string()), decode_name(option.c_string())
    page_size = option.u32()
    count = option.u32()
    if count > option.left // 20:
        raise InputError(source.path, f"expected a number of CPUs, found {count}", offset=option.base)
    if not count:
        return Buffer(name, clock or None, page_size, False, ())
    check_page_size(page_size, source.path, option.base)
    section = FileCursor(source, head.order, at)
    found, flags = section.u16(), section.u16()
    if found != opt.BUFFER:
        raise InputError(source.path, f"expected section {opt.BUFFER}, found {found}", offset=at)
    cpus = tuple(CpuData(option.u32(), option.u64(), option.u64()) for _ in range(count))
    return Buffer(name, clock or None, page_size, bool(flags & _COMPRESSED), cpus)
