"""A tracefs instance: ring buffers of its own that no other user of ftrace sees (Documentation/trace/ftrace.rst)."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

from cowtrace.errors import HostError
from cowtrace.recording.processes import start_time

#: Of every instance that cowtrace makes; pid and start time of its recorder follow.
PREFIX = "cowtrace-"
#: While somebody reads a file of the instance, it can't be removed.
_PATIENCE_S = 2.0


def instance_name(number: int = 0) -> str:
    """A name that no other recorder takes, and by which a survivor can be told from one in use."""
    pid = os.getpid()
    return f"{PREFIX}{pid}-{start_time(pid) or 0}" + (f"-{number}" if number else "")


class Instance:
    """One instance. ``close`` removes it; calling it again does nothing.

    Args:
        tracefs: Where tracefs is mounted.
        name: Name of the instance.
        make: Makes the folder; tests put files into it as the kernel does.
        remove: Removes it.

    Raises:
        HostError: It can't be made.
    """

    def __init__(
        self, tracefs: Path, name: str, *, make: Callable[[Path], None] = os.mkdir, remove: Callable[[Path], None] = os.rmdir
    ) -> None:
        self.path = tracefs / "instances" / name
        self._remove = remove
        self._exists = False
        try:
            make(self.path)
        except OSError as error:
            fix = "run as root" if error.errno in (errno.EACCES, errno.EPERM) else "record without --with ftrace"
            hint = " (kernel lockdown closes tracefs)" if error.errno == errno.EPERM and os.geteuid() == 0 else ""
            raise HostError(f"ftrace can't be used: {self.path} can't be made: {error.strerror}{hint}; {fix}") from error
        self._exists = True

    def write(self, name: str, text: str, *, append: bool = False) -> None:
        """Write a file of the instance in one piece, as the kernel wants it; ``append`` keeps what a list holds.

        Raises:
            OSError: The kernel refused it.
        """
        descriptor = os.open(self.path / name, os.O_WRONLY | (os.O_APPEND if append else os.O_TRUNC))
        try:
            os.write(descriptor, text.encode("ascii"))
        finally:
            os.close(descriptor)

    def try_write(self, name: str, text: str, *, append: bool = False) -> str | None:
        """As ``write``; why it failed, None when it did not."""
        try:
            self.write(name, text, append=append)
        except OSError as error:
            return error.strerror or str(error)
        return None

    def read(self, name: str) -> str:
        """A text file of the instance; empty when it is missing or closed."""
        try:
            return (self.path / name).read_text(encoding="utf-8", errors="backslashreplace")
        except OSError:
            return ""

    def close(self) -> str | None:
        """Stop and remove the instance; why it is still there, None when it is gone."""
        if not self._exists:
            return None
        self.try_write("tracing_on", "0")
        self.try_write("current_tracer", "nop")
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                self._remove(self.path)
            except FileNotFoundError:
                pass
            except OSError as error:
                if error.errno == errno.EBUSY and time.monotonic() < deadline:
                    time.sleep(0.02)
                    continue
                return f"{self.path} could not be removed: {error.strerror}; `sudo rmdir {self.path}`"
            self._exists = False
            return None
