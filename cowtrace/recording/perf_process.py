"""A running ``perf record``: started, known to be ready, stopped, and never left behind."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from cowtrace.recording.perf_tool import perf_environment

# include/uapi/linux/prctl.h
PR_SET_PDEATHSIG = 1

#: Longest time from perf's start to its first answer: it opens events x CPUs (x threads) and reads /proc for ``-a``.
READY_TIMEOUT_S = 120


class PerfProcess:
    """perf in a session of its own: the terminal's Ctrl-C reaches only us and the command, and we stop perf in our order.

    Args:
        make_argv: Gives the argument vector for the control file descriptors (read end for perf, write end for perf).
        stderr_path: Where perf's messages go.
    """

    def __init__(self, make_argv: Callable[[tuple[int, int]], Sequence[str]], stderr_path: Path) -> None:
        self._stderr_path = stderr_path
        command_read, self._command = os.pipe()
        self._answer, answer_write = os.pipe()
        try:
            with open(stderr_path, "wb") as stderr, warnings.catch_warnings():
                # since 3.12 preexec_fn warns when threads exist; prctl and sigmask take no locks
                warnings.simplefilter("ignore", DeprecationWarning)
                self._process = subprocess.Popen(
                    make_argv((command_read, answer_write)),
                    stdin=subprocess.DEVNULL,
                    stdout=stderr,
                    stderr=stderr,
                    env=perf_environment(),
                    # perf holds our end too: were it closed by our death, perf 6.1 would stumble over the hang-up and not finish its file
                    pass_fds=(command_read, answer_write, self._command),
                    start_new_session=True,
                    preexec_fn=_die_with_parent(os.getpid()),  # noqa: PLW1509 -- see above
                )
        except BaseException:
            os.close(self._command)
            os.close(self._answer)
            raise
        finally:
            os.close(command_read)
            os.close(answer_write)

    @property
    def pid(self) -> int:
        """Process id of perf."""
        return self._process.pid

    def poll(self) -> int | None:
        """None while perf runs, then its exit code; negative: ended by that signal."""
        return self._process.poll()

    def stderr(self) -> str:
        """Everything that perf has said."""
        return self._stderr_path.read_bytes().decode("utf-8", "backslashreplace")

    def wait_ready(self, interrupted: Callable[[], bool]) -> bool:
        """Wait until the events count. False when perf ended instead, took too long, or ``interrupted`` turned true."""
        # events of -p and -a count as soon as perf has opened them; it answers commands only after that
        try:
            os.write(self._command, b"enable\n")
        except BrokenPipeError:
            self._process.wait()
            return False
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline and not interrupted():
            readable, _, _ = select.select([self._answer], [], [], 0.05)
            if readable:
                if os.read(self._answer, 64):
                    return True
                self._process.wait()
                return False
            if self.poll() is not None:
                return False
        return False

    def request_stop(self) -> None:
        """Ask perf to finish its file."""
        if self.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End perf at once; its file stays unfinished."""
        if self.poll() is None:
            self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Make sure that perf is gone and its channels are closed."""
        self.kill()
        for descriptor in (self._command, self._answer):
            os.close(descriptor)


def _die_with_parent(parent: int) -> Callable[[], None]:
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def prepare() -> None:
        # SIGTERM: perf finishes its file even when we were killed with -9
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        if os.getppid() != parent:
            os._exit(1)

    return prepare
