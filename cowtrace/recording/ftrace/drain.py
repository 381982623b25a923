"""Ring buffer pages from ``trace_pipe_raw`` to files, while the recording runs.

Whole pages are moved inside the kernel (splice), through a pipe of at most 1 MiB; nothing is copied through this program and nothing waits
for a page to fill. When the recording has stopped, pages that are partly full are read one by one. Source: kernel/trace/trace.c
(tracing_buffers_read, tracing_buffers_splice_read).
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from contextlib import suppress
from pathlib import Path

_PIPE_BYTES = 1 << 20
_ROUND_S = 0.05
_THREADS_MAX = 8


class Drain:
    """Moves the pages of all CPUs, in threads.

    Args:
        instance: Folder of the instance.
        folder: Where the files go: ``trace.cpuN.pages``.
        page_bytes: Of a ring buffer page.

    Raises:
        OSError: A buffer can't be opened.
    """

    def __init__(self, instance: Path, folder: Path, page_bytes: int) -> None:
        self.error: str | None = None
        self._stop = threading.Event()
        numbers = sorted(int(path.name[3:]) for path in (instance / "per_cpu").glob("cpu*") if path.name[3:].isdigit())
        self._cpus: list[_Cpu] = []
        try:
            for cpu in numbers:
                source = instance / "per_cpu" / f"cpu{cpu}" / "trace_pipe_raw"
                self._cpus.append(_Cpu(cpu, source, folder / f"trace.cpu{cpu}.pages", page_bytes))
        except OSError:
            self.close()
            raise
        count = min(_THREADS_MAX, len(self._cpus))
        self._threads = [
            threading.Thread(target=self._run, args=(self._cpus[number::count],), name=f"cowtrace-ftrace-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def size_bytes(self) -> int:
        """What was moved until now."""
        return sum(cpu.size_bytes for cpu in self._cpus)

    def finish(self) -> dict[int, Path]:
        """Take what is left, when the recording has stopped.

        Returns:
            File of pages by CPU, those that hold any.
        """
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self.close()
        return {cpu.number: cpu.path for cpu in self._cpus if cpu.size_bytes}

    def close(self) -> None:
        """Stop the threads and close every file."""
        self._stop.set()
        for thread in getattr(self, "_threads", ()):
            thread.join()
        for cpu in self._cpus:
            cpu.close()

    def _run(self, cpus: list[_Cpu]) -> None:
        try:
            while not self._stop.wait(_ROUND_S):
                for cpu in cpus:
                    cpu.move_full_pages()
            for cpu in cpus:
                cpu.move_full_pages()
                cpu.read_rest()
        except OSError as error:
            self.error = error.strerror or str(error)


class _Cpu:
    """One CPU's buffer and its file."""

    def __init__(self, number: int, source: Path, path: Path, page_bytes: int) -> None:
        self.number = number
        self.path = path
        self.size_bytes = 0
        self._page_bytes = page_bytes
        self._open: list[int] = []
        self._source = self._keep(os.open(source, os.O_RDONLY | os.O_NONBLOCK))
        self._target = self._keep(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644))
        read, write = os.pipe()
        self._pipe = self._keep(read), self._keep(write)
        with suppress(OSError):  # unprivileged users may be refused more than 64 KiB
            fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def move_full_pages(self) -> None:
        """Move pages that the recording has left, until there is none."""
        read, write = self._pipe
        while True:
            try:
                moved = os.splice(self._source, write, _PIPE_BYTES, flags=os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK)
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.EINVAL):
                    return  # nothing yet; or a file that can't be spliced: it is read at the end
                raise
            if not moved:
                return
            while moved:
                stored = os.splice(read, self._target, moved)
                moved -= stored
                self.size_bytes += stored

    def read_rest(self) -> None:
        """Read what is left, the page under the writer too."""
        while True:
            try:
                page = os.read(self._source, self._page_bytes)
            except BlockingIOError:
                return
            if not page:
                return
            # a page is a page for the reader, however little stands in it
            os.write(self._target, page.ljust(self._page_bytes, b"\0"))
            self.size_bytes += self._page_bytes

    def close(self) -> None:
        while self._open:
            os.close(self._open.pop())

    def _keep(self, descriptor: int) -> int:
        self._open.append(descriptor)
        return descriptor
