"""One recording, from the first check to the finished folder.

    folder.partial made and locked ─ command forked, held ─ perf started, smaller plans until it accepts one ─ collectors start
    ─ command released ─ wait ─ perf stopped ─ command ended ─ collectors stop ─ recording.json ─ renamed
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from cowtrace.errors import HostError, UsageError
from cowtrace.recording import clock
from cowtrace.recording.collector import Collector, Scene
from cowtrace.recording.folder import RecordingFolder
from cowtrace.recording.perf_command import perf_argv
from cowtrace.recording.perf_messages import PerfTotals, first_complaint, read_totals, relax
from cowtrace.recording.perf_process import PerfProcess
from cowtrace.recording.perf_tool import PerfTool
from cowtrace.recording.plan import Plan
from cowtrace.recording.processes import start_time
from cowtrace.recording.signals import SI_KERNEL, STOPPING, Signals
from cowtrace.recording.workload import Workload

#: How often the processes of ``-p`` are looked at.
POLL_S = 0.2
#: A longer write-out of perf is announced.
PATIENCE_S = 2.0

PERF_DATA = "perf.data"
PERF_STDERR = "perf.stderr"


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
        stop_reason: ``command ended``, ``processes ended``, ``time limit``, ``size limit``, ``interrupted``, ``terminated``, ``perf ended``.
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


def record(
    request: Request, perf: PerfTool, collectors: Sequence[Collector], describe: Callable[[Outcome], dict[str, object]], say: Callable[[str], None]
) -> Outcome:
    """Record, and leave the finished folder or nothing.

    Args:
        request: What to record.
        perf: The program.
        collectors: What runs beside perf.
        describe: Makes the contents of recording.json.
        say: Takes progress lines.

    Raises:
        HostError: perf refused every plan, or ended before anything was recorded.
        UsageError: The command can't be executed, the processes do not exist, the folder exists.
        KeyboardInterrupt: Interrupted before the recording began.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(RecordingFolder(request.path, force=request.force))
        signals = stack.enter_context(Signals())
        for pid in request.pids:
            if start_time(pid) is None:
                raise UsageError(f"-p {pid}: there is no such process")
        workload = None
        if request.command:
            workload = Workload(request.command, signals.mask_before)
            stack.callback(workload.close)
        pids = [workload.pid] if workload else list(request.pids)
        if not workload:
            say(_announcement(request))
        plan, argv, process = _start_perf(request, perf, folder.folder, pids, signals, say)
        stack.callback(process.close)
        scene = Scene(folder.folder, pids, workload is not None)
        for collector in collectors:
            collector.start(scene)
        started = clock.now()
        if workload:
            workload.release()
        reason, first_signal = _wait(request, process, workload, collectors, signals)
        process.request_stop()
        ended = clock.now()
        for collector in collectors:
            collector.stop()
        _finish_perf(process, signals, say)
        totals = read_totals(process.stderr())
        if reason == "perf ended" and totals.size_limit_reached:
            reason = "size limit"
        ended_by_us = False
        if workload and workload.poll() is None:
            ended_by_us = True
            say(f"ending {request.command[0]} ({reason})")
            workload.end(first_signal)
        size_bytes = _size(folder.folder / PERF_DATA)
        if size_bytes == 0:
            raise HostError(f"perf ended before it recorded anything: {first_complaint(process.stderr())}")
        outcome = Outcome(
            plan=plan,
            perf_argv=argv,
            started=started,
            ended=ended,
            stop_reason=reason,
            exit_code=workload.poll() if workload else None,
            ended_by_us=ended_by_us,
            perf_exit_code=process.poll() or 0,
            totals=totals,
            size_bytes=size_bytes,
        )
        (folder.folder / PERF_STDERR).unlink()
        folder.finish(describe(outcome))
        return outcome


def _announcement(request: Request) -> str:
    what = "the whole system" if request.plan.system_wide else f"process {', '.join(map(str, request.pids))}"
    return f"recording {what} {f'for {request.limit_s:g} s' if request.limit_s else 'until Ctrl-C'} ..."


def _start_perf(
    request: Request, perf: PerfTool, folder: Path, pids: Sequence[int], signals: Signals, say: Callable[[str], None]
) -> tuple[Plan, list[str], PerfProcess]:
    """perf, recording. A command has not begun yet, so a refusal and another try are invisible to it."""
    plan = request.plan
    while True:
        argv: list[str] = []

        def make_argv(control: tuple[int, int], plan: Plan = plan, argv: list[str] = argv) -> list[str]:
            argv += perf_argv(
                plan,
                perf.path,
                folder / PERF_DATA,
                pids=pids,
                synthesize_tasks=not request.command or plan.system_wide,
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


def _wait(
    request: Request, process: PerfProcess, workload: Workload | None, collectors: Sequence[Collector], signals: Signals
) -> tuple[str, int | None]:
    """Wait for the end. Returns the stop reason, and which signal a command that still runs should get first."""
    deadline = None if request.limit_s is None else time.monotonic() + request.limit_s
    while True:
        now_s = time.monotonic()
        due = [deadline] if deadline is not None else []
        due += [moment for moment in (collector.tick(now_s) for collector in collectors) if moment is not None]
        if request.pids:
            due.append(now_s + POLL_S)
        info = signals.take(min([moment - time.monotonic() for moment in due], default=3600.0))
        if workload and workload.poll() is not None:
            return "command ended", None
        if request.pids and all(start_time(pid) is None for pid in request.pids):
            return "processes ended", None
        if process.poll() is not None:
            return "perf ended", signal.SIGTERM
        if info is not None and info.si_signo in STOPPING:
            reason = "interrupted" if info.si_signo == signal.SIGINT else "terminated"
            return reason, None if info.si_code == SI_KERNEL else info.si_signo
        if deadline is not None and time.monotonic() >= deadline:
            return "time limit", signal.SIGTERM


def _finish_perf(process: PerfProcess, signals: Signals, say: Callable[[str], None]) -> None:
    """Wait until perf has finished its file; the second signal to us meanwhile gives it up."""
    announce_s = time.monotonic() + PATIENCE_S
    warned = False
    while process.poll() is None:
        info = signals.take(0.2)
        if info is not None and info.si_signo in STOPPING:
            if warned:
                raise KeyboardInterrupt
            warned = True
            say("perf is finishing its file; interrupt once more to give the recording up")
        elif time.monotonic() > announce_s:
            announce_s = float("inf")
            say("perf is finishing its file")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
