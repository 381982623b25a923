"""The report for machines: stable names, exact numbers, sums that add up."""

from __future__ import annotations

import json
from pathlib import Path

from cowtrace.report import render
from cowtrace.report.bill import compose
from tests.support.bill import small_bill


def test_report(tmp_path: Path) -> None:
    text = render(compose(small_bill(tmp_path / "s", hostile=True), top=1), "json")
    assert text.isascii()
    report = json.loads(text)
    assert list(report) == [
        "schema",
        "headline",
        "caveats",
        "start_ns",
        "sampled",
        "total",
        "root",
        "by_kind",
        "by_process",
        "by_comm",
        "by_object",
        "by_function",
        "by_fork",
        "unknown",
        "capabilities",
        "memory",
        "copyups",
        "copyup",
        "symbol_notes",
        "losses",
        "provenance",
    ]
    assert report["schema"] == "cowtrace.report/1"
    assert report["total"]["fault_count"] == 12
    assert (
        report["by_process"]["rows"][0] | {"tgid": 12, "comm": "\x1b[31m|\n<b>", "fault_count": 6, "duration_ns": 8000}
        == (report["by_process"]["rows"][0])
    )
    assert report["by_process"]["rest"]["fault_count"] == 6
    (fork,) = report["by_fork"]["rows"]
    assert (fork["fork_id"], fork["parent_copy_count"], fork["fault_count"], fork["duration_ns"]) == (0, 3, 5, 6500)
    assert fork["fault_count"] + report["by_fork"]["rest"]["fault_count"] + report["by_fork"]["no_fork"]["fault_count"] == 12
    assert sum(row["fault_count"] for row in report["by_kind"]) == 12
    assert report["unknown"][0]["possible_kinds"] == ["cow_copy", "cow_reuse"]
    assert report["provenance"]["sources"][0]["sha256"] == "ab" * 32
