"""Starting perf with the largest plan that it accepts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from cowtrace.errors import HostError, UsageError
from cowtrace.recording.folder import PERF_DATA, PERF_STDERR
from cowtrace.recording.perf_command import perf_argv
from cowtrace.recording.perf_messages import first_complaint, relax
from cowtrace.recording.perf_process import PerfProcess
from cowtrace.recording.perf_tool import PerfTool
from cowtrace.recording.plan import Plan
from cowtrace.recording.processes import start_time
from cowtrace.recording.request import Request
from cowtrace.recording.signals import Signals


def announcement(request: Request) -> str:
    """What a user without a command is told while nothing moves."""
    what = "the whole system" if request.plan.system_wide else f"process {', '.join(map(str, request.pids))}"
    return f"recording {what} {f'for {request.limit_s:g} s' if request.limit_s else 'until Ctrl-C'} ..."


def start_perf(
    request: Request, perf: PerfTool, folder: Path, *, pids: Sequence[int], signals: Signals, say: Callable[[str], None]
) -> tuple[Plan, list[str], PerfProcess]:
    """perf, recording: the plan that it accepted, how it was run, the process.

    A command has not begun yet, so a refusal and another try are invisible to it.

    Raises:
        HostError: perf refused every plan.
        UsageError: A process of ``-p`` has ended.
        KeyboardInterrupt: A signal asked to stop.
    """
    plan = request.plan
    while True:
        argv: list[str] = []

        def make_argv(control: tuple[int, int], plan: Plan = plan, argv: list[str] = argv) -> list[str]:
            argv += perf_argv(
                plan,
                perf.path,
                folder / PERF_DATA,
                pids=pids,
                synthesize_mappings=not request.command or plan.system_wide,
                max_bytes=request.limit_bytes,
                control=control,
            )
            return argv

        process = PerfProcess(make_argv, folder / PERF_STDERR)
        interrupted = False

        def was_interrupted() -> bool:
            nonlocal interrupted
            interrupted = interrupted or signals.take_stop() is not None
            return interrupted

        if process.wait_ready(was_interrupted):
            return plan, argv, process
        process.close()
        if interrupted:
            raise KeyboardInterrupt
        for pid in request.pids:
            if start_time(pid) is None:
                raise UsageError(f"-p {pid}: the process ended before the recording began")
        stderr = process.stderr()
        smaller = relax(plan, stderr)
        if smaller is None:
            raise HostError(f"perf refused to record: {first_complaint(stderr)}; `cowtrace doctor` says what to change")
        (folder / PERF_DATA).unlink(missing_ok=True)
        say(f"perf refused a part ({first_complaint(stderr)}); trying without {smaller.missing[-1].what}")
        plan = smaller
