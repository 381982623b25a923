"""Calls of function_graph text as events, named and shaped as the ring buffer has them.

A leaf line is an entry and, right behind it, an exit; ``rettime - calltime`` is the duration, -1 where the text has none. ``func`` is a
number in the table of names; 0 stands for a function that the text does not name (an exit whose entry came before the text begins).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cowtrace.parsers.ftracetext.graph import CLOSE, LEAF, GraphLine
from cowtrace.parsers.ftracetext.shapes import SIGNED, TEXT, UNSIGNED, Shape, slots_of

ENTRY = Shape("ftrace:funcgraph_entry", slots_of(("func", "depth"), UNSIGNED + SIGNED))
_ENTRY_ARGS = Shape("ftrace:funcgraph_entry", slots_of(("func", "depth", "args"), UNSIGNED + SIGNED + TEXT))
_EXIT_NAMES = ("func", "depth", "calltime", "rettime")
EXIT = Shape("ftrace:funcgraph_exit", slots_of(_EXIT_NAMES, UNSIGNED + 3 * SIGNED))
_EXIT_RETVAL = Shape("ftrace:funcgraph_exit", slots_of((*_EXIT_NAMES, "retval"), UNSIGNED + 3 * SIGNED + UNSIGNED))
#: No kernel stack is deeper; garbage may be indented further.
DEPTH_MAX = 4096

Event = tuple[Shape, list[Any]]


@dataclass(slots=True)
class Calls:
    """Names of functions, and who is in which call.

    Attributes:
        names: Name by number; 0 is unknown.
        open: By thread: number of the function by depth.
    """

    names: list[bytes] = field(default_factory=lambda: [b""])
    numbers: dict[bytes, int] = field(default_factory=dict)
    open: dict[tuple[int, int], dict[int, int]] = field(default_factory=dict)

    def number(self, name: bytes) -> int:
        """Number of a function, given when it is first seen."""
        known = self.numbers.get(name)
        if known is None:
            known = self.numbers[name] = len(self.names)
            self.names.append(name)
        return known

    def read(self, line: GraphLine, thread: tuple[int, int], ts_ns: int, emit: Callable[[Event], None]) -> None:
        """One line of a call.

        Args:
            line: Kind LEAF, OPEN or CLOSE.
            thread: Task, or CPU where the task is unknown.
            ts_ns: Time of the line, or the place in order where the text has no times.
            emit: Gets the events.
        """
        depth = min(line.depth, DEPTH_MAX)
        if line.kind == CLOSE:
            stack = self.open.get(thread)
            known = stack.pop(depth, 0) if stack else 0
            func = self.number(line.function) if line.function else known
            emit(self._exit(func, depth, line, ts_ns, ends=True))
            return
        func = self.number(line.function)
        entry = [func, depth]
        emit((ENTRY, entry) if line.args is None else (_ENTRY_ARGS, [*entry, line.args]))
        if line.kind == LEAF:
            emit(self._exit(func, depth, line, ts_ns, ends=False))
        else:
            self.open.setdefault(thread, {})[depth] = func

    def _exit(self, func: int, depth: int, line: GraphLine, ts_ns: int, *, ends: bool) -> Event:
        if line.duration_ns < 0:
            calltime = rettime = -1
        elif line.ts_ns is None:
            calltime, rettime = 0, line.duration_ns
        elif ends:
            calltime, rettime = ts_ns - line.duration_ns, ts_ns
        else:
            calltime, rettime = ts_ns, ts_ns + line.duration_ns
        if line.returned is None:
            return EXIT, [func, depth, calltime, rettime]
        return _EXIT_RETVAL, [func, depth, calltime, rettime, line.returned]
