"""Kernel settings turned for a while and put back whatever happens.

Before anything is written, a state file says what was there. It lies in /run, which like the settings does not outlive the machine, and is
locked as long as its process lives: a file that can be locked was left by one that was killed, and says how to undo what it did.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from cowtrace.errors import HostError, UsageError
from cowtrace.recording.host import Host
from cowtrace.recording.knobs import Setting, current

STATE = "run/cowtrace-settings.json"
SCHEMA = "cowtrace.settings/1"
_STOPPING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}
_MAX_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Changed:
    """A setting that was turned.

    Attributes:
        path: Below the host's root.
        before: What was there.
        value: What was written.
    """

    path: str
    before: str
    value: str

    @property
    def undo(self) -> str:
        """A shell command that puts it back."""
        return f"echo {self.before} | sudo tee /{self.path}"


@contextmanager
def held(host: Host, settings: Sequence[Setting], say: Callable[[str], None]) -> Iterator[None]:
    """Turn settings, and put back what was there when the block ends, by a return, an error or a signal.

    What an earlier process that was killed left turned is put back first.

    Raises:
        HostError: A setting can't be written.
        UsageError: Another process holds settings of this host.
        KeyboardInterrupt: SIGTERM and SIGHUP, as SIGINT, end the block.
    """
    path = host.path(STATE)
    with _locked(path) as state, signals_as_interrupts():
        _put_back(host, _read(path), say)
        changed = [Changed(setting.path, current(host, setting.path) or "", setting.value) for setting in settings]
        _write(state, changed)
        try:
            for one in changed:
                _set(host, one.path, one.value)
            yield
        finally:
            before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
            try:
                _put_back(host, changed, None)
                path.unlink(missing_ok=True)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)


def put_back_left(host: Host, say: Callable[[str], None]) -> None:
    """Put back what a killed process left turned, so that the present settings are the host's own.

    Raises:
        HostError: It can't be written.
        UsageError: Another process holds settings of this host.
    """
    if host.path(STATE).exists():
        with held(host, [], say):
            pass


def left_turned(host: Host) -> list[Changed]:
    """Settings that a killed process left turned; empty when there are none, they were put back since, or their process still lives."""
    path = host.path(STATE)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return []
    try:
        if not _try_lock(descriptor):
            return []
        left = [one for one in _read(path) if current(host, one.path) not in (one.before, None)]
        if not left:
            with suppress(OSError):
                path.unlink()
        return left
    finally:
        os.close(descriptor)


def _put_back(host: Host, changed: Sequence[Changed], say: Callable[[str], None] | None) -> None:
    failures = []
    for one in reversed(changed):
        if current(host, one.path) in (one.before, None):
            continue
        try:
            _set(host, one.path, one.before)
            if say:
                say(f"put back /{one.path} to {one.before}: a cowtrace that was killed had left it at {one.value}")
        except HostError:
            failures.append(one)
    if failures:
        raise HostError(f"could not put back: {'; '.join(one.undo for one in failures)}")


def _set(host: Host, path: str, value: str) -> None:
    try:
        host.path(path).write_text(f"{value}\n", encoding="ascii")
    except OSError as error:
        raise HostError(f"/{path}: can't be set to {value}: {error.strerror} (run as root)") from None


def _read(path: Path) -> list[Changed]:
    """What a state file says; nothing when it is empty or not ours."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_MAX_BYTES))
        changed = [Changed(str(one["path"]), str(one["before"]), str(one["value"])) for one in found["settings"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    # it may be anybody's file: only settings that we would turn ourselves
    ours = ("sys/kernel/mm/", "sys/kernel/debug/fault_around_bytes")
    return [one for one in changed if one.path.startswith(ours) and ".." not in one.path and one.before.isalnum()]


def _write(file: TextIO, changed: Sequence[Changed]) -> None:
    file.seek(0)
    file.truncate()
    json.dump({"schema": SCHEMA, "pid": os.getpid(), "settings": [asdict(one) for one in changed]}, file)
    file.flush()
    os.fsync(file.fileno())


@contextmanager
def _locked(path: Path) -> Iterator[TextIO]:
    busy = UsageError("another cowtrace has turned kernel settings of this host; wait for it to end")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise HostError(f"{path}: {error.strerror}; settings are turned only after noting there what they were (run as root)") from None
    with os.fdopen(descriptor, "r+", encoding="utf-8") as state:
        if not _try_lock(descriptor):
            raise busy
        # its last holder may have removed it between our two steps; a lock on a file without a name keeps nobody out
        if not path.exists() or path.stat().st_ino != os.fstat(descriptor).st_ino:
            raise busy
        yield state


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def signals_as_interrupts() -> Iterator[None]:
    """SIGTERM and SIGHUP raise KeyboardInterrupt as SIGINT does; those that are ignored stay so."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {}
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
