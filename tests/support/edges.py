"""Edges of calls from readable text, and the slow obvious way to nest them."""

from __future__ import annotations

import numpy as np

from cowtrace.attribution.spans.edges import ENTRY, EXIT, NOT_TOLD, Edges
from cowtrace.attribution.spans.functions import Functions

#: One edge: tid, "{" or "}", function, depth, time.
Edge = tuple[int, str, str, int, int]


def functions() -> Functions:
    """Numbers functions that are named right away."""
    return Functions(lambda values: [f"0x{value:x}" for value in values.tolist()])


def edges(lines: list[Edge], known: Functions, first_seq: int = 0) -> Edges:
    """Columns of edges; the kernel's own account of durations is left out."""
    count = len(lines)
    tid = np.array([line[0] for line in lines], np.int64)
    nothing, untold, zero = np.full(count, -1), np.full(count, NOT_TOLD), np.zeros(count, np.int64)
    return Edges(
        np.arange(count) + first_seq,
        np.array([line[4] for line in lines], np.int64),
        tid,
        tid.copy(),
        tid.copy(),
        zero.copy(),
        np.array([known.named(line[2]) for line in lines], np.int64),
        np.array([ENTRY if line[1] == "{" else EXIT for line in lines], np.int64),
        np.array([line[3] for line in lines], np.int64),
        nothing,
        untold,
        untold.copy(),
        untold.copy(),
        zero,
    )


def slowly(lines: list[Edge]) -> list[tuple[int, int, str, str | None, int | None]]:
    """(time, tid, function, caller, duration) of each call, one event after the other with a stack a thread; by event number."""
    stacks: dict[int, list[list[object]]] = {}
    calls: list[tuple[int, list[object]]] = []
    for number, (tid, kind, function, depth, ts) in enumerate(lines):
        stack = stacks.setdefault(tid, [])
        if kind == "{":
            while stack and int(str(stack[-1][4])) >= depth:
                stack.pop()
            caller = stack[-1][2] if stack else None
            call: list[object] = [ts, tid, function, caller, depth, None]
            stack.append(call)
            calls.append((number, call))
            continue
        while stack and int(str(stack[-1][4])) > depth:
            stack.pop()
        top = stack[-1] if stack else None
        if top is not None and top[4] == depth:
            stack.pop()
            if top[2] == function:
                top[5] = ts - int(str(top[0]))
                continue
        calls.append((number, [ts, tid, function, None, depth, None]))
    calls.sort(key=lambda item: item[0])
    return [(c[0], c[1], c[2], c[3], c[5]) for _, c in calls]  # type: ignore[misc]
