"""A level, cut down to what this host, this perf and these rights allow; every cut has its reason, its price and its fix.

Rules of the kernel (kernel/events/core.c perf_event_open, kernel/trace/trace_event_perf.c, include/linux/perf_event.h):
without CAP_PERFMON, paranoid > 2 allows nothing, > 1 user mode only and no physical addresses, > 0 own processes only; tracepoints need
paranoid < 0 and a readable tracefs.
"""

from __future__ import annotations

from dataclasses import dataclass

from cowtrace.errors import HostError
from cowtrace.recording.host import CAP_IPC_LOCK, Host
from cowtrace.recording.levels import Event, Level
from cowtrace.recording.perf_tool import PerfTool

#: Pages of one CPU's ring buffer. On the fork loop 128 lost 2.3 % of the events, 512 and more none.
WANTED_BUFFER_PAGES = 4096
ENOUGH_BUFFER_PAGES = 512
#: Ring buffers are locked memory: all CPUs together stay below this.
BUFFER_TOTAL_BYTES = 1 << 30

AS_ROOT = "run as root"
OPEN_PERF = "`sudo sysctl kernel.perf_event_paranoid=-1`"
OPEN_TRACEFS = "`sudo mount -o remount,mode=750,gid=$(id -g) /sys/kernel/tracing`"
MOUNT_TRACEFS = "`sudo mount -t tracefs nodev /sys/kernel/tracing`"

KERNEL_MODE = "faults in kernel mode"
NO_FRAMES = "a copied page can't be told from a reused one by its frame"


@dataclass(frozen=True, slots=True)
class Missing:
    """Something of the level that is not recorded.

    Attributes:
        what: Event, option or class of faults.
        reason: Why not.
        fix: What to do about it; empty when nothing helps on this host.
        costs: What the recording can't tell without it.
        inherent: No kernel for this machine has it, so the level is complete without.
    """

    what: str
    reason: str
    fix: str = ""
    costs: str = ""
    inherent: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What perf is asked for.

    Attributes:
        level: The level's name.
        events: Events that can be recorded.
        missing: What the level would have and this recording has not.
        user_only: Only user mode can be seen (``:u``).
        phys_data: Physical frames are recorded.
        data_page_size: Page sizes are recorded.
        cgroups: Cgroup of each event is recorded.
        callchains: None, or perf's ``--call-graph`` argument.
        buffer_pages: Ring buffer pages per CPU, a power of two.
        system_wide: All processes (``-a``).
        can_skip_mappings: perf knows ``--synth`` (5.13).
    """

    level: str
    events: tuple[Event, ...]
    missing: tuple[Missing, ...]
    user_only: bool
    phys_data: bool
    data_page_size: bool
    cgroups: bool
    callchains: str | None
    buffer_pages: int
    system_wide: bool
    can_skip_mappings: bool

    @property
    def is_complete(self) -> bool:
        """True when the level is recorded in full, as far as this machine's kernels can."""
        return all(missing.inherent for missing in self.missing)


def make_plan(
    level: Level, host: Host, perf: PerfTool, *, system_wide: bool = False, call_graph: str | None = None, buffer_pages: int | None = None
) -> Plan:
    """What of a level can be recorded here.

    Raises:
        HostError: Not even page faults of the own processes can be recorded, or perf is too old to be driven.
    """
    _refuse(host, perf, system_wide)
    may_see_kernel = host.is_privileged or host.paranoid < 2
    missing: list[Missing] = []
    if not may_see_kernel:
        missing.append(
            Missing(
                KERNEL_MODE, _unprivileged(host), f"{AS_ROOT}, or {OPEN_PERF}", "faults of system calls such as read(2) are not counted"
            )
        )
        missing.append(Missing("--phys-data", _unprivileged(host), f"{AS_ROOT}, or {OPEN_PERF}", NO_FRAMES))
    elif "phys-data" not in perf.options:
        missing.append(Missing("--phys-data", f"perf {perf.version} has no such option", "update perf", NO_FRAMES))
    events: list[Event] = []
    for event in level.events:
        if event.scope == "system" and not system_wide:
            continue
        lack = _lack(event, host)
        if lack is None:
            events.append(event)
        else:
            missing.append(lack)
    # the kernel release is unknown in some sandboxes: then perf decides
    data_page_size = "data-page-size" in perf.options and (host.kernel_version == (0, 0) or host.kernel_version >= (5, 11))
    if not data_page_size:
        reason, fix = f"it needs perf 5.11 and Linux 5.11; here perf {perf.version} and Linux {host.release}", "update perf or the kernel"
        missing.append(Missing("--data-page-size", reason, fix, "huge pages can't be told from small ones by their size"))
    return Plan(
        level=level.name,
        events=tuple(events),
        missing=tuple(missing),
        user_only=not may_see_kernel,
        phys_data=may_see_kernel and "phys-data" in perf.options,
        data_page_size=data_page_size,
        cgroups="all-cgroups" in perf.options and _has_perf_cgroup(host),
        callchains=call_graph or ("fp" if level.callchains else None),
        buffer_pages=buffer_pages or default_buffer_pages(host),
        system_wide=system_wide,
        can_skip_mappings="synth" in perf.options,
    )


