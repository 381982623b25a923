"""What a recording is asked for, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cowtrace.recording import clock
from cowtrace.recording.perf_messages import PerfTotals
from cowtrace.recording.plan import Plan


@dataclass(frozen=True, slots=True)
class Request:
    """What to record.

    Attributes:
        plan: Events and options, already cut down to this host.
        command: Command and arguments; empty without one.
        pids: Processes of ``-p``.
        path: The folder to make.
        force: Replace an existing recording.
        limit_s: Stop after this many seconds.
        limit_bytes: Stop when perf.data has this size.
    """

    plan: Plan
    command: Sequence[str]
    pids: Sequence[int]
    path: Path
    force: bool = False
    limit_s: float | None = None
    limit_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        plan: What perf accepted in the end.
        perf_argv: How perf was run.
        started: When the events began to count.
        ended: When they stopped.
        stop_reason: ``command ended``, ``processes ended``, ``time limit``, ``size limit``, ``interrupted``, ``terminated``,
            ``perf ended``.
        exit_code: Of the command, negative for a signal; None without a command.
        ended_by_us: The command still ran when the recording stopped, and was ended.
        perf_exit_code: Of perf, negative for a signal.
        totals: What perf counted.
        size_bytes: Of perf.data.
    """

    plan: Plan
    perf_argv: Sequence[str]
    started: clock.Moment
    ended: clock.Moment
    stop_reason: str
    exit_code: int | None
    ended_by_us: bool
    perf_exit_code: int
    totals: PerfTotals
    size_bytes: int

    @property
    def is_cut_short(self) -> bool:
        """True when perf was killed or failed before it could finish its file."""
        return self.stop_reason == "perf ended"
