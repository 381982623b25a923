"""One decoder per record type of the side band: from aligned records to columns of ``SideBand`` tables.

Source: include/uapi/linux/perf_event.h (enum perf_event_type).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from cowtrace.parsers.perfdata import records as rec
from cowtrace.parsers.perfdata.samples import SampleDecoder
from cowtrace.parsers.words import Array, Index, Words, cut_strings


@dataclass(frozen=True, slots=True)
class Rows:
    """Records of one type in one block, 8-byte aligned.

    Attributes:
        words: Buffer.
        at: Word of each header.
        sizes: Bytes of each record.
        misc: ``misc`` of each.
        seq: Number of each record in the recording.
        ts_ns: Time from the sample_id; -1 without one.
        cpu: CPU from the sample_id; -1 without one.
        event: Event from the sample_id; ``UNKNOWN`` without one.
        id_bytes: Bytes of each record's sample_id.
        source_at: Byte of each record in the file.
    """

    words: Words
    at: Index
    sizes: Index
    misc: npt.NDArray[np.uint16]
    seq: Index
    ts_ns: Index
    cpu: npt.NDArray[np.int32]
    event: npt.NDArray[np.int32]
    id_bytes: Index
    source_at: Index

    def s32(self, half: int) -> Array:
        """Signed 32-bit number, counted from the header in steps of 4 bytes."""
        return self.words.take32(self.at * 2 + half).view(np.int32)

    def u32(self, half: int) -> Array:
        """Unsigned 32-bit number."""
        return self.words.take32(self.at * 2 + half)

    def u64(self, word: int) -> Array:
        """Unsigned 64-bit number, in steps of 8 bytes."""
        return self.words.take64(self.at + word)

    def s64(self, word: int) -> Array:
        """Signed 64-bit number."""
        return self.u64(word).view(np.int64)

    def strings(self, byte: int) -> pl.Series:
        """NUL-terminated strings from a byte of the record, at most up to its sample_id."""
        data, offsets = cut_strings(self.words, self.at * 8 + byte, self.sizes - byte - self.id_bytes)
        return binary_series(data, offsets)

    def some(self, mask: Array) -> Rows:
        """The rows of a mask."""
        arrays = {name: getattr(self, name)[mask] for name in self.__slots__ if name != "words"}
        return replace(self, **arrays)


def binary_series(data: npt.NDArray[np.uint8], offsets: Index) -> pl.Series:
    """Ragged bytes as a column."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(offsets)), pa.py_buffer(np.ascontiguousarray(data))]
    return pl.Series(_Exported(pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)))


class _Exported:
    """An Arrow array by its C interface alone: taking it as what it is would import pyarrow.compute, for 0.03 s."""

    def __init__(self, array: pa.Array) -> None:
        self._array = array

    def __arrow_c_array__(self, requested_schema: object = None) -> Any:
        return self._array.__arrow_c_array__(requested_schema)


def _comm(rows: Rows, decoder: SampleDecoder) -> dict[str, Any]:
    is_exec = (rows.misc & rec.MISC_COMM_EXEC) != 0
    return {"tgid": rows.s32(2), "tid": rows.s32(3), "comm": rows.strings(16), "is_exec": is_exec}


def _task(rows: Rows, decoder: SampleDecoder) -> dict[str, Any]:
    # FORK and EXIT carry the time in themselves as well, for recordings without sample_id_all.
    own = rows.s64(3)
    ts_ns = np.where((rows.id_bytes == 0) & (own > 0), own, rows.ts_ns)
    ids = {name: rows.s32(2 + place) for place, name in enumerate(("tgid", "parent_tgid", "tid", "parent_tid"))}
    return {**ids, "ts_ns": ts_ns}


def _range(rows: Rows) -> dict[str, Any]:
    return {
        "tgid": rows.s32(2),
        "tid": rows.s32(3),
        "start_addr": rows.u64(2),
        "size_bytes": rows.u64(3),
        "pgoff": rows.u64(4),
        "is_data": (rows.misc & rec.MISC_MMAP_DATA) != 0,
    }


def _mmap(rows: Rows, decoder: SampleDecoder) -> dict[str, Any]:
    nothing = pl.Series([None] * len(rows.at))
    return {**_range(rows), **dict.fromkeys(("dev", "inode", "build_id", "prot", "flags"), nothing), "path": rows.strings(40)}


