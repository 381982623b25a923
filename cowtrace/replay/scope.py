"""Which processes a choice is narrowed to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cowtrace.errors import UsageError
from cowtrace.replay.scenario import Choice
from cowtrace.replay.trace import Bools, Trace


@dataclass(frozen=True, slots=True)
class Scope:
    """A choice's processes.

    Attributes:
        lives: bool per address space.
        faults: bool per fault.
        all: Nothing is left out.
    """

    lives: Bools
    faults: Bools
    all: bool


def scope_of(trace: Trace, choice: Choice, others: Sequence[Choice]) -> Scope:
    """The processes of a choice; a narrower choice of the same knob takes its processes out of a wider one.

    Raises:
        UsageError: No process has the name.
    """
    names = np.array(trace.life_comm, dtype=object)
    of_group = np.array([comm for comm, _ in trace.groups], dtype=object)
    if choice.comm is not None:
        if choice.comm not in set(of_group.tolist()):
            known = ", ".join(sorted(set(of_group.tolist()))[:20]) or "none"
            raise UsageError(f"what-if {choice}: no process of that name in the recording; names: {known}")
        lives, groups = names == choice.comm, of_group == choice.comm
    else:
        narrower = {other.comm for other in others if other.knob == choice.knob and other.comm is not None}
        lives = np.array([name not in narrower for name in names.tolist()], np.bool_)
        groups = np.array([name not in narrower for name in of_group.tolist()], np.bool_)
    faults = groups.astype(np.bool_)[trace.faults.group] if len(of_group) else np.zeros(0, np.bool_)
    return Scope(lives.astype(np.bool_), faults, bool(groups.all()))