def default_buffer_pages(host: Host) -> int:
    """Ring buffer pages per CPU that this process may lock: a power of two, at least 1.

    perf locks one page more per CPU than asked. Without CAP_IPC_LOCK and with paranoid >= 0 the kernel allows
    kernel.perf_event_mlock_kb per CPU and what is left of RLIMIT_MEMLOCK (kernel/events/core.c perf_mmap); the limit may be used up by
    others, so only the first is counted on.
    """
    pages = BUFFER_TOTAL_BYTES // (host.cpu_count * host.page_size)
    if not host.has_capability(CAP_IPC_LOCK) and host.paranoid > -1:
        per_cpu_bytes = (host.integer("proc/sys/kernel/perf_event_mlock_kb") or 516) * 1024
        pages = min(pages, per_cpu_bytes // host.page_size - 1)
    return _power_of_two(max(1, min(pages, WANTED_BUFFER_PAGES)))


def _power_of_two(number: int) -> int:
    return 1 << (number.bit_length() - 1)


def _unprivileged(host: Host) -> str:
    return f"not root and kernel.perf_event_paranoid is {host.paranoid}"


def _refuse(host: Host, perf: PerfTool, system_wide: bool) -> None:
    if not host.has_perf_events:
        raise HostError(
            "this kernel offers no perf events (no /proc/sys/kernel/perf_event_paranoid): "
            "boot one with CONFIG_PERF_EVENTS=y, or record on the host instead of in this container or sandbox"
        )
    if "control" not in perf.options:
        raise HostError(f"perf {perf.version} is too old: cowtrace needs `perf record --control`, that is perf 5.10 or newer")
    if not host.is_privileged and host.paranoid > 2:
        raise HostError(
            f"only root may record while kernel.perf_event_paranoid is {host.paranoid}: {AS_ROOT}, or {OPEN_PERF} "
            "(2 in place of -1 allows your own processes in user mode)"
        )
    if system_wide and not host.is_privileged and host.paranoid > 0:
        raise HostError(f"-a needs root while kernel.perf_event_paranoid is {host.paranoid}: {AS_ROOT}, or {OPEN_PERF}")


def _lack(event: Event, host: Host) -> Missing | None:
    """Why an event can't be recorded; None when it can."""
    if not event.is_tracepoint:
        return None
    if event.exists_on(host.machine) is False:
        return Missing(event.name, f"no kernel for {host.machine} has it", inherent=True)
    without = f"not recorded: {event.why}"
    if not host.is_privileged and host.paranoid > -1:
        fix = f"{AS_ROOT}, or {OPEN_PERF}" + ("" if host.has_tracepoint(event.name) else f" and {OPEN_TRACEFS}")
        return Missing(event.name, _unprivileged(host), fix, without)
    if host.tracefs is None:
        return Missing(
            event.name, "tracefs is not mounted or not readable", f"{MOUNT_TRACEFS} or, when it is mounted, {OPEN_TRACEFS}", without
        )
    if host.may_read_tracepoint(event.name):
        return None
    if host.has_tracepoint(event.name):
        return Missing(event.name, "tracefs is not readable for this user", f"{AS_ROOT}, or {OPEN_TRACEFS}", without)
    if event.name.startswith("syscalls:") and not host.has_tracepoint("syscalls:sys_enter_munmap"):
        return Missing(event.name, "this kernel was built without CONFIG_FTRACE_SYSCALLS", "a kernel that has it", without)
    return Missing(event.name, f"Linux {host.release} has no such event", "a newer kernel", without)


def _has_perf_cgroup(host: Host) -> bool:
    """True when the kernel keeps a perf_event hierarchy (/proc/cgroups, CONFIG_CGROUP_PERF)."""
    return any(line.split()[:1] == ["perf_event"] for line in (host.text("proc/cgroups") or "").splitlines())
