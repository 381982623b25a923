"""The levels are data: each contains the one below, each event says why it is there."""

from __future__ import annotations

from itertools import pairwise

import pytest

from cowtrace.recording.levels import DEFAULT_LEVEL, LEVELS, Event


def test_levels_grow() -> None:
    for lower, higher in pairwise(LEVELS.values()):
        assert higher.events[: len(lower.events)] == lower.events
        assert higher.cost.ns_per_fault > lower.cost.ns_per_fault
        assert higher.cost.bytes_per_fault > lower.cost.bytes_per_fault
        assert higher.cost.slowdown > lower.cost.slowdown
    assert list(LEVELS) == ["low", "standard", "full"]
    assert DEFAULT_LEVEL == "standard"


def test_the_low_level_is_three_software_events() -> None:
    assert [event.name for event in LEVELS["low"].events] == ["page-faults", "minor-faults", "major-faults"]


@pytest.mark.parametrize("level", LEVELS.values(), ids=list(LEVELS))
def test_every_event_is_asked_once_and_says_why(level: object) -> None:
    events = LEVELS[level.name].events  # type: ignore[attr-defined]
    names = [event.name for event in events]
    assert len(names) == len(set(names))
    assert all(event.why and not event.why.endswith(".") for event in events)


def test_call_chains_are_kept_where_they_say_something_new() -> None:
    # the exit of a fault has the same chain as its entry; the allocation has the kernel's path
    stacks = {event.name: event.stack for event in LEVELS["full"].events}
    assert stacks["page-faults"] and stacks["kmem:mm_page_alloc"]
    assert not stacks["minor-faults"] and not stacks["major-faults"] and not stacks["exceptions:page_fault_user"]


@pytest.mark.parametrize(
    ("event", "machine", "exists"),
    [
        (Event("a:b", "x"), "aarch64", True),
        (Event("a:b", "x", only_on=("x86_64",)), "x86_64", True),
        (Event("a:b", "x", only_on=("x86_64",)), "aarch64", False),
        (Event("a:b", "x", not_on=("aarch64",)), "aarch64", False),
        (Event("a:b", "x", not_on=("aarch64",)), "s390x", True),
    ],
)
def test_where_an_event_exists(event: Event, machine: str, exists: bool) -> None:
    assert event.exists_on(machine) is exists
