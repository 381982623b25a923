"""The bytes of one input file: every read is checked against the size that the file really has."""

from __future__ import annotations

import os
import stat
import tempfile
import weakref

import numpy as np
import numpy.typing as npt

from cowtrace.errors import InputError, TruncatedError

Bytes = npt.NDArray[np.uint8]


class Source:
    """A readable file, by offset and never mapped: mapped pages would count as resident memory.

    Attributes:
        path: Name for messages.
        size: Bytes, as the file system says.
    """

    def __init__(self, path: str, fd: int) -> None:
        self.path = path
        self.size = os.fstat(fd).st_size
        self._fd = fd
        weakref.finalize(self, os.close, fd)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Source:
        """Open a regular file.

        Raises:
            InputError: It can't be opened, or is no regular file (a FIFO would block for ever).
        """
        name = os.fspath(path)
        try:
            if not stat.S_ISREG(os.stat(name).st_mode):
                raise InputError(name, "expected a regular file", hint="write the stream to a file first")
            return cls(name, os.open(name, os.O_RDONLY | os.O_CLOEXEC))
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            raise InputError(name, getattr(error, "strerror", None) or str(error)) from error

    def read(self, offset: int, size: int, what: str) -> bytes:
        """Exactly ``size`` bytes at ``offset``; ``what`` names them in the error.

        Raises:
            TruncatedError: The file has fewer.
        """
        if offset < 0 or size < 0 or offset + size > self.size:
            left = max(self.size - max(offset, 0), 0)
            raise TruncatedError(self.path, f"{what}: expected {size} bytes, the file has {left} left", offset=offset)
        buffer = np.empty(size, np.uint8)
        if self.read_into(buffer, offset) < size:
            raise TruncatedError(self.path, f"{what}: the file became shorter while it was read", offset=offset)
        return buffer.tobytes()

    def read_into(self, buffer: Bytes, offset: int) -> int:
        """Fill ``buffer`` from ``offset``; returns the bytes read, fewer only at the end of the file."""
        view = buffer.data
        done = 0
        while done < len(view):
            count = os.preadv(self._fd, [view[done:]], offset + done)
            if count == 0:
                break
            done += count
        return done


class SpillFile(Source):
    """An anonymous temporary file: it has no name on disk and is gone when its last user is."""

    def __init__(self, path: str) -> None:
        fd, name = tempfile.mkstemp(prefix="cowtrace-")
        os.unlink(name)
        super().__init__(path, fd)

    def append(self, data: bytes | bytearray | memoryview) -> None:
        """Write at the end.

        Raises:
            InputError: The file system for temporary files is full.
        """
        view = memoryview(data)
        try:
            while view:
                count = os.pwrite(self._fd, view, self.size)
                self.size += count
                view = view[count:]
        except OSError as error:
            hint = f"free some space in {tempfile.gettempdir()} or set TMPDIR"
            raise InputError(self.path, f"temporary copy failed: {error.strerror}", hint=hint) from error

    def cut(self, size: int) -> None:
        """Forget everything behind the first ``size`` bytes."""
        os.ftruncate(self._fd, size)
        self.size = size
