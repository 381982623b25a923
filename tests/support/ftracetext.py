"""Texts of ftrace for tests: written as lines, read as rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cowtrace.parsers.ftracetext import FtraceTextRecording, open_ftracetext

DATA = Path(__file__).parents[1] / "data" / "ftracetext"


def opened(path: Path, text: str | bytes, **sizes: int) -> FtraceTextRecording:
    """A recording of this text."""
    data = text.encode() if isinstance(text, str) else text
    (path / "trace.txt").write_bytes(data)
    return open_ftracetext(path / "trace.txt", **sizes)


def rows(recording: Any, *names: str) -> list[tuple[Any, ...]]:
    """Every event: ts_ns, tid, cpu, name, and its fields as a dict (all but the common ones, or those that are named)."""
    found: list[tuple[Any, ...]] = []
    for batch in recording.batches():
        fields: dict[int, dict[str, Any]] = {row: {} for row in range(batch.count)}
        for desc in recording.events:
            at = batch.rows(desc.index).tolist()
            for field in desc.fields:
                if len(at) and not field.name.startswith("common_") and (not names or field.name in names):
                    for row, value in zip(at, batch.field_values(desc.index, field.name), strict=True):
                        fields[row][field.name] = value
        columns = [batch.columns[name].tolist() for name in ("ts_ns", "tid", "cpu")]
        events = [recording.events[event].name for event in batch.event.tolist()]
        found += [(*row, fields[number]) for number, row in enumerate(zip(*columns, events, strict=True))]
    return found


def calls(recording: FtraceTextRecording) -> list[tuple[Any, ...]]:
    """Calls only: ts_ns, tid, ``+`` or ``-``, depth, function, duration (None for entries, -1 unknown)."""
    found = []
    for ts_ns, tid, _, name, fields in rows(recording):
        if name.startswith("ftrace:funcgraph_"):
            (function,) = recording.function_names(np.array([fields["func"]]))
            ends = name.endswith("exit")
            lasted = fields["rettime"] - fields["calltime"] if ends and fields["rettime"] >= 0 else -1 if ends else None
            found.append((ts_ns, tid, "-" if ends else "+", fields["depth"], function, lasted))
    return found
