"""Mappings named by a pattern: part of a path, a kind such as ``heap``, or an address."""

from __future__ import annotations

import fnmatch

import numpy as np

from cowtrace.errors import UsageError
from cowtrace.replay.trace import Bools, Trace


def check_pattern(knob: str, value: str) -> None:
    """A pattern is any text without control characters."""
    if not value.isprintable():
        raise UsageError(f"what-if {knob}: the pattern holds unprintable characters")


def matching(trace: Trace, knob: str, pattern: str) -> Bools:
    """bool per mapping, one False more for none: its path, its kind, or an address in it fits the pattern.

    Args:
        trace: The trace.
        knob: For messages.
        pattern: A shell pattern for whole paths or kinds (``*libpython*``, ``heap``, ``anon``), or an address as 0x...

    Raises:
        UsageError: Nothing fits.
    """
    vmas = trace.vmas
    wanted = pattern.strip("[]") if pattern in ("[heap]", "[stack]", "[anon]") else pattern
    if wanted.startswith("0x"):
        try:
            addr = int(wanted, 16)
        except ValueError:
            raise UsageError(f"what-if {knob}={pattern}: expected a mapping's path, a kind, or an address as 0x...") from None
        hit = (vmas.start <= addr) & (addr < vmas.end)
    else:
        fits: dict[tuple[str | None, str], bool] = {}
        for who in zip(vmas.path, vmas.kind, strict=True):
            if who not in fits:
                fits[who] = any(fnmatch.fnmatchcase(text, wanted) for text in (who[0] or "", who[1]))
        hit = np.array([fits[who] for who in zip(vmas.path, vmas.kind, strict=True)], np.bool_)
    if not hit.any():
        kinds = ", ".join(sorted(set(vmas.kind))) or "none"
        raise UsageError(f"what-if {knob}={pattern}: no mapping of the recording fits; give a path with *, a kind ({kinds}), or 0x...")
    return np.append(hit, False)
