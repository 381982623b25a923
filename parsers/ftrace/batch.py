"""Events of one stretch of time, decoded from the payloads in one buffer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.base import EventDesc, FieldDesc
from cowtrace.parsers.ftrace.order import Run
from cowtrace.parsers.ftrace.stacks import chains
from cowtrace.parsers.words import Array, Index


class TraceBatch:
    """``EventBatch`` of ftrace recordings: columns at once, payload fields and call chains when asked for.

    Args:
        run: The events.
        descs: Their descriptions.
        columns: Decoded columns.
    """

    def __init__(self, run: Run, descs: Sequence[EventDesc], columns: dict[str, Array]) -> None:
        self.count = len(run.rows)
        self.columns = columns
        self.event: npt.NDArray[np.uint16] = run.rows.event
        self._run = run
        self._descs = descs
        self._by_event: tuple[Index, Index] | None = None

    def rows(self, event: int) -> Index:
        """Row numbers of one event, ascending."""
        if self._by_event is None:
            order = np.argsort(self.event, kind="stable")
            self._by_event = order, np.searchsorted(self.event[order], np.arange(len(self._descs) + 1))
        order, starts = self._by_event
        return order[starts[event] : starts[event + 1]] if 0 <= event < len(self._descs) else np.empty(0, np.int64)

    def field(self, event: int, name: str) -> Array:
        """Values of an ``int`` payload field, one for each of ``rows(event)``; 0 where a payload is too short.

        Raises:
            KeyError: The event has no such field.
        """
        return self._run.rows.payloads(self.rows(event)).ints(_field(self._descs[event], name))

    def field_values(self, event: int, name: str) -> list[Any]:
        """Values of any payload field as Python objects; for display.

        Raises:
            KeyError: The event has no such field.
        """
        return self._run.rows.payloads(self.rows(event)).values(_field(self._descs[event], name))

    def chains(self) -> tuple[Index, npt.NDArray[np.uint64]]:
        """Call chains as ``(offsets[count + 1], ips)``, context markers included."""
        return chains(self._run.rows.words, self._descs, self.count, self._run.stacks)


def _field(desc: EventDesc, name: str) -> FieldDesc:
    field = desc.find_field(name)
    if field is None:
        raise KeyError(f"{desc.name} has no field {name!r}; it has: {', '.join(each.name for each in desc.fields) or 'none'}")
    return field
