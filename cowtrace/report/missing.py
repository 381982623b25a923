"""Why faults stayed unknown: which event tells the kinds that are left apart, and how to record it.

Sources: mm/memory.c and mm/huge_memory.c (what distinguishes the paths of a fault), include/trace/events/{kmem,exceptions,ksm}.h.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cowtrace.report.capabilities import EXCEPTIONS, EXITS, Recorded
from cowtrace.schema import KINDS

_COPIES = frozenset({"cow_copy", "file_cow", "ksm_copy", "hugetlb_cow", "thp_split"})
_IN_PLACE = frozenset({"cow_reuse", "thp_reuse", "file_mkwrite", "spurious"})
_ZERO_FILLS = frozenset({"anon_zero", "mthp_zero", "thp_zero"})
_ZERO_PAGES = frozenset({"zero_page", "thp_zero_page"})
_ANON = _ZERO_FILLS | _ZERO_PAGES
_FILE = frozenset({"file_read", "file_cow", "file_mkwrite", "shmem"})
_HUGE = frozenset({"thp_zero", "thp_zero_page", "thp_zero_page_cow", "thp_reuse", "thp_split"})

_FRAMES = "page frame and size before and after (page-faults, minor-faults, major-faults with --phys-data --data-page-size)"

#: Levels of ``cowtrace record``, cheapest first.
_LEVELS = ("low", "standard", "full")


@dataclass(frozen=True, slots=True)
class Rule:
    """Kinds of ``left`` and kinds of ``right`` are told apart by an event.

    Attributes:
        missing: The event, in words and by name.
        level: The cheapest level that records it.
        present: Field of ``Recorded`` facts that says that it was recorded after all.
    """

    left: frozenset[str]
    right: frozenset[str]
    missing: str
    level: str
    present: str


RULES = (
    Rule(
        frozenset(KINDS) - {"failed", "unknown"},
        frozenset({"failed"}),
        "minor-faults and major-faults: the exit that a failed fault lacks",
        "low",
        "exit",
    ),
    Rule(_COPIES, _IN_PLACE, _FRAMES, "low", "frames"),
    Rule(_ZERO_FILLS, _ZERO_PAGES, _FRAMES, "low", "frames"),
    Rule(_HUGE, frozenset(KINDS) - _HUGE - {"unknown"}, _FRAMES, "low", "frames"),
    Rule(frozenset({"mthp_zero"}), frozenset({"anon_zero"}), "kmem:mm_page_alloc: the order of the page allocated", "standard", "alloc"),
    Rule(
        frozenset({"file_read"}),
        frozenset({"file_cow"}),
        "exceptions:page_fault_user: whether the fault was a read or a write",
        "standard",
        "exceptions",
    ),
    Rule(_ANON, _FILE, "the mapping at the address, or kmem:rss_stat: which counter moved", "standard", "rss"),
    Rule(frozenset({"swap_in"}), frozenset(KINDS) - {"swap_in", "unknown"}, "kmem:rss_stat: the swap counter", "standard", "rss"),
    Rule(frozenset({"ksm_copy"}), frozenset({"cow_copy"}), "ksm:ksm_merge_* (system-wide, -a): which pages KSM merged", "standard", "ksm"),
    Rule(frozenset({"uffd"}), frozenset(KINDS) - {"uffd", "unknown"}, "syscalls:sys_enter_userfaultfd", "standard", "uffd"),
)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Faults that share what is left for them.

    Attributes:
        possible_kinds: Kinds left; empty when any is possible; ``special`` alone: a page that the kernel maps.
        fault_count: Faults.
        fault_share: Of all faults; ratio.
        process_count: Processes that took them.
        duration_ns: Time in them; None when none was timed.
        missing: What would tell them apart and was not recorded, or why what was recorded did not tell.
        command: The ``cowtrace record`` that records it; "" when recording differently would not help.
    """

    possible_kinds: tuple[str, ...]
    fault_count: int
    fault_share: float
    process_count: int
    duration_ns: int | None
    missing: tuple[str, ...]
    command: str


def explain(row: Mapping[str, Any], have: Recorded) -> Unknown:
    """One row of fault/unknown_why with the reason in words."""
    possible = tuple(row["possible_kinds"].split("|")) if row["possible_kinds"] else ()
    if possible == ("special",):
        why = "nothing: pages that the kernel itself maps (vdso, vvar) are of no other kind"
        return Unknown(possible, row["fault_count"], row["fault_share"], row["process_count"], row["duration_ns"], (why,), "")
    left = frozenset(possible) or frozenset(KINDS) - {"unknown"}
    rules = [rule for rule in RULES if left & rule.left and left & rule.right and not _present(have)[rule.present]]
    missing = list(dict.fromkeys(rule.missing for rule in rules))
    level = max((rule.level for rule in rules), key=_LEVELS.index, default="")
    command = f"cowtrace record --level {level}" if level else ""
    count = row["fault_count"]
    if row["no_addr_count"] == count:
        missing.insert(0, "the faulting address (perf record -d)")
        command = command or "cowtrace record --level low"
    elif row["no_mapping_count"] == count and left & _ANON and left & _FILE and have.tables.get("vma"):
        missing.append("the mapping there: it is older than the recording; start the recorder before the process")
    if not missing:
        missing.append(_why_not(row, have))
    return Unknown(possible, count, row["fault_share"], row["process_count"], row["duration_ns"], tuple(missing), command)


def _why_not(row: Mapping[str, Any], have: Recorded) -> str:
    if have.has_exit() and row["no_exit_count"] == row["fault_count"]:
        return "the end of these faults: their exit events were lost, or the recording stopped first"
    if have.has_frames():
        return "the page before the fault: it was not touched since the recording began, or its records were lost"
    return "no event that cowtrace knows tells these kinds apart"


def _present(have: Recorded) -> dict[str, bool]:
    return {
        "exit": have.names >= EXITS,
        "frames": have.has_frames(),
        "alloc": "kmem:mm_page_alloc" in have.names,
        "exceptions": bool(have.names & EXCEPTIONS),
        "rss": "kmem:rss_stat" in have.names,
        "ksm": any(name.startswith("ksm:ksm_merge") for name in have.names),
        "uffd": "syscalls:sys_enter_userfaultfd" in have.names,
    }
