"""Waiting for whatever ends a recording, and for perf to finish its file."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence

from cowtrace.recording.collector import Collector
from cowtrace.recording.perf_process import PerfProcess
from cowtrace.recording.processes import start_time
from cowtrace.recording.request import Request
from cowtrace.recording.signals import SI_KERNEL, STOPPING, Signals
from cowtrace.recording.without_perf import NoPerf
from cowtrace.recording.workload import Workload

#: How often processes are looked at. The end of a child is a signal, but those of ``-p`` are no children, and in a program with threads
#: another thread may swallow the signal.
POLL_S = 0.2
#: A longer write-out of perf is announced.
PATIENCE_S = 2.0


def wait_for_end(
    request: Request, process: PerfProcess | NoPerf, workload: Workload | None, collectors: Sequence[Collector], signals: Signals
) -> tuple[str, int | None]:
    """Wait for the end. Returns the stop reason, and which signal a command that still runs should get first."""
    deadline = None if request.limit_s is None else time.monotonic() + request.limit_s
    while True:
        now_s = time.monotonic()
        due = [now_s + POLL_S, *([deadline] if deadline is not None else [])]
        due += [moment for moment in (collector.tick(now_s) for collector in collectors) if moment is not None]
        info = signals.take(min(due) - time.monotonic())
        stop = info if info is not None and info.si_signo in STOPPING else None
        if workload and workload.poll() is not None:
            # Ctrl-C reaches the command as well, and it may be gone first
            stop = stop or signals.take_stop()
            return (_stop_reason(stop), None) if stop else ("command ended", None)
        if request.pids and all(start_time(pid) is None for pid in request.pids):
            return "processes ended", None
        if process.poll() is not None:
            return "perf ended", signal.SIGTERM
        for collector in collectors:
            if collector.stop_reason is not None:
                return collector.stop_reason, signal.SIGTERM
        if stop is not None:
            return _stop_reason(stop), None if stop.si_code == SI_KERNEL else stop.si_signo
        if deadline is not None and time.monotonic() >= deadline:
            return "time limit", signal.SIGTERM


def _stop_reason(info: signal.struct_siginfo) -> str:
    return "interrupted" if info.si_signo in (signal.SIGINT, signal.SIGQUIT) else "terminated"


def finish_perf(process: PerfProcess | NoPerf, signals: Signals, say: Callable[[str], None]) -> None:
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
