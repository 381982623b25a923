"""Why faults stayed unknown: the event that was not recorded is named, and the command that records it."""

from __future__ import annotations

from typing import Any

import pytest

from cowtrace.report.capabilities import Recorded, recorded
from cowtrace.report.missing import RULES, explain
from cowtrace.schema import KINDS
from tests.support.stores import event

FRAMES = "addr phys_addr data_page_size"
SOFTWARE = [event(name, "addr") for name in ("page-faults", "minor-faults", "major-faults")]
LOW = [event(name, FRAMES) for name in ("page-faults", "minor-faults", "major-faults")]
STANDARD = [
    *LOW,
    event("exceptions:page_fault_user"),
    event("kmem:mm_page_alloc"),
    event("kmem:rss_stat"),
    event("ksm:ksm_merge_one_page"),
    event("syscalls:sys_enter_userfaultfd"),
]


def have(events: list[dict[str, Any]], **tables: int) -> Recorded:
    return recorded([{"events": events}], tables)


def row(possible: str | None, **facts: int) -> dict[str, Any]:
    counts = {"no_mapping_count": 0, "no_addr_count": 0, "no_access_count": 0, "no_exit_count": 0} | facts
    return {"possible_kinds": possible, "fault_count": 10, "fault_share": 0.1, "process_count": 1, "duration_ns": None, **counts}


@pytest.mark.parametrize(
    ("possible", "events", "missing", "command"),
    [
        ("cow_copy|cow_reuse", SOFTWARE, "page frame and size before and after", "cowtrace record --level low"),
        ("anon_zero|zero_page", SOFTWARE, "page frame and size before and after", "cowtrace record --level low"),
        ("anon_zero|thp_zero", SOFTWARE, "page frame and size before and after", "cowtrace record --level low"),
        ("anon_zero|mthp_zero", LOW, "kmem:mm_page_alloc", "cowtrace record --level standard"),
        ("file_read|file_cow", LOW, "exceptions:page_fault_user", "cowtrace record --level standard"),
        ("anon_zero|file_read", LOW, "the mapping at the address, or kmem:rss_stat", "cowtrace record --level standard"),
        ("anon_zero|swap_in", LOW, "kmem:rss_stat: the swap counter", "cowtrace record --level standard"),
        ("cow_copy|ksm_copy", LOW, "ksm:ksm_merge_", "cowtrace record --level standard"),
        ("anon_zero|uffd", LOW, "syscalls:sys_enter_userfaultfd", "cowtrace record --level standard"),
        ("cow_copy|failed", [event("page-faults", "addr")], "minor-faults and major-faults", "cowtrace record --level low"),
        # everything was recorded: recording again would not help, and is not advised
        ("cow_copy|cow_reuse", STANDARD, "the page before the fault", ""),
        ("special", SOFTWARE, "nothing: pages that the kernel itself maps", ""),
        ("hugetlb|shmem", SOFTWARE, "no event that cowtrace knows", ""),
    ],
)
def test_one_reason(possible: str, events: list[dict[str, Any]], missing: str, command: str) -> None:
    found = explain(row(possible), have(events))
    assert found.possible_kinds == tuple(possible.split("|"))
    assert (len(found.missing), found.command) == (1, command)
    assert found.missing[0].startswith(missing)


def test_several_reasons_take_the_level_that_serves_all() -> None:
    found = explain(row("cow_copy|cow_reuse|swap_in"), have(SOFTWARE))
    assert [reason.partition(":")[0].partition(" (")[0] for reason in found.missing] == ["page frame and size before and after", "kmem"]
    assert found.command == "cowtrace record --level standard"


def test_no_address() -> None:
    found = explain(row("cow_copy|cow_reuse", no_addr_count=10), have([event("page-faults"), event("minor-faults"), event("major-faults")]))
    assert found.missing[0] == "the faulting address (perf record -d)"
    assert found.command == "cowtrace record --level low"


def test_no_mapping_although_mappings_were_recorded() -> None:
    found = explain(row("anon_zero|file_read", no_mapping_count=10), have(LOW, vma=5))
    assert found.missing[-1] == "the mapping there: it is older than the recording; start the recorder before the process"


def test_exits_that_never_came() -> None:
    found = explain(row("cow_copy|cow_reuse", no_exit_count=10), have(STANDARD))
    assert found.missing == ("the end of these faults: their exit events were lost, or the recording stopped first",)


def test_any_kind_lacks_each_event_once() -> None:
    found = explain(row(None), have(SOFTWARE))
    assert found.possible_kinds == ()
    assert len(found.missing) == len(set(found.missing)) == 7


def test_rules_name_kinds_of_the_schema() -> None:
    for rule in RULES:
        assert rule.left <= set(KINDS)
        assert rule.right <= set(KINDS)
        assert rule.left & rule.right == set()
