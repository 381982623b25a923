"""Recordings of perf 6.1, 6.12 and 7.2 against what the perf that made them says: rows, names, record counts, losses."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.perf_rows import read_rows, rows_sha256

FOLDER = Path(__file__).parents[2] / "data" / "perfdata"
EXPECTED: dict[str, dict[str, Any]] = json.loads((FOLDER / "expected.json").read_text())
#: Records are scanned in eighths of this: a few of them in a block, most blocks end inside of one.
TINY = 4096


@pytest.mark.parametrize("block_bytes", [32 << 20, TINY], ids=["whole", "tiny-blocks"])
@pytest.mark.parametrize("name", EXPECTED)
def test_rows_are_those_of_perf(name: str, block_bytes: int) -> None:
    expected = EXPECTED[name]
    recording, side_band, rows = read_rows(FOLDER / name, block_bytes)
    assert len(rows) == expected["samples"]
    if "rows_sha256" in expected:
        assert Counter(row.event for row in rows) == expected["by_event"]
        assert Counter(row.comm.decode() for row in rows) == expected["by_comm"]
        assert rows_sha256(rows) == expected["rows_sha256"]
    if "records" in expected:
        assert recording.info.records_by_type == expected["records"]
    if "lost_records" in expected:
        assert side_band.lost.filter(side_band.lost["reason"] == "lost")["lost_events"].sum() == expected["lost_records"]
    assert recording.info.recorder == expected.get("recorder", recording.info.recorder)
    assert (recording.info.records_damaged, recording.info.records_unknown) == (0, 0)
    times = [row.ts_ns for row in rows]
    assert times == sorted(times)


@pytest.mark.parametrize("name", ["pipe-injected.data", "threads-dir-zstd", "p72-zstd2.data"])
def test_a_name_says_nothing(name: str, tmp_path: Path) -> None:
    other = tmp_path / "perf.data.gz"
    copy = shutil.copytree if (FOLDER / name).is_dir() else shutil.copyfile
    copy(FOLDER / name, other)
    assert rows_sha256(read_rows(other)[2]) == EXPECTED[name]["rows_sha256"]


def test_facts_of_a_recording() -> None:
    recording, side_band, _ = read_rows(FOLDER / "clock-realtime.data")
    info = recording.info
    assert (info.hostname, info.kernel_release, info.arch) == ("cowtrace-test", "6.18.44-fc-v657", "x86_64")
    assert (info.cpu_desc, info.cpu_count, info.total_mem_bytes) == ("AMD EPYC", 2, 24684092 * 1024)
    assert (info.clock, info.wall_offset_ns) == ("realtime", -2841)
    assert info.cmdline is not None and info.cmdline[:4] == ["/usr/bin/perf", "record", "-o", "clock-realtime"]
    assert info.features["pmu_mappings"]["tracepoint"] == 2
    assert info.features["build_ids"][0]["path"] == "[kernel.kallsyms]"
    assert side_band.comm["comm"].to_list()[:2] == [b"perf-exec", b"cowload"]


def test_page_size_comes_with_trace_events() -> None:
    assert read_rows(FOLDER / "four-events-callchain.data")[0].info.page_size == 4096
    assert read_rows(FOLDER / "one-event-fixed.data")[0].info.page_size is None


def test_fields_of_a_trace_event() -> None:
    recording, _, _ = read_rows(FOLDER / "four-events-callchain.data")
    event = next(event for event in recording.events if event.name == "exceptions:page_fault_user")
    assert [(field.name, field.size) for field in event.fields[-3:]] == [("address", 8), ("ip", 8), ("error_code", 8)]
    batch = next(iter(recording.batches()))
    assert batch.field(event.index, "error_code").tolist() == batch.field_values(event.index, "error_code")
    assert Counter(batch.field(event.index, "error_code").tolist())[7] == 92


def test_the_dummy_event_is_hidden() -> None:
    recording, _, _ = read_rows(FOLDER / "threads-dir-zstd")
    assert [(event.name, event.hidden) for event in recording.events] == [
        ("page-faults", False),
        ("minor-faults", False),
        ("major-faults", False),
        ("exceptions:page_fault_user", False),
        ("dummy:HG", True),
    ]


def test_a_cut_file_says_so() -> None:
    recording, _, _ = read_rows(FOLDER / "truncated50-p72-zstd2.data")
    assert [note.text for note in recording.info.notes] == [
        "the file is cut: 36988 bytes of records and everything behind them are missing",
        "the last record, at byte 30256, is not complete; everything before it was read, 7540 bytes behind it were not",
    ]
