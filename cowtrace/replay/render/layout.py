"""Rows of text that the text and Markdown renderers share."""

from __future__ import annotations

from cowtrace.replay.result import MEASURES, Measure, ProcessRow, ReplayResult, Totals
from cowtrace.replay.sweep import Sweep
from cowtrace.text import printable
from cowtrace.units import format_bytes, format_count, format_ns

#: Names listed before the rest is summed.
_TOP = 12

#: Measures that only some knobs move.
_BESIDE = {"copyup_time_ns": "time in copy-ups", "copyup_bytes": "bytes copied up", "tmpfs_bytes": "memory of tmpfs"}


def shown(name: str, value: float) -> str:
    """A measure in its unit."""
    whole = round(value)
    return format_ns(whole) if name.endswith("_ns") else format_bytes(whole) if name.endswith("_bytes") else format_count(whole)


def change(before: Measure, after: Measure) -> str:
    """``-62 %``, or ``new`` where there was nothing."""
    if before.value == after.value:
        return "same"
    if before.value == 0:
        return "new"
    percent = (after.value / before.value - 1) * 100
    return f"{percent:+.0f} %" if abs(percent) >= 10 else f"{percent:+.1f} %"


def interval(name: str, measure: Measure) -> str:
    """``low .. high``."""
    return f"{shown(name, measure.low)} .. {shown(name, measure.high)}"


def measure_rows(base: Totals, after: Totals) -> list[list[str]]:
    """One row a measure: name, recorded, what-if, change, interval."""
    rows = []
    for name in [*MEASURES, *(name for name in after if name not in MEASURES)]:
        before, now = base.get(name), after.get(name)
        label = MEASURES.get(name) or _BESIDE.get(name, name.replace("_", " "))
        if now is None or before is None:
            rows.append([label, shown(name, before.value) if before else "?", "?", "?", "not known, see below"])
        else:
            rows.append([label, shown(name, before.value), shown(name, now.value), change(before, now), interval(name, now)])
    return rows


def process_rows(result: ReplayResult) -> list[list[str]]:
    """One row a process name: name, processes, faults recorded, what-if, change, interval, time recorded, what-if."""
    summed = [row for row in result.by_process if row.tgid is None]
    counts: dict[str, int] = {}
    for row in result.by_process:
        counts[row.comm] = counts.get(row.comm, 0) + (row.tgid is not None)
    rows = []
    for row in summed[:_TOP]:
        before, now = row.baseline["faults"], row.what_if["faults"]
        assert before is not None and now is not None
        times = _times(row)
        rows.append(
            [
                printable(row.comm),
                str(counts[row.comm]),
                shown("faults", before.value),
                shown("faults", now.value),
                change(before, now),
                interval("faults", now),
                *times,
            ]
        )
    return rows


def _times(row: ProcessRow) -> list[str]:
    before, now = row.baseline["fault_time_ns"], row.what_if["fault_time_ns"]
    return [shown("_ns", before.value) if before else "?", shown("_ns", now.value) if now else "?"]


def kind_rows(result: ReplayResult) -> list[list[str]]:
    """One row a kind whose number changes: kind, recorded, what-if, where its cost comes from."""
    rows = []
    for row in result.by_kind:
        before, now = row.baseline["faults"], row.what_if["faults"]
        assert before is not None and now is not None
        if round(before.value) != round(now.value):
            source = row.cost_source or "as recorded"
            rows.append([row.kind, shown("faults", before.value), shown("faults", now.value), source])
    return rows


def title(result: ReplayResult) -> str:
    """``What if thp=never``."""
    return "What if " + ", ".join(printable(text) for text in result.scenario["what_if"])


SWEEP_HEADER = ["scenario", "faults", "fault time", "copied", "zeroed", "fork time", "peak memory", "stall time saved"]


def sweep_rows(sweep: Sweep) -> list[list[str]]:
    """One row a scenario, best first: change of each measure."""
    rows = []
    for entry in sweep.entries:
        cells = [printable(entry.name)]
        for name in MEASURES:
            before, now = entry.baseline[name], entry.what_if[name]
            cells.append(change(before, now) if before is not None and now is not None else "?")
        low, high = entry.saved_low_ns, entry.saved_high_ns
        cells.append("?" if entry.saved_ns is None else f"{_signed(entry.saved_ns)} ({_signed(low)} .. {_signed(high)})")
        rows.append(cells)
    return rows


def _signed(value: float | None) -> str:
    if value is None:
        return "?"
    return ("-" if value < 0 else "") + format_ns(abs(round(value)))
