"""What one event asked the kernel to record: struct perf_event_attr.

Source: include/uapi/linux/perf_event.h. The struct grows with kernels; ``size`` says how much of it a file has. Missing fields are 0,
an unknown tail is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from cowtrace.parsers.cursor import Cursor

HARDWARE, SOFTWARE, TRACEPOINT, HW_CACHE, RAW, BREAKPOINT = range(6)
SW_DUMMY = 9

#: PERF_ATTR_SIZE_VER0; a size of 0 means this one.
SIZE_VER0 = 64
#: Larger than any version so far (144 in Linux 7.2); more is a damaged file.
_SIZE_MAX = 4096

# type, size, config, sample_period or sample_freq, sample_type, read_format, flags, wakeup, bp_type, config1, config2,
# branch_sample_type, sample_regs_user, sample_stack_user, clockid, sample_regs_intr
_FIELDS = "IIQQQQQIIQQQQIiQ"
_SIZE = Struct("<" + _FIELDS).size
assert _SIZE == 2 * 4 + 5 * 8 + 2 * 4 + 4 * 8 + 2 * 4 + 8

# Bits of flags.
_INHERIT, _EXCLUDE_USER, _EXCLUDE_KERNEL, _FREQ, _SAMPLE_ID_ALL, _USE_CLOCKID = (1 << bit for bit in (1, 4, 5, 10, 18, 25))


@dataclass(frozen=True, slots=True)
class Attr:
    """The fields of perf_event_attr that decide how records look and what an event is called."""

    type: int
    config: int
    period_or_freq: int
    sample_type: int
    read_format: int
    flags: int
    bp_type: int = 0
    config1: int = 0
    branch_sample_type: int = 0
    sample_regs_user: int = 0
    sample_regs_intr: int = 0
    clockid: int = 0

    @property
    def period(self) -> int | None:
        """Events one sample stands for; None when the kernel adjusts it to a frequency."""
        return None if self.flags & _FREQ else self.period_or_freq

    @property
    def inherit(self) -> bool:
        """Children of the recorded task are counted too."""
        return bool(self.flags & _INHERIT)

    @property
    def exclude_user(self) -> bool:
        """Nothing is counted in user mode."""
        return bool(self.flags & _EXCLUDE_USER)

    @property
    def exclude_kernel(self) -> bool:
        """Nothing is counted in kernel mode."""
        return bool(self.flags & _EXCLUDE_KERNEL)

    @property
    def sample_id_all(self) -> bool:
        """Records other than SAMPLE end in a sample_id."""
        return bool(self.flags & _SAMPLE_ID_ALL)

    @property
    def use_clockid(self) -> bool:
        """Times are of the clock ``clockid`` and not of the kernel's own."""
        return bool(self.flags & _USE_CLOCKID)

    @property
    def is_dummy(self) -> bool:
        """perf's own event that only carries side-band records."""
        return self.type == SOFTWARE and self.config == SW_DUMMY


def read_attr(cursor: Cursor, stride: int | None = None) -> Attr:
    """One attr at the cursor, which is left behind it.

    Args:
        cursor: Where it starts.
        stride: Bytes that the container gives to it; by default as many as the attr says itself.

    Raises:
        TruncatedError: The bytes end before it does.
    """
    head = cursor.data[cursor.at + 4 : cursor.at + 8]
    size = int.from_bytes(head, "little" if cursor.order == "<" else "big") or SIZE_VER0
    span = size if stride is None else stride
    size = min(size, span, _SIZE_MAX)
    data = cursor.take(span)[:size][:_SIZE].ljust(_SIZE, b"\0")
    kind, _, config, period, sample_type, read_format, flags, _, bp_type, config1, _, branch, user, _, clockid, intr = Struct(
        cursor.order + _FIELDS
    ).unpack(data)
    if cursor.order == ">":
        # The flags are a C bit field: a big-endian compiler counts its bits from the most significant one.
        flags = int(f"{flags:064b}"[::-1], 2)
    return Attr(
        type=kind,
        config=config,
        period_or_freq=period,
        sample_type=sample_type,
        read_format=read_format,
        flags=flags,
        bp_type=bp_type,
        config1=config1,
        branch_sample_type=branch,
        sample_regs_user=user,
        sample_regs_intr=intr,
        clockid=clockid,
    )
