"""What a reader of a text knows so far, from line to line and from block to block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cowtrace.parsers.ftracetext.calls import Calls
from cowtrace.parsers.ftracetext.known import KNOWN
from cowtrace.parsers.ftracetext.message import stack_shape
from cowtrace.parsers.ftracetext.pieces import Builder, encode
from cowtrace.parsers.ftracetext.shapes import FUNCTION, TEXT, Shape, Shapes, slots_of

#: No recording has more instances; garbage that looks like their names might.
_INSTANCES_MAX = 1024
_OVERFULL = Shape("other", slots_of(("text",), TEXT))


@dataclass(slots=True)
class State:
    """Facts and counters.

    Attributes:
        calls: Functions and who is in which call.
        shapes: Events so far.
        comms: Last name of each task by tid.
        changes: Names of tasks that lines show under more than one: time, tid, name.
        renamed: tids with changes.
        tgids: tgid by tid.
        instances: Names of instances by number; the first is the top buffer.
        lost: Losses of the block: place of the line, CPU, number or -1.
        line_count: Lines so far; also the clock of texts without times.
        damaged_count: Lines that belong to nothing.
    """

    calls: Calls
    shapes: Shapes = field(default_factory=Shapes)
    comms: dict[int, bytes] = field(default_factory=dict)
    changes: list[tuple[int, int, bytes]] = field(default_factory=list)
    renamed: set[int] = field(default_factory=set)
    _told: set[int] = field(default_factory=set)
    tgids: dict[int, int] = field(default_factory=dict)
    instances: list[str] = field(default_factory=lambda: [""])
    lost: list[tuple[int, int, int]] = field(default_factory=list)
    line_count: int = 0
    damaged_count: int = 0

    def instance(self, name: str) -> int:
        """Number of an instance."""
        if name not in self.instances:
            if len(self.instances) >= _INSTANCES_MAX:
                return 0
            self.instances.append(name)
        return self.instances.index(name)

    def meet(self, tid: int, tgid: int, comm: bytes | None, ts_ns: int) -> None:
        """Note what a line says about its task."""
        if tgid >= 0:
            self.tgids[tid] = tgid
        if comm is None or tid <= 0:
            return
        known = self.comms.get(tid)
        if known != comm:
            if known is not None:
                if tid not in self._told:
                    self._told.add(tid)
                    self.renamed.add(tid)
                    self.changes.append((-1, tid, known))
                self.changes.append((ts_ns, tid, comm))
            self.comms[tid] = comm

    def emit(self, builder: Builder, place: int, ts_ns: int, event: tuple[Shape, Sequence[Any]], tid: int, cpu: int, instance: int) -> None:
        """Add one event to a block."""
        shape, found = event
        if self.shapes.is_full and not self.shapes.has(shape, self.instances[instance]):
            shape, found = _OVERFULL, [shape.name.encode()]
        number = self.number(shape, instance)
        if shape.has_function:
            found = [self.calls.number(value) if slot.kind == FUNCTION else value for slot, value in zip(shape.slots, found, strict=True)]
        builder.add(place, ts_ns, number, encode(number, shape, found, tid, cpu, instance))

    def told_changes(self) -> list[tuple[int, int, bytes]]:
        """``changes`` in the order of time, each told once."""
        found: list[tuple[int, int, bytes]] = []
        for change in sorted(self.changes, key=lambda change: (change[1], change[0])):
            if not found or found[-1][1:] != change[1:]:
                found.append(change)
        return found

    def number(self, shape: Shape, instance: int) -> int:
        """Number of an event. The usual form of an event gets its number first, in the top buffer: others read the first of a name."""
        name = self.instances[instance]
        if not self.shapes.has(shape, name):
            known = KNOWN.get(shape.name)
            usual = known.shape if known is not None else stack_shape(shape)
            for buffer in dict.fromkeys(("", name)):
                if usual is not None:
                    self.shapes.number(usual, buffer)
        return self.shapes.number(shape, name)
