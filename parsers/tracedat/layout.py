"""Where the parts of a ring buffer page are, as ``events/header_page`` says.

Source: kernel/trace/ring_buffer.c (ring_buffer_print_page_header, struct buffer_data_page).
"""

from __future__ import annotations

from dataclasses import dataclass

from cowtrace.errors import InputError
from cowtrace.parsers.traceevent.format import parse_fields

_TIME_BYTES = 8
_DATA_OFFSET_MAX = 64


@dataclass(frozen=True, slots=True)
class PageLayout:
    """A page: u64 time stamp, a long with the used bytes and the loss marks, events.

    Attributes:
        long_size: Bytes of the kernel's long, which is not always that of user space.
        data_offset: Byte of the first event.
    """

    long_size: int
    data_offset: int


def page_layout(text: str, user_long_size: int, path: str, offset: int) -> PageLayout:
    """The layout that a ``header_page`` text describes; an empty text leaves the one that follows from the size of a long.

    Raises:
        InputError: The text describes another one than any kernel has.
    """
    fields = {field.name: field for field in parse_fields(text)}
    commit, data = fields.get("commit"), fields.get("data")
    long_size = commit.size if commit is not None else user_long_size
    commit_offset = commit.offset if commit is not None else _TIME_BYTES
    if long_size not in (4, 8) or commit_offset != _TIME_BYTES:
        problem = f"expected 4 or 8 bytes of commit at byte {_TIME_BYTES} of a page, found {long_size} at {commit_offset}"
        raise InputError(path, problem, offset=offset)
    data_offset = data.offset if data is not None else _TIME_BYTES + long_size
    if not _TIME_BYTES + long_size <= data_offset <= _DATA_OFFSET_MAX or data_offset % 4:
        raise InputError(path, f"expected the events of a page behind its commit, found byte {data_offset}", offset=offset)
    return PageLayout(long_size, data_offset)
