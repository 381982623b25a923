"""The head of a perf.data file: mode, byte order, sections, and the entries of the attrs section.

Source: tools/perf/util/header.h (struct perf_file_header, perf_pipe_file_header, perf_file_section, perf_file_attr), header.c.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from cowtrace.errors import InputError, TruncatedError
from cowtrace.parsers.cursor import Cursor
from cowtrace.parsers.perfdata.attr import SIZE_VER0, Attr, read_attr
from cowtrace.parsers.source import Source

MAGIC_BY_ORDER = {"<": b"PERFILE2", ">": b"2ELIFREP"}
MAGIC_V1 = b"PERFFILE"

# offset, size (bytes from the start of the file)
_SECTION = Struct("<QQ")
# magic, size of this header, size of an attrs entry; sections attrs, data, event_types; 256 feature bits
_FILE_HEADER = "8s2Q6Q4Q"
FILE_HEADER_SIZE = 8 + 2 * 8 + 3 * _SECTION.size + 4 * 8
assert Struct("<" + _FILE_HEADER).size == FILE_HEADER_SIZE
#: magic and size only; records follow to the end of the file
PIPE_HEADER_SIZE = 8 + 8
#: The first PERFILE2 files have no feature bits.
_OLDEST_HEADER_SIZE = 72
_HOSTNAME_BIT = 3


@dataclass(frozen=True, slots=True)
class Section:
    """A range of the file."""

    offset: int
    size: int

    @property
    def end(self) -> int:
        """The byte behind it."""
        return self.offset + self.size


@dataclass(frozen=True, slots=True)
class Header:
    """What the first bytes say.

    Attributes:
        order: ``<`` or ``>``.
        is_pipe: The file is a stream: attrs and features are records.
        attr_size: Bytes of an entry of the attrs section.
        attrs: Section of the attrs.
        data: Section of the records, as the header says.
        features: Numbers of the set feature bits, ascending.
    """

    order: str
    is_pipe: bool
    attr_size: int
    attrs: Section
    data: Section
    features: tuple[int, ...]


def read_header(source: Source) -> Header:
    """The header of a file.

    Raises:
        InputError: It is no perf.data file, of version 1, or nonsense.
    """
    head = source.read(0, min(source.size, FILE_HEADER_SIZE), "header")
    if not head:
        raise InputError(source.path, "the file is empty")
    if head.startswith(MAGIC_V1):
        hint = "convert it with the perf that wrote it"
        raise InputError(source.path, "perf.data version 1 (PERFFILE, before 2013) is not supported", hint=hint)
    order = next((order for order, magic in MAGIC_BY_ORDER.items() if head.startswith(magic)), None)
    if order is None:
        raise InputError(source.path, f"expected the magic PERFILE2, found {head[:8]!r}", offset=0)
    if len(head) < PIPE_HEADER_SIZE:
        raise TruncatedError(source.path, f"the file ends after {len(head)} bytes, inside the header")
    size = Cursor(head[8:16], order, source.path, 8).u64()
    if size == PIPE_HEADER_SIZE:
        whole = Section(PIPE_HEADER_SIZE, source.size - PIPE_HEADER_SIZE)
        return Header(order, True, 0, Section(0, 0), whole, ())
    if size < _OLDEST_HEADER_SIZE or size > source.size + FILE_HEADER_SIZE:
        expected = f"expected a header of {FILE_HEADER_SIZE} (file) or {PIPE_HEADER_SIZE} (pipe) bytes"
        raise InputError(source.path, f"{expected}, found {size}", offset=8)
    if len(head) < min(size, FILE_HEADER_SIZE):
        raise TruncatedError(source.path, f"the file ends after {len(head)} bytes, inside the header")
    fields = Struct(order + _FILE_HEADER).unpack(head.ljust(FILE_HEADER_SIZE, b"\0"))
    bitmap = head[_OLDEST_HEADER_SIZE:] if size >= FILE_HEADER_SIZE else b""
    header = Header(
        order=order,
        is_pipe=False,
        attr_size=fields[2],
        attrs=Section(fields[3], fields[4]),
        data=Section(fields[5], fields[6]),
        features=_features(bitmap, order),
    )
    _check(source, header, size)
    return header


def _features(bitmap: bytes, order: str) -> tuple[int, ...]:
    words = [word for (word,) in Struct(order + "Q").iter_unpack(bitmap)]
    if order == ">" and words and not words[0] >> _HOSTNAME_BIT & 1:
        # A 32-bit big-endian recorder writes the bitmap as 32-bit words (header.c: perf_file_header__read).
        halves = [half for (half,) in Struct(">I").iter_unpack(bitmap)]
        words = [halves[i] | halves[i + 1] << 32 for i in range(0, len(halves), 2)]
    return tuple(64 * place + bit for place, word in enumerate(words) for bit in range(64) if word >> bit & 1)


def _check(source: Source, header: Header, header_size: int) -> None:
    attrs, data = header.attrs, header.data
    if header.attr_size < SIZE_VER0 + _SECTION.size or header.attr_size > source.size:
        problem = f"expected attrs of {SIZE_VER0 + _SECTION.size} bytes or more, found {header.attr_size}"
        raise InputError(source.path, problem, offset=16)
    for name, section, at in (("attrs", attrs, 24), ("data", data, 40)):
        where = f"the {name} section is said to start at byte {section.offset}"
        if section.offset < min(header_size, FILE_HEADER_SIZE):
            raise InputError(source.path, f"{where}, inside the header", offset=at)
        if section.offset > source.size:
            raise TruncatedError(source.path, f"{where} of a file of {source.size}", offset=at)
        if name == "attrs" and section.end > source.size:
            problem = f"the file ends inside the attrs section ({section.size} bytes)"
            raise TruncatedError(source.path, problem, offset=section.offset)
    if attrs.size < header.attr_size:
        problem = f"the attrs section has {attrs.size} bytes, one event needs {header.attr_size}"
        raise InputError(source.path, problem, offset=32)
    if attrs.offset < min(data.end, source.size) and data.offset < attrs.end:
        raise InputError(source.path, "the attrs and data sections overlap", offset=24)


def read_attrs(source: Source, header: Header) -> list[tuple[Attr, list[int]]]:
    """Every event of a file with the ids that its records carry. Ids that lie outside of the file are left out."""
    data = source.read(header.attrs.offset, header.attrs.size, "attrs section")
    cursor = Cursor(data, header.order, source.path, header.attrs.offset)
    attrs = []
    budget = source.size
    while cursor.left >= header.attr_size:
        # The pair of the ids stands at the end of the entry, wherever the attr ends (newer perf: longer attrs).
        attr = read_attr(cursor, header.attr_size - _SECTION.size)
        offset, size = cursor.u64(), cursor.u64()
        ids: list[int] = []
        if 0 < size <= budget and offset + size <= source.size:
            budget -= size
            ids = Cursor(source.read(offset, size, "event ids"), header.order, source.path, offset).u64s(size // 8)
        attrs.append((attr, ids))
    return attrs


def second_recording(path: str, offset: int) -> InputError:
    """The error for a header where a record should start: files or pipes that were written one behind the other."""
    return InputError(
        path,
        "a second recording starts inside this file; recordings were written one behind the other",
        offset=offset,
        hint="split the file at this byte and read the parts one by one",
    )


def is_killed(source: Source, header: Header) -> bool:
    """True when the recorder never came to write sizes and features.

    It then left ``data.size`` 0. A recording without any record looks alike, but has its feature table right there, and perf writes
    the first feature behind the table.
    """
    if header.is_pipe or header.data.size:
        return False
    if not header.features or header.data.offset == source.size:
        return header.data.offset < source.size
    table_size = len(header.features) * _SECTION.size
    if header.data.offset + table_size > source.size:
        return True
    first = Cursor(source.read(header.data.offset, 8, "feature table"), header.order, source.path).u64()
    return first != header.data.offset + table_size


def read_feature_table(source: Source, header: Header) -> dict[int, Section]:
    """Where each feature is: one entry per set bit, known or not, behind the data section. A table that is cut has fewer entries."""
    at = header.data.end
    count = min(len(header.features), max(source.size - at, 0) // _SECTION.size)
    data = source.read(at, count * _SECTION.size, "feature table") if count else b""
    cursor = Cursor(data, header.order, source.path, at)
    return {bit: Section(cursor.u64(), cursor.u64()) for bit in header.features[:count]}
