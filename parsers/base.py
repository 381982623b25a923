"""What every reader of a recording gives: facts about the source, side-band tables, and batches of events in time order.

A reader is used twice over the same file: once for the side band (small: process and mapping history, losses), then for the
events, in bounded batches. Nothing here knows a file format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

Array = npt.NDArray[Any]

#: Columns that a batch may carry. A column that no event of the recording has is absent from ``EventBatch.columns``.
#: An event without it holds the default in its rows (0; -1 for ts_ns, tgid, tid and cpu); ``EventDesc.columns`` tells.
BATCH_DTYPES: dict[str, np.dtype[Any]] = {
    "ts_ns": np.dtype(np.int64),  # -1: the event has no time
    "tgid": np.dtype(np.int32),  # perf's pid; -1: already reaped or not recorded
    "tid": np.dtype(np.int32),
    "cpu": np.dtype(np.int32),  # -1: not recorded
    "ip": np.dtype(np.uint64),
    "addr": np.dtype(np.uint64),
    "period": np.dtype(np.int64),
    "phys_addr": np.dtype(np.uint64),  # 0: not mapped, or no page behind the entry (zero page)
    "data_page_size": np.dtype(np.int64),  # 0: not mapped
    "cgroup_id": np.dtype(np.uint64),
    "cpumode": np.dtype(np.uint8),  # 1 kernel, 2 user, 3 hypervisor, 4 guest kernel, 5 guest user
}


#: Modifier letters that perf appends to an event name after a colon (tools/perf/Documentation/perf-list.txt).
_MODIFIERS = frozenset("ukhGHpPISDWeb")


@dataclass(frozen=True, slots=True)
class FieldDesc:
    """One field of a tracepoint payload, as its format text says it.

    Attributes:
        name: Field name, e.g. ``error_code``.
        type: C type text, for display only; decoding uses the numbers.
        offset: Bytes from the start of the payload.
        size: Bytes; 0 = to the end of the payload.
        signed: Two's complement when True.
        kind: ``int``; ``array`` (of ints of ``element_size``); ``string`` (NUL padded chars); ``data_loc`` and ``rel_loc`` (dynamic).
        element_size: Bytes of one element of an array or a dynamic array; otherwise ``size``.
    """

    name: str
    type: str
    offset: int
    size: int
    signed: bool
    kind: Literal["int", "array", "string", "data_loc", "rel_loc"]
    element_size: int


@dataclass(frozen=True, slots=True)
class EventDesc:
    """One event of a recording (a perf attr, an ftrace event type).

    Attributes:
        index: The number that ``EventBatch.event`` uses.
        name: As recorded: ``page-faults``, ``page-faults:u``, ``exceptions:page_fault_user``.
        columns: The columns of ``BATCH_DTYPES`` that this event records.
        fields: Payload fields of a tracepoint, empty for others.
        has_callchain: Samples carry a call chain.
        period: Fixed sample period; None when the recorder adjusts it (``-F``).
        instance: ftrace instance; "" for the top buffer and for perf.
        hidden: Carries side-band records only (perf's dummy event): not an event for users.
        source: Number of its recording among several that are read as one.
    """

    index: int
    name: str
    columns: frozenset[str]
    fields: tuple[FieldDesc, ...] = ()
    has_callchain: bool = False
    period: int | None = 1
    instance: str = ""
    hidden: bool = False
    source: int = 0

    @property
    def base_name(self) -> str:
        """The name without perf's modifiers: ``page-faults:u -> page-faults``."""
        head, _, tail = self.name.rpartition(":")
        return head if head and tail and set(tail) <= _MODIFIERS else self.name

    def find_field(self, name: str) -> FieldDesc | None:
        """A payload field by its name; ``args[2]`` is an element of an array, as a field of its own. None without it."""
        array, _, rest = name.partition("[")
        for known in self.fields:
            if known.name == name:
                return known
            if known.kind == "array" and known.name == array and rest[:-1].isdigit() and known.element_size in (1, 2, 4, 8):
                size, place = known.element_size, int(rest[:-1])
                if (place + 1) * size <= known.size:
                    return FieldDesc(name, known.type, known.offset + place * size, size, known.signed, "int", size)
        return None


class EventBatch(Protocol):
    """Events of one stretch of time, in time order; equal times keep file order. All arrays have length ``count``."""

    count: int
    columns: dict[str, Array]
    event: npt.NDArray[np.uint16]

    def rows(self, event: int) -> npt.NDArray[np.int64]:
        """Row numbers of one event, ascending."""
        ...

    def field(self, event: int, name: str) -> Array:
        """Values of an ``int`` payload field or of an element of an array (``args[2]``), one for each of ``rows(event)``."""
        ...

    def field_values(self, event: int, name: str) -> list[Any]:
        """Values of any payload field as Python objects (int, bytes, list of int); for display, not for hot paths."""
        ...

    def chains(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
        """Call chains as ``(offsets[count + 1], ips)``, context markers included; an event without one has an empty slice."""
        ...


@dataclass(frozen=True, slots=True)
class Note:
    """Something a user should know about a source: a loss, a repair, an assumption. ``count`` 1 = a plain remark."""

    text: str
    count: int = 1


@dataclass(slots=True)
class SourceInfo:
    """Facts about one input file or folder; everything unknown stays None."""

    path: str
    format: str
    size_bytes: int = 0
    sha256: str = ""
    recorder: str | None = None  # e.g. "perf 6.1.187"
    hostname: str | None = None
    kernel_release: str | None = None
    arch: str | None = None
    page_size: int | None = None
    cpu_desc: str | None = None
    cpu_count: int | None = None
    total_mem_bytes: int | None = None
    cmdline: list[str] | None = None
    clock: str | None = None  # "mono", "mono_raw", "boot", "tai", "realtime", "perf", "local", ...
    wall_offset_ns: int | None = None  # add to ts_ns for nanoseconds since 1970
    first_ns: int | None = None
    last_ns: int | None = None
    records_read: int = 0
    records_unknown: int = 0
    records_damaged: int = 0
    bytes_unread: int = 0
    records_by_type: dict[str, int] = field(default_factory=dict)
    features: dict[str, Any] = field(default_factory=dict)  # everything else the header says, JSON-able
    notes: list[Note] = field(default_factory=list)


@dataclass(slots=True)
class SideBand:
    """Process and mapping history of a recording: small tables, in file order.

    ``seq`` (int64) is the position in the file; ``ts_ns`` is -1 for records synthesized at the start. Names are raw bytes (``pl.Binary``).

    Attributes:
        comm: seq, ts_ns, tgid, tid, comm, is_exec
        fork: seq, ts_ns, tgid, parent_tgid, tid, parent_tid
        exit: seq, ts_ns, tgid, parent_tgid, tid, parent_tid
        mmap: seq, ts_ns, tgid, tid, start_addr, size_bytes, pgoff, dev, inode, build_id, prot, flags, path, is_data
            (dev as "maj:min", prot/flags as in mmap(2); all four NULL for old MMAP records; build_id as hex)
        cgroup: seq, ts_ns, cgroup_id, path
        lost: seq, ts_ns, cpu, event, reason ("lost", "lost_samples", "throttle", "dropped"), lost_events
        other: seq, ts_ns, type, type_name, misc, offset, payload (raw rows: records that no table above takes and that are not bulk)
    """

    comm: pl.DataFrame
    fork: pl.DataFrame
    exit: pl.DataFrame
    mmap: pl.DataFrame
    cgroup: pl.DataFrame
    lost: pl.DataFrame
    other: pl.DataFrame

    @classmethod
    def empty(cls) -> SideBand:
        """All tables with their columns and no rows."""
        return cls(**{name: pl.DataFrame(schema=schema) for name, schema in SIDE_BAND_SCHEMAS.items()})


_AT: dict[str, Any] = {"seq": pl.Int64, "ts_ns": pl.Int64}
_TASK: dict[str, Any] = {"tgid": pl.Int32, "parent_tgid": pl.Int32, "tid": pl.Int32, "parent_tid": pl.Int32}
SIDE_BAND_SCHEMAS: dict[str, dict[str, Any]] = {
    "comm": {**_AT, "tgid": pl.Int32, "tid": pl.Int32, "comm": pl.Binary, "is_exec": pl.Boolean},
    "fork": {**_AT, **_TASK},
    "exit": {**_AT, **_TASK},
    "mmap": {
        **_AT,
        "tgid": pl.Int32,
        "tid": pl.Int32,
        "start_addr": pl.UInt64,
        "size_bytes": pl.UInt64,
        "pgoff": pl.UInt64,
        "dev": pl.String,
        "inode": pl.UInt64,
        "build_id": pl.String,
        "prot": pl.UInt32,
        "flags": pl.UInt32,
        "path": pl.Binary,
        "is_data": pl.Boolean,
    },
    "cgroup": {**_AT, "cgroup_id": pl.UInt64, "path": pl.Binary},
    "lost": {**_AT, "cpu": pl.Int32, "event": pl.Int32, "reason": pl.String, "lost_events": pl.Int64},
    "other": {
        **_AT,
        "type": pl.UInt32,
        "type_name": pl.String,
        "misc": pl.UInt16,
        "offset": pl.Int64,
        "payload": pl.Binary,
    },
}


class Recording(Protocol):
    """An opened recording of any format."""

    info: SourceInfo
    events: Sequence[EventDesc]

    def side_band(self) -> SideBand:
        """Read the side band; also completes ``info`` (counts, times, notes)."""
        ...

    def function_names(self, values: Array, *, within_bytes: int = ...) -> list[str]:
        """Name of the kernel function at each address (a field ``func`` or ``__probe_ip``, a frame of a chain); ``0x…`` without a name.

        Names are the symbol's: compiler suffixes and ``[module]`` included. ``within_bytes``: how far behind its symbol an address may lie.
        """
        ...

    def batches(self) -> Iterator[EventBatch]:
        """Events in time order, in batches of bounded size; the last event of a batch is never later than the next batch's first."""
        ...


class Format(Protocol):
    """One registry line: how to recognise and open a format."""

    name: str

    def sniff(self, head: bytes) -> bool:
        """True when the first bytes (up to 4 KiB) are of this format."""
        ...
