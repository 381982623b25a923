"""What a perf.data file says about itself, from header sections or from the records of a pipe, in one form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cowtrace.errors import InputError
from cowtrace.parsers.cursor import Cursor
from cowtrace.parsers.perfdata import records as rec
from cowtrace.parsers.perfdata.attr import Attr, read_attr
from cowtrace.parsers.perfdata.features import BUILD_ID, TRACING_DATA, Features, build_id_entry
from cowtrace.parsers.perfdata.header import Section
from cowtrace.parsers.perfdata.stream import Block
from cowtrace.parsers.source import Source
from cowtrace.parsers.traceevent.tracing_data import TracingData, parse_tracing_data

#: Longest section that is read; the tracing data of all events of a large kernel is a few MiB.
_SECTION_BYTES_MAX = 64 << 20
_UPDATE_NAME = 2
#: Records that are decoded; a recording has a few for each event, CPU and library.
_RECORDS_MAX = 1 << 17
#: What the head of a pipe is made of.
PIPE_HEAD = (rec.HEADER_ATTR, rec.HEADER_TRACING_DATA, rec.EVENT_UPDATE, rec.HEADER_FEATURE)
#: What a file may add to its header.
FILE_HEAD = (rec.EVENT_UPDATE,)


@dataclass(slots=True)
class Metadata:
    """Collected facts.

    Attributes:
        attrs: Events: attr and ids.
        features: Decoded features.
        tracing: Formats of trace events; None when there are none.
        names: Event names by id, from EVENT_UPDATE records.
        build_ids: From HEADER_BUILD_ID records.
        damaged_count: Records that could not be decoded, or were more than anything needs.
        record_count: Records that were decoded.
    """

    attrs: list[tuple[Attr, list[int]]] = field(default_factory=list)
    features: Features = field(default_factory=Features)
    tracing: TracingData | None = None
    names: dict[int, str] = field(default_factory=dict)
    build_ids: list[dict[str, Any]] = field(default_factory=list)
    damaged_count: int = 0
    record_count: int = 0

    def add_sections(self, source: Source, order: str, table: dict[int, Section]) -> None:
        """Decode the feature sections of a file."""
        for bit, section in table.items():
            if section.end > source.size or section.size > _SECTION_BYTES_MAX:
                self.features.damage(f"feature {bit}: {section.size} bytes at byte {section.offset}, not in the file")
                continue
            data = source.read(section.offset, section.size, f"feature {bit}")
            if bit == TRACING_DATA:
                self._add_tracing(data, source.path, section.offset)
            else:
                self.features.add(bit, Cursor(data, order, source.path, section.offset))
        self.build_ids += self.features.values.pop("build_ids", [])

    def add_records(self, block: Block, kinds: Sequence[int]) -> None:
        """Decode the records of some types in a block."""
        for number in np.flatnonzero(np.isin(block.types, kinds)).tolist():
            kind, size = int(block.types[number]), int(block.sizes[number])
            self.record_count += 1
            if self.record_count > _RECORDS_MAX:
                self.damaged_count += 1
                continue
            start = int(block.starts[number])
            body = block.words.u8[start + 8 : start + size].tobytes()
            at = block.offset + start + 8
            try:
                self._add_record(kind, Cursor(body, block.words.order, block.source.path, at), block, start)
            except InputError:
                self.damaged_count += 1

    def _add_record(self, kind: int, cursor: Cursor, block: Block, start: int) -> None:
        if kind == rec.HEADER_ATTR:
            attr = read_attr(cursor)
            self.attrs.append((attr, cursor.u64s(cursor.left // 8)))
        elif kind == rec.HEADER_TRACING_DATA:
            size = cursor.u32()
            at = cursor.base + len(cursor.data)
            if size:
                data = block.source.read(at, min(size, _SECTION_BYTES_MAX, max(block.source.size - at, 0)), "tracing data")
                self._add_tracing(data, block.source.path, at)
        elif kind == rec.HEADER_BUILD_ID:
            misc = int(block.words.u8[start + 4 : start + 6].tobytes().hex(), 16)
            if cursor.order == "<":
                misc = misc >> 8 | (misc & 0xFF) << 8
            self.build_ids.append(build_id_entry(cursor, misc))
        elif kind == rec.EVENT_UPDATE:
            update, number = cursor.u64(), cursor.u64()
            if update == _UPDATE_NAME:
                self.names[number] = cursor.rest().split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
        elif cursor.left > 8:
            # Without content it is the end mark, whose number another version uses for a feature.
            bit = cursor.u64()
            rest = Cursor(cursor.rest(), cursor.order, cursor.path, cursor.base + 8)
            if bit == BUILD_ID:
                self.features.add(bit, rest)
                self.build_ids += self.features.values.pop("build_ids", [])
            else:
                self.features.add(bit, rest)

    def _add_tracing(self, data: bytes, path: str, offset: int) -> None:
        try:
            self.tracing = parse_tracing_data(data, path, offset)
        except InputError as error:
            self.features.damage(f"tracing_data: {error.problem}")