def _mmap2(rows: Rows, decoder: SampleDecoder) -> dict[str, Any]:
    # The bytes 40-63 are either major, minor, inode and its generation, or a build-id: {u8 size, u8[3], u8 id[20]}.
    has_id = (rows.misc & rec.MISC_MMAP_BUILD_ID) != 0
    return {
        **_range(rows),
        "dev": _devices(rows.u32(10), rows.u32(11), has_id),
        "inode": pl.Series(rows.u64(6)).set(pl.Series(has_id), None),
        "build_id": _build_ids(rows, has_id),
        "prot": rows.u32(16),
        "flags": rows.u32(17),
        "path": rows.strings(72),
    }


def _devices(major: Array, minor: Array, absent: Array) -> pl.Series:
    """``maj:min`` in hexadecimal, as in /proc/PID/maps; NULL where ``absent``."""
    pairs, codes = np.unique(major.astype(np.uint64) << np.uint64(32) | minor, return_inverse=True)
    texts = pl.Series([f"{pair >> 32:02x}:{pair & 0xFFFFFFFF:02x}" for pair in pairs.tolist()], dtype=pl.String)
    return texts.gather(pl.Series(codes)).set(pl.Series(absent), None)


def _build_ids(rows: Rows, has_id: Array) -> pl.Series:
    start = rows.at * 8 + 40
    size = np.where(has_id, np.minimum(rows.words.take8(start), 20), 0)
    content = rows.words.take8(start[:, None] + np.arange(4, 24))
    content[np.arange(20) >= size[:, None]] = 0
    keys = np.ascontiguousarray(np.column_stack([size.astype(np.uint8), content])).view("V21").ravel()
    distinct, codes = np.unique(keys, return_inverse=True)
    texts = [key.tobytes()[1 : 1 + key.tobytes()[0]].hex() or None for key in distinct]
    return pl.Series(texts, dtype=pl.String).gather(pl.Series(codes))


def _cgroup(rows: Rows, decoder: SampleDecoder) -> dict[str, Any]:
    return {"cgroup_id": rows.u64(1), "path": rows.strings(16)}


def _lost(rows: Rows, decoder: SampleDecoder) -> dict[str, Any]:
    event = rows.event if len(decoder.attrs) == 1 else decoder.event_of_ids(rows.u64(1))
    return _loss(rows, event, "lost", rows.s64(2))


def _lost_samples(rows: Rows, decoder: SampleDecoder) -> dict[str, Any]:
    # With this bit a BPF program of the user's dropped them on purpose (perf record --filter).
    by_filter = pl.Series((rows.misc & rec.MISC_LOST_SAMPLES_BPF) != 0)
    reason = pl.select(pl.when(by_filter).then(pl.lit("dropped")).otherwise(pl.lit("lost_samples"))).to_series()
    return _loss(rows, rows.event, reason, rows.s64(1))


def _throttle(rows: Rows, decoder: SampleDecoder) -> dict[str, Any]:
    event = rows.event if len(decoder.attrs) == 1 else decoder.event_of_ids(rows.u64(2))
    own = rows.s64(1)
    ts_ns = np.where((rows.id_bytes == 0) & (own > 0), own, rows.ts_ns)
    return {**_loss(rows, event, "throttle", None), "ts_ns": ts_ns}


def _loss(rows: Rows, event: Array, reason: Any, lost_events: Any) -> dict[str, Any]:
    return {"cpu": rows.cpu, "event": event, "reason": reason, "lost_events": lost_events}


@dataclass(frozen=True, slots=True)
class Table:
    """How one record type becomes rows.

    Attributes:
        name: Table of ``SideBand``.
        fixed_bytes: Header and fixed fields, in front of a string or the sample_id; a shorter record is damaged.
        decode: Columns from rows; a ``ts_ns`` among them replaces the one of the sample_id.
    """

    name: str
    fixed_bytes: int
    decode: Callable[[Rows, SampleDecoder], dict[str, Any]]


TABLES: dict[int, Table] = {
    rec.MMAP: Table("mmap", 8 + 8 + 3 * 8, _mmap),
    rec.LOST: Table("lost", 8 + 2 * 8, _lost),
    rec.COMM: Table("comm", 8 + 8, _comm),
    rec.EXIT: Table("exit", 8 + 4 * 4 + 8, _task),
    rec.THROTTLE: Table("lost", 8 + 3 * 8, _throttle),
    rec.FORK: Table("fork", 8 + 4 * 4 + 8, _task),
    rec.MMAP2: Table("mmap", 8 + 8 + 3 * 8 + 24 + 8, _mmap2),
    rec.LOST_SAMPLES: Table("lost", 8 + 8, _lost_samples),
    rec.CGROUP: Table("cgroup", 8 + 8, _cgroup),
}
