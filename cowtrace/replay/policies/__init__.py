"""The knobs that replay knows: one module and one line each.

A policy module has

    def check_value(value: str) -> None             raises UsageError for a value that the knob does not have
    def lacks(trace: Trace) -> str | None           why this recording can't support it, one sentence; None when it can
    def apply(work: Work, value: str, scope: Scope) -> None

``apply`` changes ``work`` (``cowtrace.replay.work``): ``work.change`` and ``work.drop`` for recorded faults inside ``scope.faults``,
``work.extras`` for faults that were not recorded, ``work.removed`` and its neighbours for forks, ``work.deltas`` for measures that no
fault carries (system calls; the store is ``work.trace.store``), ``work.assume`` and ``work.leave_out`` for what a reader must know.
``lacks`` may raise nothing and reads only the trace. Policies run in the order of this table.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cowtrace.replay.scope import Scope
    from cowtrace.replay.trace import Trace
    from cowtrace.replay.work import Work


class PolicyModule(Protocol):
    """What a policy module has."""

    def check_value(self, value: str) -> None:
        """Raise UsageError for a value that the knob does not have."""

    def lacks(self, trace: Trace) -> str | None:
        """Why this recording can't support the knob; None when it can."""

    def apply(self, work: Work, value: str, scope: Scope) -> None:
        """Change the work."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A line of the registry.

    Attributes:
        module: Where it lives.
        values: The form of its values, for messages.
        about: What it does, for lists.
        sweep: Values that a sweep tries.
        repeatable: Several values at once make sense (patterns).
    """

    module: str
    values: str
    about: str
    sweep: tuple[str, ...] = ()
    repeatable: bool = False

    def load(self) -> PolicyModule:
        """Its module."""
        module: PolicyModule = importlib.import_module(self.module)
        return module


_HERE = "cowtrace.replay.policies"

#: Forks go before huge pages: what shares nothing is not split. Policies of what is left of this package are named by their module only.
POLICIES: dict[str, Policy] = {
    "fork": Policy(f"{_HERE}.fork", "vfork|spawn|none|odf", "start processes without copying memory", ("spawn", "none", "odf")),
    "dontfork": Policy(f"{_HERE}.dontfork", "PATTERN", "keep mappings out of children", repeatable=True),
    "ksm": Policy(f"{_HERE}.ksm", "off", "do not merge equal pages", ("off",)),
    "hugetlb": Policy(f"{_HERE}.hugetlb", "PATTERN", "map from the hugetlb pool", repeatable=True),
    "thp": Policy(f"{_HERE}.thp", "never|madvise|always", "transparent huge pages for anonymous memory", ("never", "madvise", "always")),
    "mthp": Policy(f"{_HERE}.mthp", "<size>:never|madvise|always", "anonymous folios of 16 KiB to 1 MiB", ("64K:always", "256K:always")),
    "prefault": Policy(f"{_HERE}.prefault", "PATTERN", "populate mappings when they are made", repeatable=True),
    "fault_around": Policy(f"{_HERE}.fault_around", "<bytes>", "cached file memory mapped by one fault", ("4096", "262144")),
    "metacopy": Policy(f"{_HERE}.metacopy", "on|off", "overlayfs copies metadata up without data", ("on", "off")),
    "tmpfs": Policy(f"{_HERE}.tmpfs", "PATH", "a tmpfs over a folder of an overlay, or for its whole upper layer", repeatable=True),
}
