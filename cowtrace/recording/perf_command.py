"""The argument vector of ``perf record`` for a plan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cowtrace.recording.levels import Event
from cowtrace.recording.plan import Plan


def perf_argv(
    plan: Plan,
    perf_path: str,
    output: Path,
    *,
    pids: Sequence[int] = (),
    synthesize_mappings: bool = True,
    max_bytes: int | None = None,
    control: tuple[int, int] | None = None,
) -> list[str]:
    """What to run.

    Args:
        plan: Events and options.
        perf_path: The perf program.
        output: The file to write.
        pids: Processes to follow with their children to be; ignored with ``plan.system_wide``.
        synthesize_mappings: Describe the mappings that exist at the start. Not wanted for a command that perf meets before its
            exec: the mappings would be those of the program that waits in its place.
        max_bytes: perf stops by itself beyond this size.
        control: File descriptors of perf's command and answer channel.
    """
    # -c 1: every event, no sampling; -k mono: the clock of the snapshots beside; -N: leave no copies in ~/.debug
    argv = [perf_path, "record", "-o", str(output), "-c", "1", "-k", "mono", "-d", "--sample-cpu", "-N"]
    argv += ["-m", str(plan.buffer_pages)]
    if plan.phys_data:
        argv.append("--phys-data")
    if plan.data_page_size:
        argv.append("--data-page-size")
    if plan.cgroups:
        argv.append("--all-cgroups")
    if plan.callchains:
        argv += ["--call-graph", plan.callchains]
    if not synthesize_mappings and plan.can_skip_mappings:
        argv += ["--synth", "task,cgroup"]
    if max_bytes is not None:
        argv += ["--max-size", f"{max_bytes}B"]
    if control is not None:
        argv += ["--control", f"fd:{control[0]},{control[1]}"]
    for event in plan.events:
        argv += ["-e", event_argument(event, plan)]
        if event.filter:
            argv += ["--filter", event.filter]
    argv += ["-a"] if plan.system_wide else ["-p", ",".join(map(str, pids))]
    return argv


def event_argument(event: Event, plan: Plan) -> str:
    """One event as ``-e`` takes it: user mode only, with or without its call chain, or as it is."""
    if plan.user_only:
        return f"{event.name}:u"
    if event.chain and not plan.callchains:
        return f"{event.name}/call-graph=fp/"
    if plan.callchains and not event.stack:
        # perf would take the whole term for the name of a software event
        named = "" if event.is_tracepoint else f",name={event.name}"
        return f"{event.name}/call-graph=no{named}/"
    return event.name
