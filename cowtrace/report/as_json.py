"""The report for machines: every number as it is, nothing rounded."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from cowtrace.report.bill import Report
from cowtrace.report.cost import Cost, as_dict
from cowtrace.report.grouping import Grouping
from cowtrace.report.headline import caveats, headline


def render(report: Report, *, width: int | None = None, color: bool = False) -> str:
    """``{"schema": "cowtrace.report/1", ...}``; ``width`` and ``color`` change nothing."""
    del width, color
    return json.dumps(report_dict(report), indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def report_dict(report: Report) -> dict[str, Any]:
    """The report as plain values. ``rest`` sums the groups that ``rows`` leaves out; rows and rest are all faults."""
    forks = asdict(report.forks)
    forks["rows"] = [{**_without_cost(row), **as_dict(fork.cost)} for row, fork in zip(forks["rows"], report.forks.rows, strict=True)]
    return {
        "schema": "cowtrace.report/1",
        "headline": headline(report),
        "caveats": caveats(report),
        "start_ns": report.start_ns,
        "sampled": report.sampled,
        "total": {**as_dict(report.total), "maybe_copy_count": report.maybe_copy_count, "process_count": report.process_count},
        "root": asdict(report.root) if report.root else None,
        "by_kind": [asdict(row) for row in report.kinds],
        "by_process": _grouping(report.processes),
        "by_comm": _grouping(report.comms),
        "by_object": _grouping(report.objects),
        "by_function": _grouping(report.functions),
        "by_fork": forks,
        "unknown": [asdict(row) for row in report.unknowns],
        "capabilities": [asdict(item) for item in report.capabilities],
        "memory": report.memory,
        "copyups": report.copyups.files,
        "copyup": report.copyups.as_dict(),
        "symbol_notes": report.symbol_notes,
        "losses": [asdict(loss) for loss in report.losses],
        "provenance": {**asdict(report.provenance), **({"store": None} if report.provenance.is_confidential else {})},
    }


def _grouping(grouping: Grouping) -> dict[str, Any]:
    rows = [{**group.keys, **as_dict(group.cost)} for group in grouping.rows]
    return {"rows": rows, "rest_count": grouping.rest_count, "rest": as_dict(grouping.rest)}


def _without_cost(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "cost" and name not in Cost.__dataclass_fields__}
