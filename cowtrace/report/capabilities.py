"""Which questions a recording can answer, from the events that it holds.

Sources: arch/x86/mm/fault.c and mm/memory.c (which event fires when), tools/perf/Documentation/perf-record.txt (--phys-data,
--data-page-size), kernel/events/core.c (perf_virt_to_phys).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cowtrace.parsers.base import EventDesc

Answer = Literal["yes", "partly", "no"]


@dataclass(frozen=True, slots=True)
class Capability:
    """One question and whether this recording answers it.

    Attributes:
        question: In words.
        answer: ``yes``, ``partly``, ``no``.
        reason: What answers it, or what is missing.
        level: The level of ``cowtrace record`` that answers it; "" where it is answered, or where no level does.
    """

    question: str
    answer: Answer
    reason: str
    level: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the sources of a store recorded, as far as questions depend on it.

    Attributes:
        names: Base names of events: ``page-faults``, ``kmem:mm_page_alloc``.
        framed: Those with page frame and page size.
        sized: Those with page size.
        addressed: Those with the data address.
        chained: Those with call chains.
        user_only: Some fault event was limited to user mode (``:u``).
        sampled: Some fault event was sampled, not counted one by one.
        tables: Rows of each table.
        functions: Kernel functions whose calls occur.
    """

    names: frozenset[str]
    framed: frozenset[str]
    sized: frozenset[str]
    addressed: frozenset[str]
    chained: frozenset[str]
    user_only: bool
    sampled: bool
    tables: Mapping[str, int]
    functions: frozenset[str] = frozenset()

    def has_entry(self) -> bool:
        return bool(self.names & ENTRIES)

    def has_exit(self) -> bool:
        """Both outcomes: a fault without either of them failed."""
        return self.names >= EXITS

    def has_frames(self) -> bool:
        """Page frame and size before and after each fault."""
        return "page-faults" in self.framed and self.framed >= EXITS


ENTRIES = frozenset({"page-faults", "faults", "exceptions:page_fault_user", "exceptions:page_fault_kernel"})
EXITS = frozenset({"minor-faults", "major-faults"})
EXCEPTIONS = frozenset({"exceptions:page_fault_user", "exceptions:page_fault_kernel"})
_FAULTS = ENTRIES | EXITS
#: Called inside do_wp_page for a copy, or for a reuse (mm/memory.c: wp_page_copy, wp_page_reuse).
_COPY_FUNCTIONS = frozenset(
    {"wp_page_copy", "ptep_clear_flush", "ptep_set_access_flags", "page_add_new_anon_rmap", "folio_add_new_anon_rmap"}
)
#: What clone, fork and vfork are inside the kernel (kernel/fork.c).
FORK_FUNCTIONS = frozenset({"kernel_clone", "_do_fork", "do_fork"})
_FORK_CALLS = frozenset(f"syscalls:sys_{end}_{name}" for end in ("enter", "exit") for name in ("clone", "clone3", "fork"))


def recorded(sources: Iterable[Mapping[str, Any]], tables: Mapping[str, int]) -> Recorded:
    """From a manifest: its ``sources`` (each with ``events``: name, columns, count, has_callchain, period) and ``rows``."""
    sources = list(sources)
    # a trace.dat describes events that were not recorded, too
    events = [
        event
        for source in sources
        for event in source.get("events") or []
        if event.get("count") != 0 or source.get("format") != "trace.dat"
    ]
    named = [(EventDesc(0, event["name"], frozenset()).base_name, event) for event in events]
    return Recorded(
        names=frozenset(name for name, _ in named),
        framed=frozenset(name for name, event in named if {"phys_addr", "data_page_size"} <= set(event["columns"])),
        sized=frozenset(name for name, event in named if "data_page_size" in event["columns"]),
        addressed=frozenset(name for name, event in named if "addr" in event["columns"]),
        chained=frozenset(name for name, event in named if event.get("has_callchain")),
        user_only=any(name in _FAULTS and "u" in event["name"].removeprefix(name) for name, event in named),
        sampled=any(name in _FAULTS and event.get("period") != 1 for name, event in named),
        tables=tables,
        functions=frozenset(name for source in sources for name in (source.get("features") or {}).get("functions", ())),
    )


def capabilities(have: Recorded) -> list[Capability]:
    """Every question, in the order in which people ask them."""
    return [
        _faults(have),
        _copy_or_reuse(have),
        _durations(have),
        _access(have),
        _place(have),
        _huge(have),
        _fork_bill(have),
        _fork_calls(have),
        _major(have),
        _swap(have),
        _code(have),
        _copyups(have),
        _memory(have),
    ]


def _faults(have: Recorded) -> Capability:
    question = "How many page faults?"
    if not have.names & _FAULTS and "handle_mm_fault" in have.functions:
        reason = "calls of handle_mm_fault, no exceptions: one that had to wait and was called again may count twice"
        return Capability(question, "partly", reason, "low")
    if not have.names & _FAULTS:
        return Capability(question, "no", "no page-fault event was recorded", "low")
    if have.sampled:
        return Capability(question, "partly", "sampled: counts are estimates (perf record -c 1 records every fault)", "low")
    if have.user_only:
        return Capability(question, "partly", "events end in :u: faults that the kernel took on user memory are missing", "low")
    return Capability(question, "yes", ", ".join(sorted(have.names & _FAULTS)))


