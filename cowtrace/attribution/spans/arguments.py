"""Arguments of the functions that matter, where function_graph records them (option funcgraph-args).

Text names them: ``vma=0x…, address=0x7f00, flags=0x1255, regs=0x…``; the ring buffer holds the words as they were passed, so a function's
declaration says which is which (kernel/trace/trace_output.c: print_function_args).
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from cowtrace.attribution.spans import functions as C
from cowtrace.attribution.spans import marks as M
from cowtrace.attribution.spans.edges import Edges
from cowtrace.parsers.base import EventBatch, EventDesc

_ARGS = "args"
_NAMED = re.compile(rb"(\w+)=(0x[0-9a-fA-F]+|-?\d+)")
#: Declarations: handle_mm_fault(vma, address, flags, regs) since 5.9; vma_alloc_folio(gfp, order, vma, addr), whose helpers differ.
_DECLARED = {
    "handle_mm_fault": ("vma", "address", "flags", "regs"),
    "vma_alloc_folio": ("gfp", "order"),
    "vma_alloc_folio_noprof": ("gfp", "order"),
}
_GFP_ZERO = 0x100  # include/linux/gfp_types.h: bit 8 since 4.19
_PMD_ORDER = 9


def read_arguments(part: Edges, batch: EventBatch, event: EventDesc, names: list[str], meaning: Any) -> None:
    """Fill in address, flags and marks of the entries of an event.

    Args:
        part: Its edges, one for each of its rows.
        batch: Events.
        event: A function_graph entry event.
        names: Plain names of functions by number.
        meaning: Of each edge.
    """
    field = next((field for field in event.fields if field.name == _ARGS), None)
    if field is None:
        return
    wanted = np.flatnonzero((meaning == C.HMF) | (meaning == C.ALLOC))
    if not len(wanted):
        return
    values = batch.field_values(event.index, _ARGS)
    for row in wanted.tolist():
        told = _told(values[row], names[part.function[row]])
        if not told:
            continue
        if meaning[row] == C.HMF:
            part.addr[row] = _signed(told["address"]) if "address" in told else part.addr[row]
            part.flags[row] = told.get("flags", part.flags[row])
            if told.get("regs") == 0:
                part.marks[row] |= M.WITHOUT_EXCEPTION
        else:
            part.marks[row] |= M.ALLOC_TOLD
            part.marks[row] |= M.ALLOC_ZEROED if told.get("gfp", 0) & _GFP_ZERO else 0
            part.marks[row] |= M.ALLOC_LARGE if 0 < told.get("order", 0) < _PMD_ORDER else 0


def _told(value: Any, function: str) -> dict[str, int]:
    if isinstance(value, bytes):
        return {name.decode(): int(text, 0) for name, text in _NAMED.findall(value)}
    if isinstance(value, list):
        return dict(zip(_DECLARED.get(function, ()), value, strict=False))
    return {}


def _signed(address: int) -> int:
    return address - (1 << 64) if address >= 1 << 63 else address
