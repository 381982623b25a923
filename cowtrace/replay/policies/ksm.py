"""``ksm=off``: no merging of equal pages (mm/ksm.c)."""

from __future__ import annotations

import numpy as np

from cowtrace.errors import UsageError
from cowtrace.replay.scope import Scope
from cowtrace.replay.trace import GONE, KIND, Trace
from cowtrace.replay.work import Work


def check_value(value: str) -> None:
    """Only off: what KSM would have merged is not in a fault trace."""
    if value != "off":
        raise UsageError(f"what-if ksm={value}: expected ksm=off; which pages would have been equal is not in a fault trace")


def lacks(trace: Trace) -> str | None:
    """Writes to merged pages are needed."""
    return None if (trace.faults.kind == KIND["ksm_copy"]).any() else "the recording holds no write to a page merged by KSM"


def apply(work: Work, value: str, scope: Scope) -> None:
    """Writes to merged pages do not fault: the page had stayed the writer's own."""
    work.drop(np.flatnonzero((work.trace.faults.kind == KIND["ksm_copy"]) & scope.faults & (work.kind != GONE)))
    work.assume("Merged pages had belonged to their writer alone before; where a fork shared them, a copy would remain.")
    work.leave_out("Memory that merging saves: it is not in a fault trace (ksm in smaps, pages_sharing in /sys/kernel/mm/ksm).")
