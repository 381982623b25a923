"""``fault_around=<bytes>``: how much cached file memory one read fault maps (debugfs fault_around_bytes; mm/memory.c, do_fault_around)."""

from __future__ import annotations

import numpy as np

from cowtrace.errors import UsageError
from cowtrace.replay.scope import Scope
from cowtrace.replay.trace import GONE, KIND, PAGE_SHIFT, Trace
from cowtrace.replay.work import Extra, Work

_SETTING = "sys/kernel/debug/fault_around_bytes"
_DEFAULT_BYTES = 65536
_MOST_BYTES = 2 << 20


def _size(value: str) -> int | None:
    text = value.strip().upper().removesuffix("IB").removesuffix("B")
    factor = {"K": 1 << 10, "M": 1 << 20}.get(text[-1:], 1)
    digits = text[:-1] if factor > 1 else text
    return int(digits) * factor if digits.isascii() and digits.isdigit() and len(digits) < 12 else None


def check_value(value: str) -> None:
    """A power of two from one page to 2 MiB."""
    size = _size(value)
    if size is None or not 4096 <= size <= _MOST_BYTES or size & (size - 1):
        raise UsageError(f"what-if fault_around={value}: expected a power of two from 4096 to {_MOST_BYTES} bytes, such as 64K")


def lacks(trace: Trace) -> str | None:
    """Addresses of file faults are needed."""
    if not ((trace.faults.kind == KIND["file_read"]) & (trace.faults.page >= 0)).any():
        return "the recording holds no faults on cached file pages with addresses"
    return "faults were sampled, so neighbours are missing (perf record -c 1)" if trace.sampled else None


def apply(work: Work, value: str, scope: Scope) -> None:
    """Larger windows join neighbouring faults; smaller ones split each into an unknown number."""
    trace = work.trace
    size = _size(value) or _DEFAULT_BYTES
    recorded = trace.settings.get(_SETTING, "").strip()
    before = int(recorded) if recorded.isdigit() else _DEFAULT_BYTES
    work.assume(f"fault_around_bytes was {before} while recording ({'recorded' if recorded.isdigit() else 'the default'}).")
    work.assume("Pages that the larger window would map are in the page cache, in folios that are no larger than the window.")
    rows = np.flatnonzero((trace.faults.kind == KIND["file_read"]) & scope.faults & (work.kind != GONE) & (trace.faults.page >= 0))
    if not len(rows) or size == before:
        return
    if size > before:
        window = trace.faults.page[rows] >> (size.bit_length() - 1 - PAGE_SHIFT)
        key = (trace.space[rows] << trace.page_bits) | window
        code = np.unique(np.stack([key, trace.faults.vma[rows]]), axis=1, return_inverse=True)[1].ravel()
        order = np.argsort(code, kind="stable")
        later = order[1:][code[order[1:]] == code[order[:-1]]]
        work.drop(rows[later])
        # windows end at the mapping, and a fault may be one on a page that was not cached when the first one came
        group = trace.faults.group[rows[later]]
        count = np.bincount(group, minlength=len(trace.groups)).astype(np.float64)
        some = np.flatnonzero(count)
        work.slack.append((some, np.zeros(len(some)), 0.3 * count[some]))
        return
    ratio = before / size
    value_more, high = np.full(len(rows), (ratio - 1) * 0.4), np.full(len(rows), ratio - 1)
    why = f"each of {len(rows):,} faults mapped up to {before} bytes, touched in unknown part"
    work.extras.append(Extra(rows, KIND["file_read"], value_more, np.zeros(len(rows)), high, why))
