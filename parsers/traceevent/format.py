"""The text of ``events/SYSTEM/EVENT/format``: number, name and fields of a trace event.

Source: kernel/trace/trace_events.c (f_show). Offsets, sizes and signs are what counts; the C type is only read for its array marks.
The print format is not evaluated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from cowtrace.parsers.base import FieldDesc

_ID = re.compile(r"^ID:\s*(\d{1,9})\s*$")
# "\tfield:unsigned long address;\toffset:8;\tsize:8;\tsigned:0;"
_FIELD = re.compile(
    r"^\s*field:(?P<decl>[^;]{1,1024});\s*offset:(?P<offset>\d{1,9});\s*size:(?P<size>\d{1,9});(?:\s*signed:(?P<signed>\d);)?"
)
# "char comm[16]", "const char * filename", "__data_loc char[] name", "int values[][2]"
_DECL = re.compile(r"^(?P<type>.*?)(?P<name>[A-Za-z_]\w*)\s*(?P<dims>(?:\[[^\]]*\])*)\s*$")
_ELEMENT_SIZES = {
    1: ("char", "u8", "s8", "__u8", "__s8", "uint8_t", "int8_t", "bool", "unsigned char", "signed char"),
    2: ("short", "u16", "s16", "__u16", "__s16", "uint16_t", "int16_t", "unsigned short", "__be16", "__le16"),
    4: ("int", "u32", "s32", "__u32", "__s32", "uint32_t", "int32_t", "unsigned int", "unsigned", "__be32", "__le32"),
    8: ("u64", "s64", "__u64", "__s64", "uint64_t", "int64_t", "unsigned long long", "long long", "__be64", "__le64"),
}
_SIZE_BY_TYPE = {name: size for size, names in _ELEMENT_SIZES.items() for name in names}
_LONGS = ("long", "unsigned long", "size_t", "ssize_t")
#: No format has more fields; a text with more is not a format.
_MAX_FIELDS = 1024
_MAX_DECLARATION = 256

Kind = Literal["int", "array", "string", "data_loc", "rel_loc"]


@dataclass(frozen=True, slots=True)
class TraceFormat:
    """One trace event.

    Attributes:
        system: ``exceptions``.
        name: ``page_fault_user``.
        id: The number in ``common_type``; changes from boot to boot.
        fields: Common fields first, as in the text.
    """

    system: str
    name: str
    id: int
    fields: tuple[FieldDesc, ...]


def parse_format(text: str, system: str, long_size: int = 8) -> TraceFormat | None:
    """The event that a format text describes; None when it has no name or number."""
    name, number = "", None
    for line in text.splitlines():
        if line.startswith("name:"):
            name = line[5:].strip()
        elif match := _ID.match(line):
            number = int(match[1])
    return TraceFormat(system, name, number, parse_fields(text, long_size)) if name and number is not None else None


def parse_fields(text: str, long_size: int = 8) -> tuple[FieldDesc, ...]:
    """The fields that a text describes in the kernel's manner, in its order; ``long_size`` is that of the kernel."""
    matches = (match for line in text.splitlines() if (match := _FIELD.match(line)))
    fields = (_field(match, long_size) for match in islice(matches, _MAX_FIELDS))
    return tuple(field for field in fields if field is not None)


def _field(match: re.Match[str], long_size: int) -> FieldDesc | None:
    decl = _DECL.match(match["decl"].strip()) if len(match["decl"]) <= _MAX_DECLARATION else None
    offset, size = int(match["offset"]), int(match["size"])
    if decl is None or max(offset, size) > 0xFFFF:
        return None
    kind, element = _kind(decl["type"].strip(), decl["dims"], size, long_size)
    return FieldDesc(
        name=decl["name"],
        type=(decl["type"].strip() + decl["dims"]).strip(),
        offset=offset,
        size=size,
        signed=match["signed"] == "1",
        kind=kind,
        element_size=element,
    )


def _kind(c_type: str, dims: str, size: int, long_size: int) -> tuple[Kind, int]:
    for prefix, kind in (("__data_loc", "data_loc"), ("__rel_loc", "rel_loc")):
        if c_type.startswith(prefix):
            inner = c_type[len(prefix) :].replace("[]", "").strip()
            # A location is a u32 whatever the text says.
            return ("data_loc" if kind == "data_loc" else "rel_loc"), _size_of(inner, long_size) or 1
    plain = c_type.removeprefix("const ").strip()
    if dims:
        if plain == "char":
            return "string", 1
        counts = re.findall(r"\[(\d{1,9})\]", dims)
        count = int(counts[0]) if len(counts) == 1 and dims.count("[") == 1 else 0
        if count and size % count == 0 and size // count in (1, 2, 4, 8):
            return "array", size // count
        element = _size_of(plain, long_size) or 1
        return "array", element if size % element == 0 else 1
    return ("int", size) if size in (1, 2, 4, 8) else ("array", 1)


def _size_of(c_type: str, long_size: int) -> int | None:
    if c_type.endswith("*") or c_type in _LONGS:
        return long_size
    return _SIZE_BY_TYPE.get(c_type)
