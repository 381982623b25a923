"""The function tracer with kernel stacks: no durations, but what each call is part of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cowtrace.attribution.spans import path as P
from cowtrace.attribution.spans.reader import SpanReader
from cowtrace.parsers.base import BATCH_DTYPES, EventDesc, FieldDesc
from tests.support.recording import SAMPLE_COLUMNS, FakeBatch

FAULT = "__handle_mm_fault handle_mm_fault do_user_addr_fault exc_page_fault"
POPULATE = "__handle_mm_fault handle_mm_fault __get_user_pages populate_vma_page_range"


def text(name: str) -> FieldDesc:
    return FieldDesc(name, "char[]", 8, 4, False, "data_loc", 1)


EVENTS = [
    EventDesc(0, "ftrace:function", SAMPLE_COLUMNS, (text("ip"), text("parent_ip"))),
    EventDesc(1, "ftrace:kernel_stack", SAMPLE_COLUMNS, (text("frames"),)),
]


def paths(*calls: tuple[str, str]) -> list[int]:
    """Paths of the faults in which one thread called functions with these stacks."""
    lines: list[dict[str, Any]] = []
    for function, stack in calls:
        names = [b"[FTRACE TRAMPOLINE]", function.encode(), *stack.encode().split()]
        lines.append({"event": 0, "f": {"ip": function.encode(), "parent_ip": names[2]}})
        lines.append({"event": 1, "f": {"frames": b"\n".join(names)}})
    for place, line in enumerate(lines):
        line.update(ts_ns=10 * place, tid=7, tgid=7, cpu=0)
    reader = SpanReader(EVENTS, lambda values: [hex(value) for value in values.tolist()], np.empty(0, np.int64), probes={})
    built = reader.read(FakeBatch(lines, tuple(sorted(BATCH_DTYPES))))
    assert len(built.spans) == len(calls)
    assert (built.spans.taken_ns == -1).all()
    return P.paths(built.handled.marks, built.shown).tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        # called last, it has taken the place of its caller on the stack
        ([("do_wp_page", FAULT), ("wp_page_copy", FAULT), ("do_wp_page", FAULT)], [P.WP_COPIED, P.WP_REUSED]),
        ([("do_wp_page", FAULT), ("wp_page_copy", "do_wp_page " + FAULT)], [P.WP_COPIED]),
        (
            [("do_huge_pmd_wp_page", FAULT), ("__split_huge_pmd", "do_huge_pmd_wp_page " + FAULT), ("do_wp_page", FAULT)],
            [P.SPLIT],
        ),
        ([("do_huge_pmd_anonymous_page", FAULT)], [P.THP]),
        # outside of faults, by madvise
        ([("__split_huge_pmd", "zap_pmd_range unmap_page_range"), ("do_fault", FAULT)], [P.FILE]),
    ],
)
def test_faults(calls: list[tuple[str, str]], expected: list[int]) -> None:
    assert paths(*calls) == expected
