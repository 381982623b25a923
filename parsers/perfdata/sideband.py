"""Records that tell the history of processes, mappings and losses, decoded by type and whole blocks at a time.

Source: include/uapi/linux/perf_event.h (struct sample_id: what every kernel record but SAMPLE ends in).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from cowtrace.parsers.base import SIDE_BAND_SCHEMAS, SideBand
from cowtrace.parsers.perfdata import records as rec
from cowtrace.parsers.perfdata.samples import UNKNOWN, SampleDecoder
from cowtrace.parsers.perfdata.tables import TABLES, Rows, binary_series
from cowtrace.parsers.source import Bytes
from cowtrace.parsers.words import Index, Words, pack, ragged_index

#: No rows in ``other``: samples, marks without content, and what the header was built from.
_BULK = (
    rec.SAMPLE,
    rec.FINISHED_ROUND,
    rec.FINISHED_INIT,
    rec.HEADER_ATTR,
    rec.HEADER_FEATURE,
    rec.HEADER_TRACING_DATA,
    rec.HEADER_BUILD_ID,
)
#: Bytes of records that are decoded together.
_DECODE_BYTES = 8 << 20
Types = npt.NDArray[np.uint32]

#: Raw rows are kept up to this many bytes; then they are only counted.
_OTHER_BYTES_MAX = 64 << 20
#: Memory of a raw row without its payload.
_ROW_BYTES = 64


@dataclass(frozen=True, slots=True)
class Records:
    """Records in a buffer.

    Attributes:
        starts: Byte of each in the buffer.
        sizes: Bytes of each.
        types: Type of each.
        seq: Position of each in the recording.
        source_at: Byte of each in its file.
    """

    starts: Index
    sizes: Index
    types: Types
    seq: Index
    source_at: Index

    def some(self, mask: npt.NDArray[np.bool_]) -> Records:
        """The records of a mask."""
        return Records(self.starts[mask], self.sizes[mask], self.types[mask], self.seq[mask], self.source_at[mask])

    @classmethod
    def join(cls, parts: Sequence[Records], sizes: Sequence[int]) -> Records:
        """Records of buffers of ``sizes`` bytes that were put one behind the other."""
        shifts = np.repeat(np.cumsum([0, *sizes[:-1]]), [len(part.starts) for part in parts])
        starts = np.concatenate([part.starts for part in parts]) + shifts
        columns = (np.concatenate([getattr(part, name) for part in parts]) for name in ("sizes", "types", "seq", "source_at"))
        return cls(starts, *columns)


class SideBandBuilder:
    """Collects the side band of a recording, block by block.

    Attributes:
        damaged_count: Records that were too short for their type.
        other_dropped: Raw rows that were only counted.
    """

    def __init__(self, decoder: SampleDecoder, order: str) -> None:
        self.damaged_count = 0
        self.other_dropped = 0
        self._decoder = decoder
        self._order = order
        self._waiting: list[tuple[Bytes, Records]] = []
        self._waiting_bytes = 0
        self._other_bytes = 0
        self._tables: dict[str, list[pl.DataFrame]] = {name: [] for name in SIDE_BAND_SCHEMAS}

    def add(self, words: Words, records: Records) -> None:
        """Take in records that are no samples."""
        some = ~np.isin(records.types, _BULK)
        if not some.all():
            records = records.some(some)
        if len(records.starts):
            packed, at = pack(words, records.starts, records.sizes)
            self._waiting.append((packed.u8[: packed.size], replace(records, starts=at)))
            self._waiting_bytes += packed.size
            if self._waiting_bytes >= _DECODE_BYTES:
                self._decode()

    def _decode(self) -> None:
        """Decode what waits: records of many blocks at once."""
        data, records = zip(*self._waiting, strict=True)
        words = Words.empty(self._waiting_bytes, self._order)
        words.u8[: words.size] = np.concatenate(data)
        self._waiting, self._waiting_bytes = [], 0
        joined = Records.join(records, [len(part) for part in data])
        for kind, table in TABLES.items():
            rows = self._rows(words, joined.some(joined.types == kind), of_kernel=kind < rec.USER_TYPE_START)
            long_enough = rows.sizes >= table.fixed_bytes + rows.id_bytes
            if not long_enough.all():
                self.damaged_count += int((~long_enough).sum())
                rows = rows.some(long_enough)
            if len(rows.at):
                self._append(table.name, rows, table.decode(rows, self._decoder))
        others = joined.some(~np.isin(joined.types, list(TABLES)))
        for of_kernel in (True, False):
            some = others.some((others.types < rec.USER_TYPE_START) == of_kernel)
            self._add_other(self._rows(words, some, of_kernel=of_kernel), some.types)

    def _rows(self, words: Words, records: Records, *, of_kernel: bool) -> Rows:
        sizes, at = records.sizes, records.starts >> 3
        count = len(at)
        ts_ns, id_bytes = np.full(count, -1, np.int64), np.zeros(count, np.int64)
        cpu, event = np.full(count, -1, np.int32), np.full(count, UNKNOWN, np.int32)
        if of_kernel:
            ends = (records.starts + sizes) >> 3
            for rows, back, id_words in self._id_groups(words, ends):
                fits = sizes[rows] >= 8 * (1 + id_words)
                end = ends[rows]
                id_bytes[rows] = 8 * id_words
                if "time" in back:
                    time = words.take64(end - back["time"]).view(np.int64)
                    ts_ns[rows] = np.where(fits & (time > 0), time, -1)
                if "cpu" in back:
                    cpu[rows] = np.where(fits, words.take32((end - back["cpu"]) * 2).view(np.int32), -1)
                place = back.get("identifier", back.get("id"))
                if place is not None:
                    event[rows] = np.where(fits, self._decoder.event_of_ids(words.take64(end - place)), UNKNOWN)
        if len(self._decoder.attrs) == 1:
            event[:] = 0
        misc = words.take16(at * 4 + 2)
        return Rows(words, at, sizes, misc, records.seq, ts_ns, cpu, event, id_bytes, records.source_at)

    def _id_groups(self, words: Words, ends: Index) -> list[tuple[Any, dict[str, int], int]]:
        """Rows by form of their sample_id. All events of a recording share one, so far as perf makes them."""
        layouts = [layout for layout in self._decoder.layouts if layout is not None]
        forms = {tuple(layout.id_back.items()): layout for layout in layouts}
        if not forms:
            return []
        if len(forms) == 1:
            return [(slice(None), layouts[0].id_back, layouts[0].id_words)]
        places = {layout.id_back.get("identifier", layout.id_back.get("id")) for layout in layouts}
        place = places.pop() if len(places) == 1 else None
        if place is None:
            return []
        event = self._decoder.event_of_ids(words.take64(ends - place))
        groups = []
        for layout in forms.values():
            number = self._decoder.layouts.index(layout)
            rows = np.flatnonzero((event != UNKNOWN) & (np.take(self._decoder.layout_codes, event, mode="clip") == number))
            groups.append((rows, layout.id_back, layout.id_words))
        return groups

    def _append(self, table: str, rows: Rows, columns: dict[str, Any]) -> None:
        schema = SIDE_BAND_SCHEMAS[table]
        frame = pl.DataFrame({"seq": rows.seq, "ts_ns": rows.ts_ns, **columns})
        self._tables[table].append(frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items()))

    def _add_other(self, rows: Rows, types: Types) -> None:
        if not len(types):
            return
        memory = rows.sizes + _ROW_BYTES
        room = np.cumsum(memory) <= _OTHER_BYTES_MAX - self._other_bytes
        if not room.all():
            self.other_dropped += int((~room).sum())
            rows, types = rows.some(room), types[room]
        self._other_bytes += int(memory[room].sum())
        index, offsets = ragged_index(rows.at * 8 + 8, rows.sizes - 8)
        kinds, places = np.unique(types, return_inverse=True)
        columns = {
            "type": types,
            "type_name": pl.Series([rec.type_name(kind) for kind in kinds.tolist()]).gather(pl.Series(places)),
            "misc": rows.misc,
            "offset": rows.source_at,
            "payload": binary_series(rows.words.take8(index), offsets),
        }
        self._append("other", rows, columns)

    def finish(self) -> SideBand:
        """The tables, rows in file order."""
        if self._waiting:
            self._decode()
        tables = {}
        for name, schema in SIDE_BAND_SCHEMAS.items():
            frames = self._tables[name] or [pl.DataFrame(schema=schema)]
            tables[name] = pl.concat(frames).sort("seq")
        return SideBand(**tables)
