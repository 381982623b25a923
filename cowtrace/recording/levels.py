"""What each recording level asks for, why, what it costs and what it cannot tell.

Costs were measured with cowtrace's own levels on one machine: an x86-64 virtual machine, Linux 6.18, perf 6.1, two CPUs. ``fork loop``
forks a process with 16 MiB of small pages 32 times and lets both sides write every page (262 000 faults in about half a second): the worst
case, nothing but faults. CPU time of the loop, minimum of seven runs on one CPU: 0.51 s alone, 0.94 s, 1.32 s and 2.18 s with the levels.
On other machines the ratios between levels travel better than the microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scope = Literal["any", "system"]


@dataclass(frozen=True, slots=True)
class Event:
    """One perf event of a level.

    Attributes:
        name: As perf spells it; a tracepoint has a colon.
        why: What the attribution learns from it.
        stack: At a level with call chains, record one with this event. False where the chain repeats that of the entry event.
        scope: ``system`` events fire in kernel threads and are seen only with ``-a``.
        only_on: Machines (``uname -m``) whose kernels have it; empty for all.
        not_on: Machines whose kernels lack it.
        filter: Filter of the kernel on the fields of a tracepoint; "" for all events.
        chain: Record a call chain with it at levels without call chains too.
    """

    name: str
    why: str
    stack: bool = True
    scope: Scope = "any"
    only_on: tuple[str, ...] = ()
    not_on: tuple[str, ...] = ()
    filter: str = ""
    chain: bool = False

    @property
    def is_tracepoint(self) -> bool:
        return ":" in self.name

    def exists_on(self, machine: str) -> bool:
        """False when no kernel for the machine has the event."""
        return machine in self.only_on if self.only_on else machine not in self.not_on


@dataclass(frozen=True, slots=True)
class Cost:
    """Measured price of a level on the fork loop (see the module's docstring).

    Attributes:
        ns_per_fault: CPU time added to the workload per page fault; nanoseconds.
        bytes_per_fault: Growth of perf.data per page fault; bytes.
        slowdown: CPU time with the level divided by CPU time without.
    """

    ns_per_fault: int
    bytes_per_fault: int
    slowdown: float


@dataclass(frozen=True, slots=True)
class Level:
    """One level of ``cowtrace record``.

    Attributes:
        name: ``low``, ``standard``, ``full``.
        purpose: When to take it, one sentence.
        events: In the order in which perf is asked for them.
        callchains: Record call chains (``-g``).
        cost: Measured, with everything in this level recorded.
        cannot_tell: What remains unknown, one sentence each.
    """

    name: str
    purpose: str
    events: tuple[Event, ...]
    callchains: bool
    cost: Cost
    cannot_tell: tuple[str, ...]


def _syscall(name: str, why: str, not_on: tuple[str, ...] = ()) -> tuple[Event, Event]:
    enter = Event(f"syscalls:sys_enter_{name}", why, not_on=not_on)
    return enter, Event(f"syscalls:sys_exit_{name}", f"end and result of {name}", stack=False, not_on=not_on)


FAULTS = (
    Event("page-faults", "entry of every fault: address, page size and frame before"),
    Event("minor-faults", "exit of a fault: page size and frame after, duration", stack=False),
    Event("major-faults", "exit of a fault that the kernel counts as major", stack=False),
)

# trace/events/exceptions.h is used by arch/x86, and since 7.0 by arch/riscv
_EXCEPTIONS = ("x86_64", "i686", "riscv64")
# the generic system call table (include/uapi/asm-generic/unistd.h) has clone only
_CLONE_ONLY = ("aarch64", "riscv64", "loongarch64")

EVIDENCE = (
    Event("exceptions:page_fault_user", "read, write or execute; missing or protected", stack=False, only_on=_EXCEPTIONS),
    Event("exceptions:page_fault_kernel", "the same for faults in kernel mode", stack=False, only_on=_EXCEPTIONS),
    Event("kmem:mm_page_alloc", "order and zeroing of the page that a fault allocates"),
    Event("kmem:rss_stat", "which counter moved: anonymous, file, shared memory, swap", stack=False),
    Event("sched:sched_process_fork", "who forked whom"),
    Event("sched:sched_process_exec", "when an address space was dropped for a new program", stack=False),
    Event("sched:sched_process_exit", "when a sharer went away", stack=False),
    Event("task:task_newtask", "clone flags: a thread, vfork or a copied address space", stack=False),
    *_syscall("clone", "start of a fork and its flags"),
    *_syscall("clone3", "start of a fork"),
    *_syscall("vfork", "start of a vfork: nothing is copied", _CLONE_ONLY),
    *_syscall("fork", "start of a fork", _CLONE_ONLY),
    *_syscall("munmap", "pages that a process gave back"),
    *_syscall("mremap", "pages that moved to another address"),
    *_syscall("madvise", "huge page advice, pages dropped, ranges kept from fork"),
    Event("syscalls:sys_enter_userfaultfd", "faults may be served by a process"),
    Event("ksm:ksm_merge_one_page", "a page that KSM merged", scope="system"),
    Event("ksm:ksm_merge_with_ksm_page", "a page that KSM merged into a merged one", scope="system"),
)

BACKGROUND = (
    Event("tlb:tlb_flush", "a mapping was taken away: copies, never reuses"),
    Event("filemap:mm_filemap_fault", "a fault looked into the page cache"),
    Event("filemap:mm_filemap_map_pages", "fault-around: how many cached pages were mapped"),
    Event("filemap:mm_filemap_add_to_page_cache", "a page was read into the page cache"),
    Event("block:block_rq_issue", "a request went to a disk"),
    Event("block:block_rq_complete", "a request came back from a disk"),
    Event("huge_memory:mm_collapse_huge_page", "khugepaged copied small pages into a huge one", scope="system"),
)

_START = "What happened before the recording began: pages not yet touched in it count as unknown."
_GUP = "Pages that the kernel faults in on its own (MAP_POPULATE, mlock, O_DIRECT): they raise no fault event."
_SPLITS = "Huge pages split without a copy (mprotect, partial munmap): only the totals in vmstat show them."

LEVELS: dict[str, Level] = {
    level.name: level
    for level in (
        Level(
            name="low",
            purpose="Every fault with address, duration and the page before and after: enough for most bills.",
            events=FAULTS,
            callchains=False,
            cost=Cost(ns_per_fault=1600, bytes_per_fault=180, slowdown=1.8),
            cannot_tell=(
                "Whether the first touch of a private file page was a read or a write.",
                "Swapped-in from zero-filled, without earlier history of the page.",
                "The size of a folio between 4 KiB and 2 MiB, except by neighbouring frames.",
                "munmap, mremap and madvise: which pages a process had given back.",
                "Page-cache hit or wait for a disk, except that a fault was major.",
                _GUP,
                _SPLITS,
                _START,
            ),
        ),
        Level(
            name="standard",
            purpose="Adds access type, allocation, counters and the life of mappings: every kind exact.",
            events=FAULTS + EVIDENCE,
            callchains=False,
            cost=Cost(ns_per_fault=3000, bytes_per_fault=390, slowdown=2.6),
            cannot_tell=(
                "Where in the program a fault came from (no call chains).",
                "Page-cache hit or wait for a disk, except that a fault was major.",
                "What khugepaged did in the background, except by the totals in vmstat.",
                _GUP,
                _SPLITS,
                _START,
            ),
        ),
        Level(
            name="full",
            purpose="Adds call chains, page-cache and disk events: to find the line of code and the disk behind a fault.",
            events=FAULTS + EVIDENCE + BACKGROUND,
            callchains=True,
            cost=Cost(ns_per_fault=6200, bytes_per_fault=590, slowdown=4.3),
            cannot_tell=(
                "User call chains of programs built without frame pointers (use --call-graph dwarf).",
                _SPLITS,
                _START,
            ),
        ),
    )
}
DEFAULT_LEVEL = "standard"
