"""What of a level ftrace can record on this host."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace

from cowtrace.errors import HostError
from cowtrace.recording.ftrace.events import level_events
from cowtrace.recording.host import Host
from cowtrace.recording.levels import Event
from cowtrace.recording.plan import AS_ROOT, MOUNT_TRACEFS, OPEN_TRACEFS, Missing, Plan

#: perf's ``-k mono``: with one clock both recordings become one.
CLOCK = "mono"
#: One CPU's buffer, and all of them together. The drain comes round every 50 ms: 32 MiB are 18 million small events a second.
BUFFER_BYTES = 32 << 20
BUFFER_TOTAL_BYTES = 1 << 30

GRAPH = "function_graph"
_NO_TIMES = "kernel functions can't be timed, so there is no span evidence"


@dataclass(frozen=True, slots=True)
class Setup:
    """What ftrace is asked for.

    Attributes:
        events: Tracepoints.
        missing: What the level would have and this host has not.
        buffer_bytes: Of one CPU.
        graph: Try function_graph.
        system_wide: All processes.
    """

    events: tuple[Event, ...]
    missing: tuple[Missing, ...]
    buffer_bytes: int
    graph: bool
    system_wide: bool


def make_setup(
    host: Host,
    level: str,
    *,
    system_wide: bool = False,
    beside: Iterable[str] = (),
    more: Iterable[Event] = (),
    buffer_bytes: int | None = None,
    graph: bool = True,
    alone: bool = False,
) -> Setup:
    """What to ask for.

    Args:
        host: The machine.
        level: Its name.
        system_wide: All processes.
        beside: Tracepoints that perf records already.
        more: Events beyond the level; software events are perf's alone.
        buffer_bytes: Of one CPU; None for a default that the machine can spare.
        graph: Record function_graph where the host has it.
        alone: perf has no part in the recording.

    Raises:
        HostError: No instance can be made here: what is missing, and the fix.
    """
    tracefs = host.tracefs
    if tracefs is None:
        raise HostError(f"ftrace can't be used: tracefs is not mounted or not readable; {MOUNT_TRACEFS}, or {OPEN_TRACEFS}")
    instances = tracefs / "instances"
    if not instances.is_dir():
        raise HostError(f"ftrace can't be used: {instances} is missing, this kernel was built without tracefs instances")
    if not os.access(instances, os.W_OK | os.X_OK):
        raise HostError(f"ftrace can't be used: {instances} is closed to this user; {AS_ROOT}, or record without --with ftrace")
    if "[confidentiality]" in (host.text("sys/kernel/security/lockdown") or ""):
        raise HostError("ftrace can't be used: kernel lockdown is confidentiality; boot without it, or record without --with ftrace")
    clocks = (host.text(str((tracefs / "trace_clock").relative_to(host.root))) or "").replace("[", " ").replace("]", " ").split()
    if CLOCK not in clocks:
        raise HostError(f"ftrace can't be used: this kernel has no trace clock {CLOCK} (Linux 4.2 and newer have)")
    taken = set(beside)
    events: list[Event] = []
    missing: list[Missing] = []
    beyond = [event for event in more if event.is_tracepoint and (system_wide or event.scope == "any")]
    for event in (*level_events(level, system_wide=system_wide, alone=alone), *beyond):
        if event.name in taken:
            continue
        taken.add(event.name)
        if host.has_tracepoint(event.name):
            events.append(event)
        else:
            inherent = event.exists_on(host.machine) is False
            reason = f"no kernel for {host.machine} has it" if inherent else f"Linux {host.release} has no such event in tracefs"
            missing.append(Missing(event.name, reason, "" if inherent else "a newer kernel", f"not recorded: {event.why}", inherent))
    tracers = (host.text(str((tracefs / "available_tracers").relative_to(host.root))) or "").split()
    has_graph = GRAPH in tracers
    if graph and not has_graph:
        fix = "boot a kernel with CONFIG_FUNCTION_GRAPH_TRACER=y"
        missing.append(Missing(GRAPH, "this kernel was built without it", fix, _NO_TIMES, inherent=True))
    return Setup(tuple(events), tuple(missing), buffer_bytes or default_buffer_bytes(host), graph and has_graph, system_wide)


def default_buffer_bytes(host: Host) -> int:
    """Ring buffer of one CPU: 32 MiB, less on machines with many CPUs, and never more than a sixteenth of the free memory in all."""
    available = BUFFER_TOTAL_BYTES
    for line in (host.text("proc/meminfo") or "").splitlines():
        if line.startswith("MemAvailable:"):
            available = min(available, int(line.split()[1]) * 1024 // 16)
    return max(1 << 20, min(BUFFER_BYTES, available // host.cpu_count))


def plan_without_perf(level: str, *, system_wide: bool) -> Plan:
    """The plan of a recording that perf has no part in."""
    return Plan(
        level=level,
        events=(),
        missing=(),
        user_only=False,
        phys_data=False,
        data_page_size=False,
        cgroups=False,
        callchains=None,
        buffer_pages=0,
        system_wide=system_wide,
        can_skip_mappings=False,
    )


def leave_to_ftrace(plan: Plan, setup: Setup) -> Plan:
    """perf's plan without the tracepoints that ftrace records, each is recorded once; what ftrace lacks joins what perf lacks."""
    taken = {event.name for event in setup.events}
    events = tuple(event for event in plan.events if event.name not in taken)
    missing = tuple(lack for lack in plan.missing if lack.what not in taken)
    named = {lack.what for lack in missing}
    return replace(plan, events=events, missing=missing + tuple(lack for lack in setup.missing if lack.what not in named))
