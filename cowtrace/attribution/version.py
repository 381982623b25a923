"""Kernel releases as numbers, for rules that changed from one to the next."""

from __future__ import annotations


def release(text: str | None) -> tuple[int, int]:
    """``6.18.44-x -> (6, 18)``; unknown kernels count as current."""
    parts = (text or "").split(".")
    try:
        return int(parts[0]), int("".join(c for c in parts[1] if c.isdigit()) or 0)
    except (IndexError, ValueError):
        return (99, 0)
