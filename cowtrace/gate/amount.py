"""Amounts as people write them: ``64 MiB``, ``10 ms``, ``1_000``, and how measures print."""

from __future__ import annotations

import re

from cowtrace.units import GIB, KIB, MIB, NS_PER_MS, NS_PER_S, NS_PER_US, format_bytes, format_count, format_ns

#: Unit of a measure -> spellings -> factor. Decimal prefixes of bytes are the SI ones.
UNITS: dict[str, dict[str, int]] = {
    "bytes": {
        "B": 1,
        "KiB": KIB,
        "MiB": MIB,
        "GiB": GIB,
        "TiB": GIB * KIB,
        "kB": 10**3,
        "KB": 10**3,
        "MB": 10**6,
        "GB": 10**9,
        "TB": 10**12,
    },
    "ns": {"ns": 1, "us": NS_PER_US, "µs": NS_PER_US, "ms": NS_PER_MS, "s": NS_PER_S},
    "count": {"": 1, "k": 10**3, "M": 10**6},
}
_AMOUNT = re.compile(r"\s*([0-9][0-9_,]*(?:\.[0-9]+)?)\s*([A-Za-zµ]*)\s*")
_FORMATS = {"bytes": format_bytes, "ns": format_ns, "count": format_count}


def parse_amount(text: str | float, unit: str) -> int:
    """``('64 MiB', 'bytes') -> 67108864``; a bare number is in the base unit.

    Raises:
        ValueError: Not an amount in this unit; says which units there are.
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        if text < 0:
            raise ValueError(f"{text} is negative")
        return round(text)
    found = _AMOUNT.fullmatch(str(text))
    factors = UNITS[unit]
    if found is None or (found[2] and found[2] not in factors):
        known = ", ".join(name for name in factors if name)
        raise ValueError(f"{text!r} is no amount in {unit}; write a number with one of: {known}")
    return round(float(found[1].replace("_", "").replace(",", "")) * factors.get(found[2], 1))


def format_amount(amount: float | None, unit: str) -> str:
    """The other way round, rounded for people."""
    return _FORMATS[unit](None if amount is None else round(amount))
