"""Parquet holds the same rows, typed."""

from __future__ import annotations

import io

import pyarrow.parquet as pq

from cowtrace.script import script
from tests.script.lines import CHAINED, FAULT, recording, row


def test_types_and_nulls() -> None:
    out = io.BytesIO()
    script([recording(row(1, FAULT, addr=(1 << 64) - 1), row(2, CHAINED, chain=[5, 6]), batch_lines=1)], "parquet", out)
    table = pq.read_table(out)
    assert [f"{field.name} {field.type}" for field in table.schema] == [
        "ts_ns int64", "event string", "comm string", "pid int32", "tid int32", "cpu int32", "ip uint64", "addr uint64", "period int64",
        "callchain list<element: uint64>", "args string",
    ]  # fmt: skip
    assert [(r["event"], r["cpu"], r["addr"], r["callchain"], r["args"]) for r in table.to_pylist()] == [
        ("page-faults", 1, (1 << 64) - 1, None, None),
        ("minor-faults:u", None, None, [5, 6], None),
    ]


def test_nothing_recorded_is_a_file_without_rows() -> None:
    out = io.BytesIO()
    script([recording()], "parquet", out)
    assert pq.read_table(out).num_rows == 0
