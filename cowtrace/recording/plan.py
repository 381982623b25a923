"""A level, cut down to what this host, this perf and these rights allow; every cut has its reason and its fix.

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
#: Ring buffers are locked memory: all CPUs together stay below this.
BUFFER_TOTAL_BYTES = 1 << 30

RUN_AS_ROOT = "run with sudo, or `sudo setcap cap_perfmon,cap_sys_ptrace,cap_syslog,cap_ipc_lock+ep $(readlink -f $(which perf))`"
LOWER_PARANOID = "`sudo sysctl kernel.perf_event_paranoid=-1`"


@dataclass(frozen=True, slots=True)
class Missing:
    """Something of the level that is not recorded.

    Attributes:
        what: Event or option.
        reason: Why not.
        fix: What to do about it; empty when nothing helps on this host.
    """

    what: str
    reason: str
    fix: str = ""


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
        can_skip_tasks: perf knows ``--synth`` (5.13).
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
    can_skip_tasks: bool


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
                "faults in kernel mode", f"perf_event_paranoid is {host.paranoid} and this user is not privileged", f"{RUN_AS_ROOT}; or {LOWER_PARANOID}"
            )
        )
    events: list[Event] = []
    for event in level.events:
        reason = _why_not(event, host, system_wide)
        if reason is None:
            events.append(event)
        elif reason.reason:
            missing.append(reason)
    phys_data = may_see_kernel and "phys-data" in perf.options
    if not phys_data:
        missing.append(_missing_frames(host, perf, may_see_kernel))
    data_page_size = "data-page-size" in perf.options and (host.kernel_version == (0, 0) or host.kernel_version >= (5, 11))
    if not data_page_size:
        missing.append(Missing("--data-page-size", "it needs perf 5.11 and Linux 5.11", "update perf or the kernel"))
    chains = call_graph or ("fp" if level.callchains else None)
    return Plan(
        level=level.name,
        events=tuple(events),
        missing=tuple(missing),
        user_only=not may_see_kernel,
        phys_data=phys_data,
        data_page_size=data_page_size,
        cgroups="all-cgroups" in perf.options and host.path("proc/cgroups").exists() and _has_perf_cgroup(host),
        callchains=chains,
        buffer_pages=buffer_pages or default_buffer_pages(host),
        system_wide=system_wide,
        can_skip_tasks="synth" in perf.options,
    )


def default_buffer_pages(host: Host) -> int:
    """Ring buffer pages per CPU that this process may lock: a power of two, at least 1.

    perf locks one page more per CPU than asked. Without CAP_IPC_LOCK the kernel allows kernel.perf_event_mlock_kb per CPU and the
    RLIMIT_MEMLOCK of the process on top (kernel/events/core.c perf_mmap).
    """
    pages = BUFFER_TOTAL_BYTES // (host.cpu_count * host.page_size)
    if not host.has_capability(CAP_IPC_LOCK) and not host.is_privileged and host.paranoid > -1:
        per_cpu = (host.integer("proc/sys/kernel/perf_event_mlock_kb") or 516) * 1024
        pages = min(pages, per_cpu // host.page_size - 1)
    return _power_of_two(max(1, min(pages, WANTED_BUFFER_PAGES)))


def _power_of_two(number: int) -> int:
    return 1 << (number.bit_length() - 1)


def _refuse(host: Host, perf: PerfTool, system_wide: bool) -> None:
    if not host.has_perf_events:
        raise HostError(
            "this kernel has no perf events (no /proc/sys/kernel/perf_event_paranoid): "
            "boot one with CONFIG_PERF_EVENTS=y, or record on the host instead of in this container or sandbox"
        )
    if "control" not in perf.options:
        raise HostError(f"perf {perf.version} is too old: cowtrace needs `perf record --control`, that is perf 5.10 or newer")
    if not host.is_privileged and host.paranoid > 2:
        raise HostError(
            f"kernel.perf_event_paranoid is {host.paranoid}: only root may record; {RUN_AS_ROOT}, or "
            "`sudo sysctl kernel.perf_event_paranoid=2` for your own processes in user mode"
        )
    if system_wide and not host.is_privileged and host.paranoid > 0:
        raise HostError(f"-a needs root or CAP_PERFMON while kernel.perf_event_paranoid is {host.paranoid}; {RUN_AS_ROOT}")


def _why_not(event: Event, host: Host, system_wide: bool) -> Missing | None:
    """None when the event can be recorded; a Missing without reason when it has no business in this recording."""
    if event.scope == "system" and not system_wide:
        return Missing(event.name, "")
    if not event.is_tracepoint:
        return None
    if event.arch and host.machine not in event.arch:
        return Missing(event.name, f"kernels of {host.machine} have no such event")
    if not host.is_privileged and host.paranoid > -1:
        return Missing(event.name, "tracepoints need root or CAP_PERFMON", f"{RUN_AS_ROOT}; or {LOWER_PARANOID}")
    if host.tracefs is None:
        return Missing(event.name, "tracefs is not mounted or not readable", "`sudo mount -t tracefs nodev /sys/kernel/tracing`")
    if not host.has_tracepoint(event.name):
        if event.name.startswith("syscalls:"):
            return Missing(event.name, f"kernels of {host.machine} have no such system call, or CONFIG_FTRACE_SYSCALLS is off")
        return Missing(event.name, f"Linux {host.release} has no such event")
    return None


def _missing_frames(host: Host, perf: PerfTool, may_see_kernel: bool) -> Missing:
    if not may_see_kernel:
        reason = f"physical addresses are not shown to this user while perf_event_paranoid is {host.paranoid}"
        return Missing("--phys-data", reason, f"{RUN_AS_ROOT}; or {LOWER_PARANOID}")
    return Missing("--phys-data", f"perf {perf.version} has no such option", "update perf to 4.14 or newer")


def _has_perf_cgroup(host: Host) -> bool:
    """True when the kernel keeps a perf_event hierarchy (/proc/cgroups, CONFIG_CGROUP_PERF)."""
    return any(line.split()[:1] == ["perf_event"] for line in (host.text("proc/cgroups") or "").splitlines())
