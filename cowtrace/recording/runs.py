"""Recording one command several times: the same level, one folder a run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cowtrace.errors import HostError
from cowtrace.recording.collector import Collector
from cowtrace.recording.counters import Counters
from cowtrace.recording.description import describe
from cowtrace.recording.host import Host
from cowtrace.recording.kallsyms import Kallsyms
from cowtrace.recording.levels import LEVELS
from cowtrace.recording.mounts import Mounts
from cowtrace.recording.occupancy import Occupancy
from cowtrace.recording.perf_tool import find_perf
from cowtrace.recording.plan import make_plan
from cowtrace.recording.request import Outcome, Request
from cowtrace.recording.session import record


def record_once(
    command: Sequence[str], level: str, path: Path, host: Host, say: Callable[[str], None], *, occupancy: bool = False
) -> Outcome:
    """Record one run of a command.

    Args:
        command: The command and its arguments.
        level: Recording level.
        path: Recording to make.
        host: This machine.
        say: Takes progress lines.
        occupancy: Also look into huge pages.

    Raises:
        HostError: perf can't record here, or ended on its own.
        KeyboardInterrupt: The run was interrupted; what it recorded until then is no whole run.
        UsageError: The command can't be executed.
    """
    perf = find_perf()
    request = Request(plan=make_plan(LEVELS[level], host, perf), command=command, pids=(), path=path)
    collectors: list[Collector] = [Counters(host), Mounts(), Kallsyms(host.path("proc"))]
    if occupancy:
        collectors.append(Occupancy(host))

    def make_description(outcome: Outcome) -> dict[str, object]:
        notes = [sentence for collector in collectors for sentence in collector.notes]
        facts = {name: value for collector in collectors for name, value in collector.facts().items()}
        return describe(outcome, request=request, host=host, perf=perf, notes=notes, facts=facts)

    outcome = record(request, perf, collectors, make_description, say)
    if outcome.stop_reason in ("interrupted", "terminated"):
        raise KeyboardInterrupt
    if outcome.is_cut_short:
        raise HostError(f"perf ended on its own while it recorded {command[0]}; `cowtrace record -- {command[0]} ...` shows more")
    return outcome


@contextmanager
def apart_from_results() -> Iterator[None]:
    """Commands in the block print to stderr, since stdout is for results, and read nothing: every run must find the same input."""
    sys.stdout.flush()
    saved = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(saved[0], 0)
        os.dup2(saved[1], 1)
        for descriptor in (*saved, nothing):
            os.close(descriptor)
