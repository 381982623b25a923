"""What-if requests: ``KNOB=VALUE[@comm=NAME]``, checked before any work is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cowtrace.errors import UsageError, unknown_name
from cowtrace.replay.policies import POLICIES

#: Knobs that act through state which no fault trace holds, and why.
UNPRICEABLE: dict[str, str] = {
    "overcommit": "it decides whether an allocation or a fork is refused, not what a fault costs (mm/util.c, __vm_enough_memory)",
    "overcommit_memory": "it decides whether an allocation or a fork is refused, not what a fault costs (mm/util.c, __vm_enough_memory)",
    "swappiness": "it chooses what to reclaim under memory pressure, and a fault trace holds no pressure",
    "min_free_kbytes": "it moves the watermarks at which reclaim begins, and a fault trace holds no free-memory history",
    "max_map_count": "mmap checks it and fork does not, so it prevents or allows mappings and makes no fault cheaper",
    "numa": "which node a page comes from, and how far it is, is not in a fault trace",
    "numa_balancing": "which node a page comes from, and how far it is, is not in a fault trace",
    "cpu": "where threads run is a matter of the scheduler, which a fault trace does not hold",
    "cpu_pinning": "where threads run is a matter of the scheduler, which a fault trace does not hold",
    "pressure": "a notification changes what a program does about memory, not what a fault costs",
    "memory_pressure": "a notification changes what a program does about memory, not what a fault costs",
    "ulimit": "a limit on open files or processes changes no page fault",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One request.

    Attributes:
        knob: Name of a policy.
        value: As written after ``=``.
        comm: Only processes of this name; None for all.
    """

    knob: str
    value: str
    comm: str | None = None

    def __str__(self) -> str:
        return f"{self.knob}={self.value}" + (f"@comm={self.comm}" if self.comm is not None else "")


def parse(requests: Sequence[str]) -> tuple[Choice, ...]:
    """Requests as choices.

    Raises:
        UsageError: Malformed, unknown, not priceable, or two that contradict each other.
    """
    choices = tuple(_parse_one(text) for text in requests)
    for number, choice in enumerate(choices):
        for other in choices[:number]:
            _check_pair(other, choice)
    return choices


def _parse_one(text: str) -> Choice:
    knob, equals, rest = text.partition("=")
    knob = knob.strip()
    if knob in UNPRICEABLE:
        raise UsageError(f"what-if {knob}: can't be priced from a trace: {UNPRICEABLE[knob]}")
    if knob not in POLICIES:
        raise unknown_name("what-if knob", knob, POLICIES)
    policy = POLICIES[knob]
    value, narrowed, comm = rest.partition("@comm=")
    value = value.strip()
    if not equals or not value:
        raise UsageError(f"what-if {text!r}: expected {knob}={policy.values}")
    if "@" in value or (narrowed and not comm):
        raise UsageError(f"what-if {text!r}: narrow it with @comm=NAME")
    policy.load().check_value(value)
    return Choice(knob, value, comm if narrowed else None)


def _check_pair(one: Choice, other: Choice) -> None:
    same_scope = one.comm is None or other.comm is None or one.comm == other.comm
    if not same_scope:
        return
    if one.knob == other.knob and not POLICIES[one.knob].repeatable:
        # the same knob for all and for one name: the narrower wins; for the same processes there is no answer
        if one.comm == other.comm and not (one.knob == "mthp" and one.value.split(":")[0] != other.value.split(":")[0]):
            raise UsageError(f"what-if {one} and {other} contradict each other: choose one")
        return
    if {one.knob, other.knob} == {"fork", "dontfork"} and (one if one.knob == "fork" else other).value in ("none", "vfork", "spawn"):
        raise UsageError(f"what-if {one} and {other} contradict each other: without a copying fork there is nothing to keep out of it")
    if {one.knob, other.knob} == {"prefault", "hugetlb"} and one.value == other.value:
        raise UsageError(f"what-if {one} and {other} contradict each other: choose one for this mapping")
