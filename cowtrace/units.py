"""Units and their text forms. Numbers stay integers; only text is rounded."""

from __future__ import annotations

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

NS_PER_US = 1_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000

_BYTE_STEPS = ((1 << 50, "PiB"), (1 << 40, "TiB"), (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB"))
_TIME_STEPS = ((NS_PER_S, "s"), (NS_PER_MS, "ms"), (NS_PER_US, "µs"))


def format_bytes(size_bytes: int | None) -> str:
    """``1536 -> '1.5 KiB'``; None -> ``'?'``."""
    if size_bytes is None:
        return "?"
    for step, name in _BYTE_STEPS:
        if abs(size_bytes) >= step:
            return f"{size_bytes / step:.3g} {name}" if abs(size_bytes) < 1000 * step else f"{size_bytes / step:.0f} {name}"
    return f"{size_bytes} B"


def format_ns(duration_ns: int | None) -> str:
    """``1500 -> '1.5 µs'``; None -> ``'?'``."""
    if duration_ns is None:
        return "?"
    for step, name in _TIME_STEPS:
        if abs(duration_ns) >= step:
            return f"{duration_ns / step:.3g} {name}" if abs(duration_ns) < 1000 * step else f"{duration_ns / step:.0f} {name}"
    return f"{duration_ns} ns"


def format_count(count: int | None) -> str:
    """``1234567 -> '1,234,567'``; None -> ``'?'``."""
    return "?" if count is None else f"{count:,}"
