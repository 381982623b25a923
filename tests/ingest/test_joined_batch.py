"""Batches of several recordings as one."""

from __future__ import annotations

from cowtrace.ingest.joined_batch import JoinedBatch, Member, Part
from tests.support.recording import FakeBatch, FakeRecording, software, tracepoint

ONE = FakeRecording([software(0, "page-faults", "phys_addr")], [])
TWO = FakeRecording([tracepoint(0, "a:x", "value"), tracepoint(1, "a:y", "value")], [])


def part(recording: FakeRecording, first_event: int, lines: list[dict[str, object]], begin: int, end: int) -> Part:
    batch = FakeBatch(lines, tuple(sorted(frozenset().union(*(event.columns for event in recording.events)))))
    return Part(Member(recording, first_event, 0, 0), batch, batch.columns["ts_ns"], batch.columns["tgid"], begin, end)


def test_rows_of_both_in_time_order() -> None:
    lines = [{"event": 0, "ts_ns": ts, "tid": 7, "phys_addr": 16 * ts, "chain": [ts, ts + 1]} for ts in (1, 4, 5, 9)]
    more = [{"event": event, "ts_ns": ts, "tid": 8, "f": {"value": 100 * ts}} for event, ts in ((0, 2), (1, 4), (0, 6), (1, 7))]
    ONE.events[0] = software(0, "page-faults", "phys_addr").__class__(**{
        name: getattr(ONE.events[0], name) for name in ("index", "name", "columns", "fields")
    }, has_callchain=True)  # fmt: skip
    batch = JoinedBatch([part(TWO, 1, more, 0, 3), part(ONE, 0, lines, 1, 4)], 3)
    # rows of one end at 9, of the other at 6: the first row of one was taken before
    assert batch.columns["ts_ns"].tolist() == [2, 4, 4, 5, 6, 9]
    assert batch.event.tolist() == [1, 2, 0, 0, 1, 0]
    assert batch.columns["tid"].tolist() == [8, 8, 7, 7, 8, 7]
    assert batch.columns["phys_addr"].tolist() == [0, 0, 64, 80, 0, 144]
    assert (batch.rows(0).tolist(), batch.rows(1).tolist()) == ([2, 3, 5], [0, 4])
    assert (batch.field(1, "value").tolist(), batch.field_values(2, "value")) == ([200, 600], [400])
    offsets, ips = batch.chains()
    assert offsets.tolist() == [0, 0, 0, 2, 4, 4, 6]
    assert ips.tolist() == [4, 5, 5, 6, 9, 10]
