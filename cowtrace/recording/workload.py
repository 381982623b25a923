"""The recorded command: forked and held, released when perf is ready, so that perf sees it from its exec on.

perf could start the command itself, but then both would share one stderr and one exit code.
"""

from __future__ import annotations

import errno
import gc
import os
import shutil
import signal
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from cowtrace.errors import UsageError
from cowtrace.recording.processes import descendants

#: What a command is called until its exec.
HELD_COMM = "cowtrace"
#: From the polite signal to SIGKILL.
GRACE_S = 5.0


class Workload:
    """One command with our stdin, stdout, stderr and process group, waiting to be released.

    Args:
        argv: The command and its arguments.
        signal_mask: The signals that it starts with blocked: those that we were started with.

    Raises:
        UsageError: There is no such program, or it is not one.
    """

    def __init__(self, argv: Sequence[str], signal_mask: set[signal.Signals]) -> None:
        self.argv = list(argv)
        self._program = find_program(self.argv[0])
        self._status: int | None = None
        gate_read, self._gate = os.pipe()
        self._failure, failure_write = os.pipe()
        os.write(self._gate, b"!!")
        gc.collect()
        gc.freeze()
        with warnings.catch_warnings():
            # since 3.12 fork warns when threads exist; ours has none, and in a notebook's or a test's the child only reads and executes
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            self._become(gate_read, failure_write, signal_mask)
        gc.unfreeze()
        os.close(gate_read)
        os.close(failure_write)

    def release(self) -> None:
        """Let the command begin.

        Raises:
            UsageError: The kernel refused to execute it.
        """
        os.write(self._gate, b"!")
        failure = os.read(self._failure, 16)
        if failure:
            self.wait()
            number = int(failure)
            hint = "; it has no #! line: run it as `sh FILE`" if number == errno.ENOEXEC else ""
            raise UsageError(f"{self._program}: can't be executed: {os.strerror(number)}{hint}")

    def poll(self) -> int | None:
        """None while the command runs, then its exit code; negative: ended by that signal."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def wait(self) -> int:
        """The exit code, when the command has ended."""
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status

    def end(self, first_signal: int | None) -> None:
        """End the command and everything below it: ``first_signal`` (None: it got one already), SIGTERM after a while, then SIGKILL."""
        family = [self.pid, *descendants(self.pid)]
        steps = [(first_signal, 1.0)] if first_signal != signal.SIGTERM else []
        for number, patience in [*steps, (signal.SIGTERM, GRACE_S), (signal.SIGKILL, GRACE_S)]:
            for pid in family:
                if number is not None:
                    _send(pid, number)
            if self._gone_within(family, patience):
                return

    def close(self) -> None:
        """Make sure that nothing of the command is left, whatever state it is in."""
        if self.poll() is None:
            for pid in [*descendants(self.pid), self.pid]:
                _send(pid, signal.SIGKILL)
            self.wait()
        for descriptor in (self._gate, self._failure):
            os.close(descriptor)

    def _gone_within(self, family: list[int], patience: float) -> bool:
        deadline = time.monotonic() + patience
        while True:
            self.poll()
            family[:] = [pid for pid in family if (pid != self.pid or self._status is None) and _exists(pid)]
            if not family:
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)

    def _become(self, gate: int, failure: int, signal_mask: set[signal.Signals]) -> NoReturn:
        """The child: wait, then turn into the command."""
        try:
            # Python ignores these two; a command expects the system's defaults
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            os.close(self._gate)
            os.close(self._failure)
            with suppress(OSError), open("/proc/self/comm", "w", encoding="ascii") as comm:
                comm.write(HELD_COMM)
            environment = dict(os.environ)
            # The way to the exec is taken in vain first, from bytes that wait already: what it copies of our memory, it copies
            # before perf looks, so the recording begins with the command's own faults. A path of the same length that ends in a
            # slash can't be executed, and takes the same memory.
            vain = self._program[:-1] + "/"
            ways = ((signal.SIG_BLOCK, vain), (signal.SIG_BLOCK, vain), (signal.SIG_SETMASK, "".join(list(self._program))))
            for how, program in ways:
                if os.read(gate, 1) != b"!":
                    break
                signal.pthread_sigmask(how, signal_mask)
                try:
                    os.execve(program, self.argv, environment)
                except OSError as error:
                    number = error.errno
            else:
                os.write(failure, str(number).encode())
        finally:
            os._exit(127)


def find_program(name: str) -> str:
    """The file that a command name stands for, as a shell finds it.

    Raises:
        UsageError: There is none.
    """
    path = shutil.which(name)
    if path is not None:
        return path
    if os.sep in name:
        if os.path.isdir(name):
            raise UsageError(f"{name}: is a folder, not a command")
        if os.path.exists(name):
            raise UsageError(f"{name}: is not executable; `chmod +x` it, or name its interpreter: `cowtrace record -- sh {name}`")
        raise UsageError(f"{name}: no such file, so there is no command to record")
    raise UsageError(f"{name}: command not found on PATH, so there is nothing to record")


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
    except PermissionError:
        pass  # it became another user (sudo, su): its parent passes the signal on, or it ends with its input


def _exists(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False
