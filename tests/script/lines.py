"""What the tests of ``script`` share: a recording of every sort of row, and its output as text."""

from __future__ import annotations

import io
from typing import Any

from cowtrace.parsers.base import EventDesc, FieldDesc, SourceInfo
from cowtrace.script import script
from tests.support.recording import SAMPLE_COLUMNS, FakeRecording

FAULT = EventDesc(0, "page-faults", SAMPLE_COLUMNS)
CHAINED = EventDesc(1, "minor-faults:u", SAMPLE_COLUMNS - {"cpu", "addr"}, has_callchain=True)
OPEN = EventDesc(
    2,
    "fs:open",
    SAMPLE_COLUMNS,
    (
        FieldDesc("common_type", "unsigned short", 0, 2, False, "int", 2),
        FieldDesc("flags", "unsigned long", 8, 8, False, "int", 8),
        FieldDesc("error", "long", 16, 8, True, "int", 8),
        FieldDesc("comm", "char[16]", 24, 16, False, "string", 1),
        FieldDesc("path", "__data_loc char[]", 40, 4, False, "data_loc", 1),
        FieldDesc("args", "unsigned long[2]", 48, 16, False, "array", 8),
    ),
)
DUMMY = EventDesc(3, "dummy:HG", SAMPLE_COLUMNS, hidden=True)

COMMS = [
    {"seq": 0, "ts_ns": -1, "tgid": 7, "tid": 7, "comm": b'a, "b"', "is_exec": False},
    {"seq": 1, "ts_ns": 3_000_000_000, "tgid": 7, "tid": 7, "comm": b"new\nline\xff", "is_exec": True},
    {"seq": 2, "ts_ns": 3_000_000_000, "tgid": 8, "tid": 8, "comm": b"", "is_exec": True},
]


def row(ts_ns: int, event: EventDesc, **values: Any) -> dict[str, Any]:
    """One event of task 7 on CPU 1."""
    return {"ts_ns": ts_ns, "event": event.index, "tgid": 7, "tid": 7, "cpu": 1, "period": 1, **values}


def recording(*rows: dict[str, Any], batch_lines: int = 1 << 30, form: str = "fake") -> FakeRecording:
    """A recording of these rows."""
    return FakeRecording([FAULT, CHAINED, OPEN, DUMMY], list(rows), {"comm": COMMS}, batch_lines, SourceInfo("fake", form))


def printed(form: str, *recordings: FakeRecording) -> str:
    """What ``script`` writes."""
    out = io.BytesIO()
    script(recordings, form, out)
    return out.getvalue().decode()
