"""Which events of a recording mean what to the attribution, by their names only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cowtrace.parsers.base import EventDesc

(
    ENTRY,
    MINOR,
    MAJOR,
    EXC_USER,
    EXC_KERNEL,
    ALLOC,
    RSS,
    NEWTASK,
    CLONE_ENTER,
    CLONE_EXIT,
    UFFD,
    MREMAP_ENTER,
    MREMAP_EXIT,
    MUNMAP,
    MADVISE,
    SPAN,
    OTHER,
) = range(17)

#: Event name -> role. Software events: include/uapi/linux/perf_event.h; exceptions:*: arch/x86/include/asm/trace/exceptions.h;
#: kmem:*: include/trace/events/kmem.h. ftrace names have no system in front when they come from text.
NAMES: dict[str, int] = {
    "page-faults": ENTRY,
    "faults": ENTRY,
    "minor-faults": MINOR,
    "major-faults": MAJOR,
    "exceptions:page_fault_user": EXC_USER,
    "exceptions:page_fault_kernel": EXC_KERNEL,
    "kmem:mm_page_alloc": ALLOC,
    "kmem:rss_stat": RSS,
    "task:task_newtask": NEWTASK,
    "syscalls:sys_enter_userfaultfd": UFFD,
    "syscalls:sys_enter_mremap": MREMAP_ENTER,
    "syscalls:sys_exit_mremap": MREMAP_EXIT,
    "syscalls:sys_enter_munmap": MUNMAP,
    "syscalls:sys_enter_madvise": MADVISE,
    **{f"syscalls:sys_enter_{call}": CLONE_ENTER for call in ("clone", "clone3", "fork", "vfork")},
    **{f"syscalls:sys_exit_{call}": CLONE_EXIT for call in ("clone", "clone3", "fork", "vfork")},
}


@dataclass(slots=True)
class Roles:
    """The events of a recording by role, and what the recording can therefore tell.

    Attributes:
        of_event: Role of each event index.
        events: Role -> event indices.
        has_entry: Faults are seen at entry by ``page-faults``, every one of them (period 1).
        has_exit: Their outcome is seen by minor-faults and major-faults, every one of them.
        has_error_code: ``exceptions:*`` are recorded.
        has_frames: Entry and exit carry page size and page frame.
        has_alloc: Page allocations are recorded.
        has_rss: Counter changes are recorded.
        sampled: The fault events are sampled: they can't be paired, each row stands for ``weight`` faults.
        has_spans: Calls of fault handlers are recorded: rows of role SPAN, which no event has, stand for them.
        foreign_exceptions: ``exceptions:*`` come from another recorder than the faults, which may have seen other processes or
            times: they tell of faults, but one that belongs to no fault is none.
        foreign_inner: So do allocations and counters: that there was none inside a fault is known only where their recorder was watching.
        watched_by_exception: An exception of that same recorder proves it.
        until_next: No exit is recorded: what a thread allocates and counts after an exception, until something else of it is seen, may
            belong to the fault.
        alloc_seen, rss_seen: Such events occurred: a trace.dat names all events of its kernel, recorded or not.
    """

    of_event: list[int]
    events: dict[int, list[int]] = field(default_factory=dict)
    has_entry: bool = False
    has_exit: bool = False
    has_error_code: bool = False
    has_page_size: bool = False
    has_frames: bool = False
    has_alloc: bool = False
    has_rss: bool = False
    sampled: bool = False
    has_spans: bool = False
    foreign_exceptions: bool = False
    foreign_inner: bool = False
    watched_by_exception: bool = False
    until_next: bool = False
    alloc_seen: bool = False
    rss_seen: bool = False

    @property
    def only_spans(self) -> bool:
        """Nothing else than calls of fault handlers tells of faults."""
        return self.has_spans and not any(self.names(role) for role in (ENTRY, MINOR, MAJOR, EXC_USER, EXC_KERNEL))

    def names(self, role: int) -> list[int]:
        """Event indices of a role."""
        return self.events.get(role, [])


def _source(roles: Roles, by_index: dict[int, EventDesc], role: int) -> int | None:
    """Number of the recording that has a role; None without."""
    return next((by_index[index].source for index in roles.names(role)), None)


def assign_roles(events: Iterable[EventDesc]) -> Roles:
    """Find the roles of a recording's events. A second event of the same software role (recorded twice) is left out."""
    roles = Roles([])
    once = {ENTRY, MINOR, MAJOR, EXC_USER, EXC_KERNEL, ALLOC, RSS, NEWTASK}
    by_index = {}
    for event in events:
        role = OTHER if event.hidden else NAMES.get(event.base_name, OTHER)
        if role in once and roles.names(role):
            role = OTHER
        roles.of_event.append(role)
        roles.events.setdefault(role, []).append(event.index)
        by_index[event.index] = event
    fault_events = [by_index[i] for role in (ENTRY, MINOR, MAJOR) for i in roles.names(role)]
    roles.sampled = any(event.period != 1 for event in fault_events)
    roles.has_entry = bool(roles.names(ENTRY))
    roles.has_exit = bool(roles.names(MINOR)) and not roles.sampled
    roles.has_error_code = bool(roles.names(EXC_USER))
    roles.has_alloc = bool(roles.names(ALLOC))
    roles.has_rss = bool(roles.names(RSS))
    entry, leave, exception, alloc, rss = (_source(roles, by_index, role) for role in (ENTRY, MINOR, EXC_USER, ALLOC, RSS))
    counts = leave if entry is None else entry
    roles.foreign_exceptions = counts is not None and exception not in (None, counts)
    roles.foreign_inner = counts is not None and alloc not in (None, counts)
    roles.watched_by_exception = exception == alloc
    # counters have no proof of their own
    roles.has_rss &= rss in (counts, alloc) or counts is None
    inner = [by_index[i] for role in (ALLOC, RSS) for i in roles.names(role)]
    one_recorder = all(event.source == exception and event.period == 1 for event in inner)
    roles.until_next = counts is None and exception is not None and bool(inner) and one_recorder
    paired = roles.has_entry and roles.has_exit
    roles.has_page_size = paired and all("data_page_size" in event.columns for event in fault_events)
    roles.has_frames = roles.has_page_size and all("phys_addr" in event.columns for event in fault_events)
    return roles
