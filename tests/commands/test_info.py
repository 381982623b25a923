"""cowtrace info."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.bill import small_bill
from tests.support.cli import cowtrace
from tests.support.stores import event, make_store

Capture = pytest.CaptureFixture[str]


def test_text(capfd: Capture, tmp_path: Path) -> None:
    lines = cowtrace(capfd, "info", small_bill(tmp_path / "s").path).out.splitlines()
    assert lines[2:9] == [
        "fact      value",
        "source    perf.data (perf.data, 4 KiB, sha256 abababababab)",
        "recorder  perf 6.1.187",
        "host      db1, Linux 6.18.5, x86_64, 4 KiB pages",
        "CPU       2 CPUs, AMD EPYC",
        "time      clock mono, 2 s recorded",
        "records   100 read, 0 unknown, 0 damaged, 0 lost",
    ]
    start = lines.index("Events")
    assert lines[start + 2 : start + 6] == [
        "source  event         count  period  recorded with it",
        "     0  page-faults      12       1  addr",
        "     0  minor-faults     10       1  addr",
        "     0  major-faults      1       1  addr",
    ]
    start = lines.index("Tables")
    assert [line.split() for line in lines[start + 3 : start + 7]] == [["fault", "12"], ["fork", "1"], ["process", "2"], ["vma", "2"]]
    assert any(line.startswith("Major or minor?") and " yes " in line for line in lines)


def test_json(capfd: Capture, tmp_path: Path) -> None:
    sources: list[dict[str, Any]] = [
        {"path": "a\x1b.data", "notes": [{"text": "odd", "count": 2}], "events": [event("page-faults:u", "addr", 5, period=None)]},
        {"path": "smaps.txt", "format": "smaps", "kernel_release": None, "features": {"NRCPUS": 2}},
    ]
    store = make_store(tmp_path / "s", sources=sources)
    info = json.loads(cowtrace(capfd, "info", store.path, "--format", "json").out)
    assert info["schema"] == "cowtrace.info/1"
    assert [source["path"] for source in info["sources"]] == ["a\x1b.data", "smaps.txt"]
    assert info["sources"][0]["notes"] == [["odd", 2]]
    assert info["events"] == [
        {"source_id": 0, "name": "page-faults:u", "count": 5, "period": None, "columns": ["addr"], "has_callchain": False}
    ]
    assert info["features"] == [{}, {"NRCPUS": 2}]
    assert info["capabilities"][0]["answer"] == "partly"
    text = cowtrace(capfd, "info", store.path).out
    assert r"a\x1b.data" in text
    assert "\x1b" not in text


def test_events_that_nobody_counted(capfd: Capture, tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", sources=[{"events": [{**event("page-faults"), "count": None}]}])
    assert "     0  page-faults      ?       1" in cowtrace(capfd, "info", store.path).out
