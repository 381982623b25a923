"""What a file says about itself, whichever its version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cowtrace.errors import InputError
from cowtrace.parsers.base import Note
from cowtrace.parsers.cursor import Cursor
from cowtrace.parsers.tracedat.head import Head
from cowtrace.parsers.tracedat.layout import PageLayout, page_layout
from cowtrace.parsers.tracedat.options import Options
from cowtrace.parsers.traceevent.format import TraceFormat

TEXT_HINT = "write it out with `trace-cmd report FILE > trace.txt` and read the text"


@dataclass(frozen=True, slots=True)
class CpuData:
    """Pages of one CPU.

    Attributes:
        cpu: Number; -1 when the file does not say.
        offset: Byte of the first page, or of the chunk count when compressed.
        size: Bytes, as the file says; 0 when compressed, where the chunks say it.
    """

    cpu: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Buffer:
    """One ring buffer.

    Attributes:
        name: Instance; "" for the top buffer.
        clock: Clock of its time stamps; None when the file does not say.
        page_size: Bytes of a page.
        compressed: Pages are in compressed chunks.
        cpus: CPUs with data.
    """

    name: str
    clock: str | None
    page_size: int
    compressed: bool
    cpus: tuple[CpuData, ...]


@dataclass(slots=True)
class Metadata:
    """Everything but the events.

    Attributes:
        head: First bytes.
        layout: Layout of a page.
        formats: Event by number.
        options: Options.
        buffers: Ring buffers, the top buffer first.
        cmdlines: Text of the last known names.
        texts: Readers of long texts that nobody may ask for: ``kallsyms``, ``printk_formats``.
        notes: Damage and repairs.
    """

    head: Head
    layout: PageLayout
    formats: dict[int, TraceFormat] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    buffers: list[Buffer] = field(default_factory=list)
    cmdlines: bytes = b""
    texts: dict[str, Callable[[], bytes]] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


def read_header_info(cursor: Cursor, user_long_size: int) -> PageLayout:
    """The texts ``header_page`` and ``header_event``; the second says only what every kernel does.

    Raises:
        InputError: They are not there, or describe another page than any kernel has.
    """
    texts = []
    for name in (b"header_page", b"header_event"):
        offset = cursor.base + cursor.at
        found = cursor.take(len(name) + 1)
        if found != name + b"\0":
            raise InputError(cursor.path, f"expected {name.decode()}, found {found!r}", offset=offset)
        texts.append(cursor.take(cursor.u64()).decode("utf-8", "replace"))
    return page_layout(texts[0], user_long_size, cursor.path, cursor.base)
