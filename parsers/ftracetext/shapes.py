"""Events that a text turned out to hold, and the layout that their fields get in memory.

A text has no formats, so the reader makes them: every payload starts with a head of 16 bytes (number of the event, tid, CPU, stream), as
binary records do, and then has 8 bytes for each field. What reads binary records then reads these as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from cowtrace.parsers.base import EventDesc, FieldDesc

#: Bytes before the first field.
HEAD_BYTES = 16
#: Kinds of fields: unsigned and signed number, comm of 16 bytes, text, addresses up to the end, function (its name gets a number).
UNSIGNED, SIGNED, COMM, TEXT, ADDRESSES, FUNCTION = "udcsaf"
COMM_BYTES = 16
#: No recording has more events; garbage that looks like events might.
SHAPES_MAX = 8192

_COLUMNS = frozenset({"ts_ns", "tgid", "tid", "cpu"})
_COMMON = (
    FieldDesc("common_type", "unsigned short", 0, 2, False, "int", 2),
    FieldDesc("common_flags", "unsigned char", 2, 1, False, "int", 1),
    FieldDesc("common_preempt_count", "unsigned char", 3, 1, False, "int", 1),
    FieldDesc("common_pid", "int", 4, 4, True, "int", 4),
)
PID = _COMMON[3]
CPU = FieldDesc("cpu", "int", 8, 4, True, "int", 4)
STREAM = FieldDesc("stream", "int", 12, 4, True, "int", 4)


@dataclass(frozen=True, slots=True)
class Slot:
    """One field: its name and kind."""

    name: str
    kind: str


@lru_cache(maxsize=SHAPES_MAX)
def slots_of(names: tuple[str, ...], kinds: str) -> tuple[Slot, ...]:
    """Slots by names and as many kinds."""
    return tuple(Slot(name, kind) for name, kind in zip(names, kinds, strict=True))


@dataclass(frozen=True, eq=False)
class Shape:
    """An event with certain fields.

    Attributes:
        name: With its system in front where that is known.
        slots: Its fields.
        size: Bytes of a payload without what variable fields add.
        has_function: A field is the number of a function.
    """

    name: str
    slots: tuple[Slot, ...]
    size: int = field(init=False)
    has_function: bool = field(init=False)
    _hash: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        widths = (COMM_BYTES if slot.kind == COMM else 8 if slot.kind != ADDRESSES else 0 for slot in self.slots)
        object.__setattr__(self, "size", HEAD_BYTES + sum(widths))
        object.__setattr__(self, "has_function", any(slot.kind == FUNCTION for slot in self.slots))
        # every event asks for the number of its shape
        object.__setattr__(self, "_hash", hash((self.name, self.slots)))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Shape) and self._hash == other._hash and self.name == other.name and self.slots == other.slots


class Shapes:
    """Numbers of shapes, given as they turn up.

    Attributes:
        descs: Their descriptions, by number.
        columns: Columns that the events record.
    """

    def __init__(self, columns: frozenset[str] = _COLUMNS) -> None:
        self.descs: list[EventDesc] = []
        self.columns = columns
        self._numbers: dict[tuple[Shape, str], int] = {}

    @property
    def is_full(self) -> bool:
        """No further shape may be added."""
        return len(self.descs) >= SHAPES_MAX

    def number(self, shape: Shape, instance: str = "") -> int:
        """Number of a shape."""
        known = self._numbers.get((shape, instance))
        if known is None:
            known = self._numbers[shape, instance] = len(self.descs)
            self.descs.append(EventDesc(known, shape.name, self.columns, _fields(shape.slots), instance=instance))
        return known

    def has(self, shape: Shape, instance: str = "") -> bool:
        """Whether a shape has a number already."""
        return (shape, instance) in self._numbers


def _fields(slots: Sequence[Slot]) -> tuple[FieldDesc, ...]:
    fields = list(_COMMON)
    at = HEAD_BYTES
    for slot in slots:
        match slot.kind:
            case "c":
                fields.append(FieldDesc(slot.name, "char[16]", at, COMM_BYTES, False, "string", 1))
                at += COMM_BYTES - 8
            case "s":
                fields.append(FieldDesc(slot.name, "__data_loc char[]", at, 4, False, "data_loc", 1))
            case "a":
                fields.append(FieldDesc(slot.name, "unsigned long[]", at, 0, False, "array", 8))
            case kind:
                signed = kind == SIGNED
                fields.append(FieldDesc(slot.name, "long" if signed else "unsigned long", at, 8, signed, "int", 8))
        at += 8
    return tuple(fields)
