"""``recording.json``: what was asked, what was got, on which machine, and when."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from cowtrace import __version__
from cowtrace.recording.host import Host
from cowtrace.recording.levels import LEVELS
from cowtrace.recording.perf_tool import PerfTool
from cowtrace.recording.request import Outcome, Request
from cowtrace.recording.settings import host_settings, machine
from cowtrace.text import decode_name

SCHEMA = "cowtrace.recording/1"


def describe(
    outcome: Outcome, *, request: Request, host: Host, perf: PerfTool | None, notes: Sequence[str], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """The contents of recording.json.

    Args:
        outcome: What came of the recording.
        request: What was asked.
        host: The machine.
        perf: The program that recorded; None without.
        notes: What could not be collected.
        facts: Entries of the collectors.
    """
    level = LEVELS[outcome.plan.level]
    totals = outcome.totals
    return {
        "schema": SCHEMA,
        "cowtrace_version": __version__,
        "level": {
            "name": level.name,
            "purpose": level.purpose,
            "cost_per_fault": {
                "ns": level.cost.ns_per_fault,
                "bytes": level.cost.bytes_per_fault,
                "slowdown": level.cost.slowdown,
                "measured_on": "fork loop, x86-64 virtual machine, Linux 6.18, perf 6.1: nothing but faults, the worst case",
            },
            "cannot_tell": list(level.cannot_tell),
        },
        "target": {
            "command": [decode_name(os.fsencode(word)) for word in request.command],
            "pids": list(request.pids),
            "system_wide": outcome.plan.system_wide,
            "working_folder": decode_name(os.fsencode(os.getcwd())),
        },
        "events": {
            "asked": [event.name for event in outcome.plan.events] + [lack.what for lack in outcome.plan.missing if ":" in lack.what],
            "got": [{"name": event.name, "why": event.why} for event in outcome.plan.events],
            "missing": [{"what": missing.what, "reason": missing.reason, "fix": missing.fix} for missing in outcome.plan.missing],
        },
        "options": {
            "user_only": outcome.plan.user_only,
            "phys_data": outcome.plan.phys_data,
            "data_page_size": outcome.plan.data_page_size,
            "cgroups": outcome.plan.cgroups,
            "callchains": outcome.plan.callchains,
            "buffer_pages": outcome.plan.buffer_pages,
            "limit_s": request.limit_s,
            "limit_bytes": request.limit_bytes,
        },
        "perf": None
        if perf is None
        else {
            "path": perf.path,
            "version": perf.version,
            "argv": [decode_name(os.fsencode(word)) for word in outcome.perf_argv],
            "exit_code": outcome.perf_exit_code,
            "samples": totals.samples,
            "size_bytes": outcome.size_bytes,
            "lost_chunks": totals.lost_chunks,
            "lost_percent": totals.lost_percent,
            "messages": list(totals.warnings),
        },
        "clock": "CLOCK_MONOTONIC",
        "start": outcome.started.as_json(),
        "end": outcome.ended.as_json(),
        "stop_reason": outcome.stop_reason,
        "cut_short": outcome.is_cut_short,
        "exit_code": outcome.exit_code,
        "ended_by_cowtrace": outcome.ended_by_us,
        "machine": machine(host),
        "settings": host_settings(host),
        "notes": list(notes),
        **facts,
    }
