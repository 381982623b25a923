"""What a group of faults cost, and the check that groups add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any


class ConservationError(AssertionError):
    """Parts do not add up to the whole: a bug of cowtrace, never of the input. No report is printed."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The same measures for every grouping; sums over faults, each weighed by its sample period.

    Attributes:
        fault_count: All faults; the seven counts below add up to it.
        copy_count: Copied an old page.
        reuse_count: Made a page writable in place.
        first_touch_count: Zero-filled a page, or mapped the shared zero page.
        file_count: Mapped file or shared memory, or made it writable.
        other_count: Swap-in, NUMA hint, userfaultfd, spurious.
        failed_count: Mapped nothing.
        unknown_count: The recording can't tell.
        copied_bytes: Bytes; at least so many when ``unsized_count`` is not 0.
        zeroed_bytes: Bytes.
        unsized_count: Copies of unknown size.
        duration_ns: Entry to exit with the recorder's own cost; None when no fault was timed.
        timed_count: Faults in ``duration_ns``.
    """

    fault_count: int = 0
    copy_count: int = 0
    reuse_count: int = 0
    first_touch_count: int = 0
    file_count: int = 0
    other_count: int = 0
    failed_count: int = 0
    unknown_count: int = 0
    copied_bytes: int = 0
    zeroed_bytes: int = 0
    unsized_count: int = 0
    duration_ns: int | None = None
    timed_count: int = 0

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Cost:
        """From a row of a query that has these columns among others."""
        return cls(**{name: row[name] for name in _NAMES})

    @classmethod
    def total(cls, costs: Iterable[Cost]) -> Cost:
        """The sum; times that are None are left out."""
        rows = list(costs)
        sums = {name: sum(getattr(row, name) for row in rows) for name in _NAMES if name != "duration_ns"}
        times = [row.duration_ns for row in rows if row.duration_ns is not None]
        return cls(**sums, duration_ns=sum(times) if times else None)

    def less(self, part: Cost) -> Cost:
        """What is left without a part of it; its time is None when nothing timed is left."""
        left = {name: getattr(self, name) - getattr(part, name) for name in _NAMES if name != "duration_ns"}
        time = (self.duration_ns or 0) - (part.duration_ns or 0) if left["timed_count"] else None
        return Cost(**left, duration_ns=time)


_NAMES = tuple(field.name for field in fields(Cost))
_FAMILIES = ("copy_count", "reuse_count", "first_touch_count", "file_count", "other_count", "failed_count", "unknown_count")


def check_families(cost: Cost) -> None:
    """The families of a group add up to its faults.

    Raises:
        ConservationError: They do not.
    """
    parts = sum(getattr(cost, name) for name in _FAMILIES)
    if parts != cost.fault_count:
        raise ConservationError(f"faults by family sum to {parts}, all faults are {cost.fault_count}")


def check_sum(grouping: str, whole: Cost, parts: Cost) -> None:
    """The groups of a grouping add up to all faults, in every measure.

    Raises:
        ConservationError: They do not; the first measure that differs is named.
    """
    for name in _NAMES:
        if getattr(whole, name) != getattr(parts, name):
            raise ConservationError(f"{name} {grouping} sums to {getattr(parts, name)}, all faults have {getattr(whole, name)}")


def as_dict(cost: Cost) -> dict[str, int | None]:
    """Measures by name."""
    return {name: getattr(cost, name) for name in _NAMES}
