"""One recording, from the first check to the finished folder.

folder.partial made and locked ─ command forked, held ─ perf started, smaller plans until it accepts one ─ collectors start
─ command released ─ wait ─ perf stopped ─ command ended ─ collectors stop ─ recording.json ─ renamed
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from cowtrace.errors import HostError, UsageError
from cowtrace.recording import clock
from cowtrace.recording.collector import Collector, Scene
from cowtrace.recording.folder import PERF_DATA, PERF_STDERR, RecordingFolder
from cowtrace.recording.perf_messages import first_complaint, read_totals
from cowtrace.recording.perf_process import PerfProcess
from cowtrace.recording.perf_tool import PerfTool
from cowtrace.recording.processes import start_time
from cowtrace.recording.request import Outcome, Request
from cowtrace.recording.signals import Signals
from cowtrace.recording.starting import announcement, start_perf
from cowtrace.recording.waiting import finish_perf, wait_for_end
from cowtrace.recording.without_perf import NoPerf
from cowtrace.recording.workload import Workload


def record(
    request: Request,
    perf: PerfTool | None,
    collectors: Sequence[Collector],
    describe: Callable[[Outcome], dict[str, object]],
    say: Callable[[str], None],
) -> Outcome:
    """Record, and leave the finished folder or nothing.

    Args:
        request: What to record.
        perf: The program; None when the collectors record alone.
        collectors: What runs beside perf.
        describe: Makes the contents of recording.json.
        say: Takes progress lines.

    Raises:
        HostError: perf refused every plan, or ended before anything was recorded; the disk is full.
        UsageError: The command can't be executed, the processes do not exist, the folder exists.
        KeyboardInterrupt: Interrupted before the recording began.
    """
    try:
        return _record(request, perf, collectors, describe, say=say)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise HostError(f"{request.path}: the disk is full, nothing was kept; record elsewhere (-o FOLDER) or with --limit-size") from error


def _record(
    request: Request,
    perf: PerfTool | None,
    collectors: Sequence[Collector],
    describe: Callable[[Outcome], dict[str, object]],
    *,
    say: Callable[[str], None],
) -> Outcome:
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
            say(announcement(request))
        plan, argv = request.plan, list[str]()
        process: PerfProcess | NoPerf = NoPerf()
        if perf is not None:
            plan, argv, process = start_perf(request, perf, folder.folder, pids=pids, signals=signals, say=say)
        stack.callback(process.close)
        scene = Scene(folder.folder, pids, workload is not None)
        for collector in collectors:
            stack.callback(collector.close)
            collector.start(scene)
        started = clock.now()
        if workload:
            workload.release()
        reason, first_signal = wait_for_end(request, process, workload, collectors, signals)
        for collector in collectors:
            collector.cease()
        process.request_stop()
        ended = clock.now()
        for collector in collectors:
            collector.stop()
        finish_perf(process, signals, say)
        totals = read_totals(process.stderr())
        if reason == "perf ended" and totals.size_limit_reached:
            reason = "size limit"
        ended_by_us = False
        if workload and workload.poll() is None:
            ended_by_us = True
            say(f"ending {request.command[0]} ({reason})")
            workload.end(first_signal)
        size_bytes = _size(folder.folder / PERF_DATA)
        if size_bytes == 0 and perf is not None:
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
        (folder.folder / PERF_STDERR).unlink(missing_ok=True)
        folder.finish(describe(outcome))
        return outcome


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
