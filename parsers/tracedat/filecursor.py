"""A cursor over a file whose parts say their own length as one reads on."""

from __future__ import annotations

from cowtrace.errors import InputError, TruncatedError
from cowtrace.parsers.cursor import Cursor
from cowtrace.parsers.source import Source

_WINDOW_BYTES = 64 << 10
#: No text or section in a head is longer; a larger number is damage.
_TAKE_MAX = 64 << 20


class FileCursor(Cursor):
    """``Cursor`` from byte ``start`` of a file; reads ahead a little, never the whole file."""

    def __init__(self, source: Source, order: str, start: int) -> None:
        super().__init__(b"", order, source.path, start)
        self._source = source
        self._window_at = 0

    @property
    def left(self) -> int:
        """Bytes up to the end of the file."""
        return max(self._source.size - self.base - self.at, 0)

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        self._check(size)
        if size > _TAKE_MAX:
            raise InputError(self.path, f"a text of {size} bytes in the head of the file", offset=self.base + self.at)
        start = self.at - self._window_at
        if start < 0 or start + size > len(self.data):
            self._fill(size)
            start = 0
        self.at += size
        return self.data[start : start + size]

    def skip(self, size: int) -> None:
        """Leave out ``size`` bytes without reading them."""
        self._check(size)
        self.at += size

    def c_string(self) -> bytes:
        """Bytes up to the next NUL, which is consumed."""
        self._fill(1)
        end = self.data.find(b"\0")
        if end < 0:
            raise TruncatedError(self.path, "expected a NUL-terminated string", offset=self.base + self.at)
        self.at += end + 1
        return self.data[:end]

    def _check(self, size: int) -> None:
        if size < 0 or size > self.left:
            problem = f"expected {size} more bytes, the file has {self.left}"
            raise TruncatedError(self.path, problem, offset=self.base + self.at)

    def _fill(self, size: int) -> None:
        count = min(max(size, _WINDOW_BYTES), self.left)
        self.data = self._source.read(self.base + self.at, count, "head")
        self._window_at = self.at
