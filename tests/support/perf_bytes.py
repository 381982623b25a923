"""perf.data files from readable lines: attrs, records and features in, bytes out. Little-endian unless told otherwise."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# PERF_SAMPLE_* bits by name, in the order in which the fields stand in a sample (identifier first).
SAMPLE_BITS = {
    "identifier": 16,
    "ip": 0,
    "tid": 1,
    "time": 2,
    "addr": 3,
    "id": 6,
    "stream_id": 9,
    "cpu": 7,
    "period": 8,
    "read": 4,
    "callchain": 5,
    "raw": 10,
    "branch_stack": 11,
    "regs_user": 12,
    "stack_user": 13,
    "weight": 14,
    "data_src": 15,
    "transaction": 17,
    "regs_intr": 18,
    "phys_addr": 19,
    "cgroup": 21,
    "data_page_size": 22,
    "code_page_size": 23,
    "aux": 20,
}
_ID_ORDER = ("tid", "time", "id", "stream_id", "cpu", "identifier")
SAMPLE_ID_ALL, FREQ, INHERIT, USE_CLOCKID = 1 << 18, 1 << 10, 1 << 1, 1 << 25


@dataclass(frozen=True)
class Event:
    """One attr: what it counts and which fields its samples have (space separated names)."""

    fields: str = "ip tid time addr"
    type: int = 1
    config: int = 2
    period: int = 1
    ids: tuple[int, ...] = (101,)
    read_format: int = 0
    flags: int = SAMPLE_ID_ALL
    regs_user: int = 0
    regs_intr: int = 0
    branch: int = 0
    clockid: int = 0
    size: int = 128
    order: str = "<"

    def attr(self) -> bytes:
        """perf_event_attr of ``size`` bytes."""
        sample_type = sum(1 << SAMPLE_BITS[name] for name in self.fields.split())
        flags = self.flags if self.order == "<" else int(f"{self.flags:064b}"[::-1], 2)
        head = struct.pack(
            self.order + "IIQQQQQIIQQQQIiQ",
            *(self.type, self.size, self.config, self.period, sample_type, self.read_format, flags, 0, 0, 0, 0),
            *(self.branch, self.regs_user, 0, self.clockid, self.regs_intr),
        )
        return head[: self.size].ljust(self.size, b"\0")

    def sample(self, misc: int = 2, **values: Any) -> bytes:
        """A SAMPLE record. ``tid`` is (tgid, tid); ``callchain`` a list; ``raw``, ``read`` and the like are bytes as they stand."""
        body = b"".join(self._field(name, values.get(name, 0)) for name in SAMPLE_BITS if name in self.fields.split())
        return record(9, body, misc, self.order)

    def _field(self, name: str, value: Any) -> bytes:
        if isinstance(value, bytes):
            return raw_field(value, self.order) if name == "raw" else value
        if name == "tid":
            return struct.pack(self.order + "ii", *(value or (0, 0)))
        if name == "cpu":
            return struct.pack(self.order + "iI", value, 0)
        if name == "callchain":
            return words(len(value), *value, order=self.order) if value else words(0, order=self.order)
        return words(value, order=self.order)

    def sample_id(self, **values: Any) -> bytes:
        """What other records of this event end in."""
        return b"".join(self._field(name, values.get(name, 0)) for name in _ID_ORDER if name in self.fields.split())


def words(*values: int, order: str = "<") -> bytes:
    """u64 words."""
    return struct.pack(f"{order}{len(values)}Q", *(value % (1 << 64) for value in values))


def raw_field(payload: bytes, order: str = "<") -> bytes:
    """PERF_SAMPLE_RAW: size, payload, padding to a multiple of 8."""
    size = len(payload) + -(4 + len(payload)) % 8
    return struct.pack(order + "I", size) + payload.ljust(size, b"\0")


def record(kind: int, body: bytes = b"", misc: int = 0, order: str = "<") -> bytes:
    """A record of any type."""
    return struct.pack(order + "IHH", kind, misc, 8 + len(body)) + body


def string8(text: bytes) -> bytes:
    """NUL-terminated and padded to 8."""
    return text.ljust(len(text) // 8 * 8 + 8, b"\0")


def comm(tgid: int, tid: int, name: bytes, end: bytes = b"", *, is_exec: bool = False) -> bytes:
    """COMM."""
    return record(3, struct.pack("<ii", tgid, tid) + string8(name) + end, misc=1 << 13 if is_exec else 0)


def task(kind: int, child: tuple[int, int], parent: tuple[int, int], time: int, end: bytes = b"") -> bytes:
    """FORK (7) or EXIT (4); tasks are (tgid, tid)."""
    return record(kind, struct.pack("<iiiiQ", child[0], parent[0], child[1], parent[1], time) + end)


def perf_string(text: str) -> bytes:
    """A string of a feature section."""
    raw = text.encode() + b"\0"
    raw = raw.ljust((len(raw) + 63) // 64 * 64, b"\0")
    return struct.pack("<I", len(raw)) + raw


def event_desc(events: Sequence[tuple[Event, str]]) -> bytes:
    """Feature EVENT_DESC."""
    size = events[0][0].size
    entries = [event.attr() + struct.pack("<I", len(event.ids)) + perf_string(name) + words(*event.ids) for event, name in events]
    return struct.pack("<II", len(events), size) + b"".join(entries)


def perf_file(
    events: Sequence[Event],
    records: Sequence[bytes],
    features: Mapping[int, bytes] | None = None,
    *,
    header_size: int = 104,
    order: str = "<",
) -> bytes:
    """A file: header, ids, attrs, data, features."""
    features = dict(sorted((features or {}).items()))
    data = b"".join(records)
    at, ids, entries = header_size, b"", b""
    for event in events:
        own = words(*event.ids, order=order)
        entries += event.attr() + words(at + len(ids), len(own), order=order)
        ids += own
    attrs_at = at + len(ids)
    data_at = attrs_at + len(entries)
    bitmap = sum(1 << bit for bit in features)
    header = (b"PERFILE2" if order == "<" else b"2ELIFREP") + words(
        *(header_size, events[0].size + 16, attrs_at, len(entries), data_at, len(data), 0, 0),
        *(bitmap >> shift & (1 << 64) - 1 for shift in range(0, 256, 64)),
        order=order,
    )
    table, bodies, at = b"", b"", data_at + len(data) + 16 * len(features)
    for body in features.values():
        table += words(at + len(bodies), len(body), order=order)
        bodies += body
    return header[:header_size] + ids + entries + data + table + bodies


def perf_pipe(events: Sequence[Event], records: Sequence[bytes], features: Mapping[int, bytes] | None = None) -> bytes:
    """A pipe: short header, then records only."""
    head = [record(64, event.attr() + words(*event.ids)) for event in events]
    head += [record(80, words(bit) + body) for bit, body in (features or {}).items()]
    return b"PERFILE2" + words(16) + b"".join([*head, *records])


def write(folder: Path, data: bytes, name: str = "perf.data") -> Path:
    """The bytes in a file."""
    path = folder / name
    path.write_bytes(data)
    return path
