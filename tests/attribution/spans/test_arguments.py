"""Arguments of functions: address and access of a fault, size and contents of the page that it gets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cowtrace.attribution.spans import path as P
from cowtrace.attribution.spans.reader import SpanReader
from cowtrace.parsers.base import BATCH_DTYPES, EventDesc, FieldDesc
from tests.support.recording import FakeBatch, tracepoint

NAMES = {1: "handle_mm_fault", 2: "do_anonymous_page", 3: "vma_alloc_folio_noprof", 4: "folio_add_new_anon_rmap", 5: "do_wp_page"}
ARGS = FieldDesc("args", "unsigned long[]", 16, 0, False, "array", 8)


def handled(*calls: tuple[int, int, Any]) -> tuple[int, int]:
    """Address and path of a fault whose calls are (depth, function, arguments)."""
    entry, leave = tracepoint(0, "ftrace:funcgraph_entry", "func", "depth"), tracepoint(1, "ftrace:funcgraph_exit", "func", "depth")
    entry = EventDesc(0, entry.name, entry.columns, (*entry.fields, ARGS))
    lines: list[dict[str, Any]] = []
    stack: list[tuple[int, int]] = []
    for depth, function, args in [*calls, (0, 0, None)]:
        while stack and stack[-1][0] >= depth:
            at, name = stack.pop()
            lines.append({"event": 1, "f": {"func": name, "depth": at}})
        if function:
            lines.append({"event": 0, "f": {"func": function, "depth": depth, "args": args}})
            stack.append((depth, function))
    for place, line in enumerate(lines):
        line.update(ts_ns=10 * place, tid=7, tgid=7, cpu=0)
    reader = SpanReader([entry, leave], lambda values: [NAMES[value] for value in values.tolist()], np.empty(0, np.int64), probes={})
    built = reader.read(FakeBatch(lines, tuple(sorted(BATCH_DTYPES))))
    return int(built.handled.addr[0]), P.path_of(int(built.handled.marks[0]), built.shown)


@pytest.mark.parametrize(
    ("handler", "alloc"),
    [
        (b"vma=0xff11, address=0x7f0012, flags=0x1255, regs=0xff", b"gfp=0x100dca, order=4, vma=0xff11, addr=0x7f0000"),
        ([0xFF11, 0x7F0012, 0x1255, 0xFF], [0x100DCA, 4, 0xFF11, 0x7F0000]),
    ],
)
def test_text_and_words_say_the_same(handler: Any, alloc: Any) -> None:
    """16 pages at once."""
    assert handled((0, 1, handler), (1, 2, None), (2, 3, alloc), (2, 4, None)) == (0x7F0012, P.ANON_LARGE)


def test_zeros_are_asked_for_in_place_of_the_zero_page() -> None:
    """A copy asks for a page that it fills itself."""
    call = (0, 1, b"address=0x1000, flags=0x255, regs=0x1")
    zeroed, plain = b"gfp=0x100dca, order=0", b"gfp=0x100cca, order=0"
    assert handled(call, (1, 5, None), (2, 3, zeroed), (2, 4, None)) == (0x1000, P.ZERO_REPLACED)
    assert handled(call, (1, 5, None), (2, 3, plain), (2, 4, None)) == (0x1000, P.WP_COPIED)
