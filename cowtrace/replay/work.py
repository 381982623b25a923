"""A scenario in the making: what becomes of every recorded fault and fork; policies change it one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.replay.trace import BLOCK_PAGES, GONE, KIND, PAGE_SHIFT, Bools, Small, Trace

BASE_BYTES = 1 << PAGE_SHIFT
HUGE_BYTES = BLOCK_PAGES << PAGE_SHIFT

_COPIES = {"cow_copy": BASE_BYTES, "thp_split": BASE_BYTES, "file_cow": BASE_BYTES, "ksm_copy": BASE_BYTES, "hugetlb_cow": HUGE_BYTES}
_ZEROES = {
    "anon_zero": BASE_BYTES,
    "zero_page_cow": BASE_BYTES,
    "thp_zero": HUGE_BYTES,
    "thp_zero_page_cow": HUGE_BYTES,
    "hugetlb": HUGE_BYTES,
}
#: Bytes that a fault of each kind copies and zeroes, by number of the kind.
COPIED = np.array([_COPIES.get(name, 0) for name in KIND], np.int64)
ZEROED = np.array([_ZEROES.get(name, 0) for name in KIND], np.int64)


def recorded_bytes(trace: Trace) -> tuple[Int, Int]:
    """Bytes that each fault copied and zeroed: as recorded, else what its kind does. Not to be written to."""
    found = trace.cache.get("bytes")
    if found is None:
        faults = trace.faults
        copied = np.where(faults.copied >= 0, faults.copied, COPIED[faults.kind])
        found = trace.cache["bytes"] = (copied, np.where(faults.zeroed >= 0, faults.zeroed, ZEROED[faults.kind]))
    assert isinstance(found, tuple)
    return found


@dataclass(slots=True)
class Extra:
    """Faults that the recording does not hold, attached to recorded ones.

    Attributes:
        row: Fault (row of ``Trace.faults``) in whose process and at whose time they happen.
        kind: Number of their kind; one for all.
        value: How many, at the best estimate; float64[n].
        low: At least.
        high: At most.
        why: What the estimate rests on, one sentence.
        independent: The errors of different rows have nothing in common, so they partly cancel in sums.
    """

    row: Int
    kind: int
    value: Small
    low: Small
    high: Small
    why: str
    independent: bool = False


@dataclass(slots=True)
class Layout:
    """Change of the number of faults when addresses had been chosen otherwise: per process and kind.

    Attributes:
        group: Row of ``Trace.groups``.
        kind: Number of the kind.
        count: More faults than in the recorded layout.
    """

    group: Int
    kind: Int
    count: Int


@dataclass(slots=True)
class Delta:
    """A change of one measure that no fault carries, e.g. of a system call.

    Attributes:
        measure: A measure of results; a new name adds one.
        comm: Process name.
        tgid: Process id.
        baseline: Its recorded value.
        value: Its value under the scenario, with a 90 % interval in ``low`` and ``high``.
        source: Where the numbers come from, one sentence.
    """

    measure: str
    comm: str
    tgid: int
    baseline: float
    value: float
    low: float
    high: float
    source: str


@dataclass(slots=True)
class Work:
    """What becomes of a trace under a scenario.

    Attributes:
        trace: The recording.
        kind: Kind of each fault, GONE where it does not happen.
        copied: Bytes each fault copies; zeroed likewise.
        extras: Faults beside the recorded ones.
        layouts: Alternatives to the recorded addresses, each equally likely.
        removed: bool per fork: it does not happen.
        spawned: bool per fork: it shares its parent's memory until exec (vfork, posix_spawn).
        pte_change: More page table entries that each fork copies; ``pmd_change`` likewise for huge ones.
        tables_only: bool per fork: it shares page tables instead of copying them.
        deltas: Changes that no fault carries.
        assumptions: What the result takes for granted, one sentence each.
        not_modelled: What it leaves out.
        state: What policies of one kind keep for one another, by its name.
        slack: Widening of counts by process in faults, added up and down: (row of Trace.groups, faults down, faults up).
    """

    trace: Trace
    kind: Small
    copied: Int
    zeroed: Int
    removed: Bools
    spawned: Bools
    tables_only: Bools
    pte_change: Small
    pmd_change: Small
    extras: list[Extra] = field(default_factory=list)
    layouts: list[Layout] = field(default_factory=list)
    deltas: list[Delta] = field(default_factory=list)
    assumptions: list[str] = field(default_factory=list)
    not_modelled: list[str] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)
    slack: list[tuple[Int, Small, Small]] = field(default_factory=list)

    @classmethod
    def start(cls, trace: Trace) -> Work:
        """Everything as recorded."""
        forks = len(trace.forks.ts_ns)
        faults = trace.faults
        copied, zeroed = recorded_bytes(trace)
        removed, spawned, tables_only = (np.zeros(forks, np.bool_) for _ in range(3))
        return cls(trace, faults.kind.copy(), copied.copy(), zeroed.copy(), removed, spawned, tables_only, np.zeros(forks), np.zeros(forks))

    def change(self, row: Int, kind: str | Small) -> None:
        """Let faults be of another kind, with the bytes that go with it."""
        code = np.full(len(row), KIND[kind], np.int8) if isinstance(kind, str) else kind
        self.kind[row] = code
        self.copied[row], self.zeroed[row] = COPIED[code], ZEROED[code]

    def drop(self, row: Int | Bools) -> None:
        """Let faults not happen."""
        self.kind[row] = GONE
        self.copied[row] = 0
        self.zeroed[row] = 0

    def assume(self, sentence: str) -> None:
        """Say once what the result takes for granted."""
        if sentence not in self.assumptions:
            self.assumptions.append(sentence)

    def leave_out(self, sentence: str) -> None:
        """Say once what the result does not hold."""
        if sentence not in self.not_modelled:
            self.not_modelled.append(sentence)
