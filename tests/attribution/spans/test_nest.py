"""Calls from entries and exits: exact, whatever is missing and wherever a batch ends."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cowtrace.attribution.spans.builder import SpanBuilder, Spans
from tests.support.edges import Edge, edges, functions, slowly

NO_LOSS = np.empty(0, np.int64)


def read(text: str) -> list[Edge]:
    """Lines ``tid name {`` and ``tid }`` or ``tid name }``; depths follow from the braces, times are 10, 20, ..."""
    stacks: dict[int, list[str]] = {}
    result: list[Edge] = []
    for number, line in enumerate(filter(str.strip, text.splitlines()), 1):
        tid, *words = line.split()
        stack = stacks.setdefault(int(tid), [])
        if words[-1] == "{":
            result.append((int(tid), "{", words[0], len(stack), 10 * number))
            stack.append(words[0])
        else:
            name = stack.pop() if stack else words[0]
            result.append((int(tid), "}", name, len(stack), 10 * number))
    return result


def built(lines: list[Edge], cuts: list[int] | None = None) -> list[tuple[int, int, str, str | None, int | None]]:
    """(time, tid, function, caller, duration) by time, with batches cut before the given edges."""
    known = functions()
    builder = SpanBuilder(known, NO_LOSS)
    bounds = [0, *sorted(cuts or []), len(lines)]
    parts = [builder.add(edges(lines[a:b], known, a), final=False).spans for a, b in itertools.pairwise(bounds)]
    parts.append(builder.add(edges([], known), final=True).spans)
    rows = [row for part in parts for row in rows_of(part, known.plain)]
    return sorted(rows, key=lambda row: (row[0], row[1]))


def rows_of(part: Spans, names: list[str]) -> list[tuple[int, int, str, str | None, int | None]]:
    """Plain rows of spans."""
    columns = (part.ts_ns, part.tid, part.function, part.parent, part.taken_ns)
    return [
        (ts, tid, names[function], names[parent] if parent >= 0 else None, taken if taken >= 0 else None)
        for ts, tid, function, parent, taken in zip(*(column.tolist() for column in columns), strict=True)
    ]


def test_interleaved_threads() -> None:
    """Two threads on one CPU: each nests on its own."""
    lines = read("""
        1 handle_mm_fault {
        1   do_wp_page {
        2 handle_mm_fault {
        1   }
        2   do_fault {
        2   }
        1 }
        2 }
    """)
    assert built(lines) == [
        (10, 1, "handle_mm_fault", None, 60),
        (20, 1, "do_wp_page", "handle_mm_fault", 20),
        (30, 2, "handle_mm_fault", None, 50),
        (50, 2, "do_fault", "handle_mm_fault", 10),
    ]


def test_edges_of_the_recording() -> None:
    """An exit whose entry came before the recording, and an entry whose exit came after."""
    lines: list[Edge] = [(1, "}", "vfs_read", 0, 10), (1, "{", "vfs_read", 0, 20), (1, "{", "do_fault", 1, 30), (1, "}", "do_fault", 1, 40)]
    assert built(lines) == [(10, 1, "vfs_read", None, None), (20, 1, "vfs_read", None, None), (30, 1, "do_fault", "vfs_read", 10)]


def test_lost_page() -> None:
    """The exit of one call and the entry of the next are lost: two calls without an end, not one long one."""
    known = functions()
    lines: list[Edge] = [(1, "{", "handle_mm_fault", 0, 0), (1, "}", "handle_mm_fault", 0, 9_000_000)]
    for lost, expected in ((NO_LOSS, [(0, 9_000_000)]), (np.array([5_000_000]), [(0, -1), (8_999_000, 1000)])):
        both = edges(lines, known)
        both.taken_ns[1] = 1000 if len(lost) else -1
        spans = SpanBuilder(known, lost).add(both, final=True).spans
        assert list(zip(spans.ts_ns.tolist(), spans.taken_ns.tolist(), strict=True)) == expected


def random_calls(seed: int, length: int) -> list[Edge]:
    """Calls of three threads, of which one edge in eight is lost."""
    source = random.Random(seed)
    stacks: dict[int, list[str]] = {tid: [] for tid in (7, 8, 9)}
    lines: list[Edge] = []
    for number in range(length):
        tid = source.choice(list(stacks))
        stack = stacks[tid]
        if stack and (len(stack) > 5 or source.random() < 0.5):
            lines.append((tid, "}", stack.pop(), len(stack), number))
        else:
            name = source.choice(["vfs_read", "handle_mm_fault", "do_fault", "do_wp_page"])
            lines.append((tid, "{", name, len(stack), number))
            stack.append(name)
    return [line for line in lines if source.random() > 0.125]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1 << 30), st.integers(0, 90), st.lists(st.integers(0, 90), max_size=4))
def test_equals_the_slow_way(seed: int, length: int, cuts: list[int]) -> None:
    """Any calls, any losses, any batches. A lost edge may leave the caller unknown, where stacks would guess; it never makes up one."""
    lines = random_calls(seed, length)
    fast, slow = built(lines, [min(cut, len(lines)) for cut in cuts]), slowly(lines)
    assert [(ts, tid, name, taken) for ts, tid, name, _, taken in fast] == sorted(
        [(ts, tid, name, taken) for ts, tid, name, _, taken in slow], key=lambda row: (row[0], row[1])
    )
    by_time = {(row[0], row[1]): row[3] for row in slow}
    assert all(caller in (None, by_time[ts, tid]) for ts, tid, _, caller, _ in fast)


@pytest.mark.parametrize("seed", range(3))
def test_callers(seed: int) -> None:
    """Nothing lost: every caller is known."""
    source = random.Random(seed)
    lines: list[Edge] = []
    stack: list[str] = []
    for number in range(200):
        if stack and source.random() < 0.5:
            lines.append((1, "}", stack.pop(), len(stack), number))
        else:
            lines.append((1, "{", name := f"f{source.randrange(5)}", len(stack), number))
            stack.append(name)
    assert built(lines, [50, 51, 120]) == slowly(lines)


def test_callers_of_nothing() -> None:
    """No edges, no spans."""
    assert built([]) == []
