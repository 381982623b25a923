"""From ring buffer time stamps to nanoseconds.

Sources: kernel/trace/trace.c (trace_clocks), trace-cmd: lib/trace-cmd/trace-input.c (timestamp_calc).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.tracedat.options import Options
from cowtrace.parsers.words import Index

#: Clocks that do not count nanoseconds, and what they count.
UNITS = {"counter": "events", "uptime": "jiffies", "x86-tsc": "cycles", "tsc2nsec": "cycles", "ppc-tb": "ticks"}
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Clock:
    """Conversion of all buffers of a file.

    Attributes:
        mult: Multiplier; 0 = the time stamps are not scaled.
        shift: Bits that the product is shifted right.
        offset_ns: Added last.
    """

    mult: int
    shift: int
    offset_ns: int

    @classmethod
    def of(cls, options: Options) -> Clock:
        """The conversion that the options ask for; one that no trace-cmd writes is none."""
        mult, shift = options.tsc or (0, 0)
        offset_ns = options.offset_ns if abs(options.offset_ns) < 1 << 62 else 0
        return cls(mult if shift < 64 else 0, shift, offset_ns)

    def convert(self, stamps: npt.NDArray[np.uint64]) -> Index:
        """Times of time stamps; what does not fit 63 bits wraps around."""
        times = stamps
        if self.mult:
            mult = np.uint64(self.mult)
            low = (stamps & _LOW) * mult
            high = (stamps >> _HALF) * mult + (low >> _HALF)
            if self.shift >= 32:
                times = high >> np.uint64(self.shift - 32)
            else:
                times = (high << np.uint64(32 - self.shift)) + ((low & _LOW) >> np.uint64(self.shift))
        result: Index = times.view(np.int64)
        return result + self.offset_ns if self.offset_ns else result
