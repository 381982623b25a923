"""What copying a file up costs: measured on the rows of the recording, else taken from measurements elsewhere with wide bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Half of what two runs of the same may differ by, either way.
_NOISE = 0.2
_FEW = 3


@dataclass(frozen=True, slots=True)
class Range:
    """A number with a 90 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def exact(cls, value: float) -> Range:
        """A number that is known."""
        return cls(value, value, value)

    def __add__(self, other: Range) -> Range:
        return Range(self.value + other.value, self.low + other.low, self.high + other.high)

    def up_to(self, other: Range) -> Range:
        """This, but perhaps as much as the other."""
        return Range(self.value, min(self.low, other.low), max(self.high, other.high))

    def at_most(self, other: Range) -> Range:
        """This, unless the other is less."""
        return self if self.value <= other.value else other


NOTHING = Range(0, 0, 0)

#: x86-64 virtual machine, Linux 6.18, ext4 on a virtual disk: a metadata copy-up, and copy and fsync of data.
_DEFAULT_METADATA = Range(120_000, 60_000, 430_000)
_DEFAULT_BASE_NS, _DEFAULT_NS_PER_BYTE, _DEFAULT_FACTOR = 1_200_000.0, 0.67e6 / (1 << 20), 3.0
#: The same on a volatile mount, which never syncs.
_VOLATILE_BASE_NS, _VOLATILE_NS_PER_BYTE = 120_000.0, 0.34e6 / (1 << 20)
#: A file's metadata takes longer than that of a folder or link: one attribute more says that the data is elsewhere.
_FILE_TO_OTHERS = 1.4
_TMPFS_METADATA = Range(50_000, 20_000, 100_000)
_TMPFS_BASE_NS, _TMPFS_NS_PER_BYTE, _TMPFS_FACTOR = 60_000.0, 0.72e6 / (1 << 20), 1.6


@dataclass(frozen=True, slots=True)
class CopyCosts:
    """Costs of copy-ups.

    Attributes:
        metadata: One without data; ns.
        base_ns: Of one with data, whatever its size.
        ns_per_byte: And for each byte.
        factor: Between the bounds and the value of one with data.
        source: Where all this comes from, one sentence.
    """

    metadata: Range
    base_ns: float
    ns_per_byte: float
    factor: float
    source: str
    tmpfs_metadata: Range = _TMPFS_METADATA

    def data(self, size_bytes: float) -> Range:
        """Time of copying that much."""
        return _ranged(self.base_ns + size_bytes * self.ns_per_byte, self.factor)

    def tmpfs_data(self, size_bytes: float) -> Range:
        """Time of copying that much to a tmpfs."""
        return _ranged(_TMPFS_BASE_NS + size_bytes * _TMPFS_NS_PER_BYTE, _TMPFS_FACTOR)


def measured_costs(rows: Iterable[Mapping[str, Any]], *, volatile: bool = False) -> CopyCosts:
    """Costs from timed rows of ``copyup``; what they can't tell comes from elsewhere.

    Args:
        rows: Of one recording.
        volatile: Its mounts never sync what is copied.
    """
    metadata: list[int] = []
    others: list[int] = []
    sizes: list[int] = []
    times: list[int] = []
    for row in rows:
        if row["duration_ns"] is None:
            continue
        if row["metadata_only"] and row["trigger"] != "open_write":
            (metadata if row.get("file_type") == "file" else others).append(row["duration_ns"])
        elif row["copied_bytes"]:
            sizes.append(row["copied_bytes"])
            times.append(row["duration_ns"])
    said = []
    alone = _DEFAULT_METADATA
    if metadata:
        alone = _mean(metadata, 1.0)
        said.append(f"metadata alone {alone.value / 1000:.0f} µs (mean of {len(metadata)} in this recording)")
    elif others:
        alone = _mean(others, _FILE_TO_OTHERS)
        said.append(f"metadata alone {alone.value / 1000:.0f} µs (from {len(others)} folders and links in this recording)")
    else:
        said.append("metadata alone 120 µs (measured elsewhere: 60 to 430)")
    default = (_VOLATILE_BASE_NS, _VOLATILE_NS_PER_BYTE) if volatile else (_DEFAULT_BASE_NS, _DEFAULT_NS_PER_BYTE)
    base, slope, factor = _line(np.array(sizes, float), np.array(times, float), default)
    where = f"{len(sizes)} in this recording" if sizes else "measured elsewhere, to a factor of three"
    said.append(f"data {base / 1e6:.2f} ms and {slope * (1 << 20) / 1e6:.2f} ms per MiB ({where})")
    return CopyCosts(alone, base, slope, factor, f"Copy-ups cost: {', '.join(said)}.")


def _mean(times: list[int], factor: float) -> Range:
    middle = float(np.mean(times)) * factor
    width = 1.645 * float(np.std(times)) / np.sqrt(len(times)) + _NOISE * middle * factor
    return Range(middle, max(middle - width, 0), middle + width)


def _line(sizes: np.ndarray, times: np.ndarray, default: tuple[float, float]) -> tuple[float, float, float]:
    """Base, slope and factor of the bounds, by least squares where sizes differ enough."""
    if not len(sizes):
        return *default, _DEFAULT_FACTOR
    if len(sizes) >= _FEW and sizes.max() >= 2 * sizes.min():
        slope, base = np.polyfit(sizes, times, 1)
        if slope > 0 and base >= 0:
            return float(base), float(slope), 1 + _NOISE
    base = min(default[0], float(times.min()) / 2)
    slope = max(float(times.sum()) - base * len(times), 0.0) / float(sizes.sum())
    return base, slope, 1 + 2 * _NOISE


def _ranged(value: float, factor: float) -> Range:
    return Range(value, value / factor, value * factor)
