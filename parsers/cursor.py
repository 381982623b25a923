"""Reading a small piece of a file field by field; the bounds are checked here and nowhere else."""

from __future__ import annotations

from struct import Struct

from cowtrace.errors import TruncatedError

_INTS = {(order, code): Struct(order + code) for order in "<>" for code in "BHIQiq"}


class Cursor:
    """A position in ``data``, which stands at byte ``base`` of the file ``path``.

    Raises:
        TruncatedError: From every method that would read behind the end.
    """

    def __init__(self, data: bytes, order: str, path: str, base: int = 0) -> None:
        self.data = data
        self.order = order
        self.path = path
        self.base = base
        self.at = 0

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self.data) - self.at

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        if size < 0 or size > self.left:
            raise TruncatedError(self.path, f"expected {size} more bytes of a section, it has {self.left}", offset=self.base + self.at)
        self.at += size
        return self.data[self.at - size : self.at]

    def skip(self, size: int) -> None:
        """Leave out ``size`` bytes."""
        self.take(size)

    def _int(self, code: str) -> int:
        layout = _INTS[self.order, code]
        value: int = layout.unpack(self.take(layout.size))[0]
        return value

    def u8(self) -> int:
        """Unsigned byte."""
        return self._int("B")

    def u16(self) -> int:
        """Unsigned 16-bit number."""
        return self._int("H")

    def u32(self) -> int:
        """Unsigned 32-bit number."""
        return self._int("I")

    def s32(self) -> int:
        """Signed 32-bit number."""
        return self._int("i")

    def u64(self) -> int:
        """Unsigned 64-bit number."""
        return self._int("Q")

    def u64s(self, count: int) -> list[int]:
        """``count`` unsigned 64-bit numbers."""
        data = self.take(8 * count)
        return [value for (value,) in _INTS[self.order, "Q"].iter_unpack(data)]

    def c_string(self) -> bytes:
        """Bytes up to the next NUL, which is consumed."""
        end = self.data.find(b"\0", self.at)
        if end < 0:
            raise TruncatedError(self.path, "expected a NUL-terminated string", offset=self.base + self.at)
        raw = self.data[self.at : end]
        self.at = end + 1
        return raw

    def rest(self) -> bytes:
        """Everything that is left."""
        return self.take(self.left)
