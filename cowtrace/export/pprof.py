"""pprof: a gzipped protocol buffer with copies, bytes and time of every stack.

Source: proto/profile.proto of google/pprof. The few kinds of fields that it needs are written here: the alternative is generated code.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, BinaryIO

from cowtrace.export.stacks import Profile, profile_of

if TYPE_CHECKING:
    from cowtrace.store.reader import Store

#: Sample types in the order of the values: name, unit, column.
_TYPES = (
    ("faults", "count", "fault_count"),
    ("cow_copies", "count", "copy_count"),
    ("cow_bytes", "bytes", "copied_bytes"),
    ("fault_time", "nanoseconds", "duration_ns"),
)


def export(store: Store, out: BinaryIO, measure: str) -> None:
    """Write the profile; ``measure`` becomes the default sample type. Labels tell comm, kind, pid and tid."""
    default = {"faults": "faults", "copies": "cow_copies", "copied_bytes": "cow_bytes", "time": "fault_time"}[measure]
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0, filename="") as packed:
        packed.write(encode(profile_of(store), default))


def encode(profile: Profile, default: str) -> bytes:
    """The message ``Profile``."""
    strings = _Strings()
    message = bytearray()
    for name, unit, _ in _TYPES:
        message += _bytes(1, _int(1, strings.id(name)) + _int(2, strings.id(unit)))
    sums: dict[tuple[int, str, str, int, int], list[int]] = {}
    for sample in profile.samples:
        values = sums.setdefault((sample.stack, sample.comm, sample.kind, sample.tgid, sample.tid), [0] * len(_TYPES))
        for number, (_, _, column) in enumerate(_TYPES):
            values[number] += getattr(sample, column)
    for (stack, comm, kind, tgid, tid), values in sums.items():
        body = _packed(1, [frame + 1 for frame in reversed(profile.tree.path(stack))]) + _packed(2, values)
        for key, text in (("comm", comm), ("kind", kind)):
            body += _bytes(3, _int(1, strings.id(key)) + _int(2, strings.id(text)))
        for key, number in (("pid", tgid), ("tid", tid)):
            body += _bytes(3, _int(1, strings.id(key)) + _int(3, number))
        message += _bytes(2, body)
    for number, name in enumerate(profile.tree.frames, start=1):
        message += _bytes(4, _int(1, number) + _bytes(4, _int(1, number)))  # one location a function
        message += _bytes(5, _int(1, number) + _int(2, strings.id(name)) + _int(3, strings.id(name)))
    default_type = strings.id(default)
    for text in strings.texts:
        message += _bytes(6, text.encode())
    if profile.wall_offset_ns is not None:
        message += _int(9, profile.begin_ns + profile.wall_offset_ns)
    message += _int(10, profile.end_ns - profile.begin_ns) + _int(14, default_type)
    return bytes(message)


class _Strings:
    """The string table; number 0 is empty."""

    def __init__(self) -> None:
        self.texts = [""]
        self._ids = {"": 0}

    def id(self, text: str) -> int:
        number = self._ids.setdefault(text, len(self.texts))
        if number == len(self.texts):
            self.texts.append(text)
        return number


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _int(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _packed(field: int, values: Sequence[int] | Iterable[int]) -> bytes:
    return _bytes(field, b"".join(map(_varint, values)))