def _copy_or_reuse(have: Recorded) -> Capability:
    question = "Copied or reused?"
    if have.functions & _COPY_FUNCTIONS:
        return Capability(question, "yes", "functions called inside each fault: " + ", ".join(sorted(have.functions & _COPY_FUNCTIONS)))
    if have.has_frames():
        return Capability(question, "yes", "page frames before and after each fault")
    if "do_wp_page" in have.functions:
        reason = "do_wp_page alone; what it calls tells: " + ", ".join(sorted(_COPY_FUNCTIONS))
        return Capability(question, "partly", reason, "low")
    if have.names & EXCEPTIONS and "kmem:mm_page_alloc" in have.names:
        return Capability(question, "yes", "error codes, and allocations within the fault")
    if have.names & EXCEPTIONS or "page-faults" in have.sized:
        return Capability(question, "partly", "from error codes or page sizes and the replayed history of each page; no page frames", "low")
    if have.names & _FAULTS:
        return Capability(question, "no", "neither page frames nor error codes recorded", "low")
    return Capability(question, "no", "no page-fault event was recorded", "low")


def _durations(have: Recorded) -> Capability:
    question = "How long did faults take?"
    if "handle_mm_fault" in have.functions:
        return Capability(question, "yes", "calls of handle_mm_fault")
    if have.has_entry() and have.has_exit():
        return Capability(question, "yes", "entry and exit of each fault; the recorder's own cost is inside")
    missing = "minor-faults and major-faults (the exit)" if have.has_entry() else "page-faults (the entry)"
    return Capability(question, "no", f"{missing} not recorded", "low")


def _access(have: Recorded) -> Capability:
    question = "Read or write?"
    if have.names & EXCEPTIONS:
        return Capability(question, "yes", "error codes of exceptions:page_fault_*")
    if have.has_frames():
        return Capability(question, "partly", "where the outcome implies it (a copy was a write); no error codes", "standard")
    if "handle_mm_fault" in have.functions:
        return Capability(question, "partly", "where the functions called imply it, or their arguments tell; no error codes", "standard")
    return Capability(question, "no", "exceptions:page_fault_* not recorded (x86 and RISC-V only)", "standard")


def _place(have: Recorded) -> Capability:
    question = "Which address and mapping?"
    if not (have.addressed & _FAULTS or have.names & EXCEPTIONS):
        return Capability(question, "no", "no address recorded (perf record -d)", "low")
    if not have.tables.get("vma"):
        return Capability(question, "partly", "addresses, but no mappings (perf record -d)", "low")
    return Capability(question, "yes", "address of each fault, and the mappings made during the recording")


def _huge(have: Recorded) -> Capability:
    question = "Which page size?"
    if have.has_frames() and "kmem:mm_page_alloc" in have.names:
        return Capability(question, "yes", "page sizes before and after, and orders of allocations")
    if have.has_frames():
        return Capability(question, "partly", "4 KiB or 2 MiB; sizes between them by neighbouring frames only", "standard")
    if "kmem:mm_page_alloc" in have.names:
        return Capability(question, "yes", "orders of allocations")
    if "handle_mm_fault" in have.functions:
        return Capability(question, "partly", "4 KiB or 2 MiB, by the functions called; sizes between them as arguments only", "standard")
    return Capability(question, "no", "neither page sizes (--data-page-size) nor kmem:mm_page_alloc recorded", "low")


def _fork_bill(have: Recorded) -> Capability:
    question = "Which fork caused it?"
    copies = _copy_or_reuse(have)
    if not have.tables.get("process"):
        return Capability(question, "no", "no process records", "low")
    if copies.answer == "no":
        return Capability(question, "no", copies.reason, copies.level)
    if copies.answer == "partly":
        return Capability(question, "partly", "as far as copies are told from reuses", copies.level)
    return Capability(question, "yes", "process records, and " + copies.reason)


def _fork_calls(have: Recorded) -> Capability:
    question = "How long did fork() itself take?"
    if have.names & _FORK_CALLS:
        return Capability(question, "yes", "enter and exit of clone, clone3 and fork")
    if have.functions & FORK_FUNCTIONS:
        return Capability(question, "yes", ", ".join(sorted(have.functions & FORK_FUNCTIONS)))
    return Capability(question, "no", "syscalls:sys_enter_clone, sys_exit_clone and their like not recorded", "standard")


def _major(have: Recorded) -> Capability:
    question = "Major or minor?"
    if have.has_exit():
        return Capability(question, "yes", "minor-faults and major-faults: the kernel's own accounting, not a sign of I/O")
    if "handle_mm_fault" in have.functions:
        return Capability(question, "partly", "where return values, retries or reads within the fault tell", "low")
    return Capability(question, "no", "minor-faults and major-faults not recorded", "low")


def _swap(have: Recorded) -> Capability:
    question = "Which faults swapped in?"
    if "kmem:rss_stat" in have.names:
        return Capability(question, "yes", "kmem:rss_stat within the fault")
    if "handle_mm_fault" in have.functions:
        return Capability(question, "yes", "do_swap_page within the fault, where it was traced")
    return Capability(question, "no", "kmem:rss_stat not recorded", "standard")


def _code(have: Recorded) -> Capability:
    question = "Which code faulted?"
    if have.chained & _FAULTS:
        return Capability(question, "yes", "call chains")
    if have.names & _FAULTS:
        return Capability(question, "partly", "the faulting instruction only; no call chains", "full")
    return Capability(question, "no", "no page-fault event was recorded", "full")


def _copyups(have: Recorded) -> Capability:
    question = "Which files were copied up (overlayfs)?"
    if have.tables.get("copyup"):
        return Capability(question, "yes", "copy-ups found")
    if have.tables.get("overlay_mount"):
        return Capability(question, "yes", "none: no upper layer that was listed gained a copy")
    return Capability(question, "no", "no system calls with a listing of the upper layer, no function_graph (cowtrace record --overlay)")


def _memory(have: Recorded) -> Capability:
    question = "How much memory, shared and private?"
    if have.tables.get("smaps"):
        return Capability(question, "yes", "smaps snapshots")
    return Capability(question, "no", "no smaps snapshot beside the recording")
