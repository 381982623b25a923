"""Real recordings: every event, in the order and with the losses that trace-cmd itself reports."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

import pytest

from cowtrace.parsers.registry import open_recording
from cowtrace.parsers.tracedat import TraceDatRecording, open_tracedat
from tests.support.tracedat import DATA, rows, table

EXPECTED: dict[str, dict[str, Any]] = json.loads((DATA / "expected.json").read_text())


@pytest.mark.parametrize("block_bytes", [1 << 12, 1 << 16, 16 << 20])
@pytest.mark.parametrize("name", EXPECTED)
def test_every_event_in_the_reported_order(name: str, block_bytes: int) -> None:
    expected = EXPECTED[name]
    recording = open_tracedat(DATA / name, block_bytes=block_bytes)
    side = recording.side_band()
    found = [(ts_ns, instance, cpu, tid, event.partition(":")[2]) for ts_ns, instance, cpu, tid, event in rows(recording)]
    assert list(found[0]) == expected["first"]
    assert list(found[-1]) == expected["last"]
    assert Counter(row[-1] for row in found) == expected["events"]
    text = "".join("\t".join(map(str, row)) + "\n" for row in found)
    assert hashlib.sha256(text.encode()).hexdigest() == expected["rows_sha256"]
    assert sum(count for (count,) in table(side, "lost", "lost_events")) == expected["lost_events"]
    assert recording.info.records_read == len(found)
    assert (recording.info.records_unknown, recording.info.records_damaged, recording.info.bytes_unread) == (0, 0, 0)


def test_facts_of_a_recording() -> None:
    info = open_tracedat(DATA / "v7-zstd.dat").info
    assert (info.format, info.recorder) == ("trace.dat", "trace-cmd 3.1.6")
    assert (info.hostname, info.kernel_release, info.arch) == ("cowtrace-test", "6.18.44-fc-v657", "x86_64")
    assert (info.page_size, info.cpu_count, info.clock) == (4096, 2, "local")
    assert info.features["file_version"] == 7
    assert info.notes == []


def test_the_size_of_a_sub_buffer_is_no_page_size() -> None:
    recording = open_tracedat(DATA / "t340-subbuf64.dat.zst")
    assert recording.info.page_size == 4096
    assert [stream.page_size for stream in recording._store.pieces.streams] == [65536, 65536]


def test_the_registry_knows_the_format() -> None:
    recording = open_recording(DATA / "v7-zstd.dat")
    assert isinstance(recording, TraceDatRecording)
    assert recording.side_band().fork.height == 12


def test_fields_of_a_page_fault() -> None:
    recording = open_tracedat(DATA / "v7-zstd.dat")
    number = next(desc.index for desc in recording.events if desc.name == "exceptions:page_fault_user")
    (batch,) = recording.batches()
    assert batch.field(number, "error_code").tolist()[:3] == [0x14, 0x6, 0x6]
    assert batch.field_values(number, "error_code")[:3] == [0x14, 0x6, 0x6]
    assert len(batch.rows(number)) == 423
    with pytest.raises(KeyError, match="page_fault_user has no field 'colour'; it has: common_type"):
        batch.field(number, "colour")


def test_markers_run_to_the_end_of_their_payload() -> None:
    recording = open_tracedat(DATA / "markers.dat")
    number = next(desc.index for desc in recording.events if desc.name == "ftrace:print")
    (batch,) = recording.batches()
    texts = batch.field_values(number, "buf")
    assert texts[:2] == [b"short\n", b"no newline\n"]
    assert max(map(len, texts)) == 3000


def test_a_file_without_options_still_has_the_clock_behind_its_table() -> None:
    info = open_tracedat(DATA / "split-v6.dat.zst").info
    assert (info.clock, info.recorder, info.hostname, info.cpu_count) == ("local", None, None, 2)


def test_texts_that_the_recorder_added() -> None:
    recording = open_tracedat(DATA / "v7-zstd.dat")
    assert recording.text("kallsyms").count(b"\n") == 572
    assert recording.text("printk_formats").startswith(b"0xffffffff")
    assert recording.text("something else") == b""
    assert open_tracedat(DATA / "clock-mono-v6.dat.zst").text("kallsyms").count(b"\n") == 572
