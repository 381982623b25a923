"""Names of call chains, outermost frame first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cowtrace.store.reader import Store

#: perf's context markers are the last page of addresses (include/uapi/linux/perf_event.h: PERF_CONTEXT_MAX).
_FIRST_MARKER = (1 << 64) - 4095


def chain_names(store: Store) -> Callable[[int, int | None], tuple[str, ...]]:
    """A lookup from (stack_id, mm_id) to frame names; addresses where nothing is known."""
    ips = dict(store.lazy("stack").select("stack_id", "ips").collect().iter_rows())

    def names(stack_id: int, mm_id: int | None) -> tuple[str, ...]:
        del mm_id
        return tuple(f"{ip:#x}" for ip in reversed(ips.get(stack_id) or ()) if ip < _FIRST_MARKER)

    return names
