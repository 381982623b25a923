"""``cowtrace record``: record a command, a process or the system with the right events."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cowtrace.errors import HostError, UsageError
from cowtrace.recording.levels import DEFAULT_LEVEL, LEVELS
from cowtrace.text import printable
from cowtrace.units import format_bytes, format_count, format_ns

if TYPE_CHECKING:
    from cowtrace.recording.collector import Collector
    from cowtrace.recording.host import Host
    from cowtrace.recording.levels import Level
    from cowtrace.recording.plan import Missing, Plan
    from cowtrace.recording.request import Outcome

DEFAULT_FOLDER = "cowtrace.rec"


def _level_help() -> str:
    costs = ", ".join(f"{level.name} +{level.cost.ns_per_fault / 1000:.1f} µs" for level in LEVELS.values())
    return f"How much to record; per fault it costs about: {costs}."


def _parse_pids(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, ...]:
    if value is None:
        return ()
    words = value.split(",")
    if not all(word.strip().isdigit() and int(word) > 0 for word in words):
        raise UsageError(f"-p {value}: expected process ids separated by commas, such as -p 812 or -p 812,813")
    return tuple(dict.fromkeys(int(word) for word in words))


def _parse_size(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    text = value.strip().upper().removesuffix("IB").removesuffix("B")
    factor = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}.get(text[-1:], 1)
    digits = text[:-1] if factor > 1 else text
    if not digits.isdigit() or int(digits) == 0:
        raise UsageError(f"{parameter.opts[-1]} {value}: expected a size such as 500M or 2G")
    return int(digits) * factor


def _list_levels(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value or context.resilient_parsing:
        return
    for level in LEVELS.values():
        click.echo(f"{level.name}{' (default)' if level.name == DEFAULT_LEVEL else ''}: {level.purpose}")
        cost = level.cost
        click.echo(
            f"  costs        +{cost.ns_per_fault / 1000:.1f} µs and {cost.bytes_per_fault} bytes per fault; a program that does nothing"
        )
        click.echo(f"               but fault ran {cost.slowdown:g} times as long (a virtual machine, 2 CPUs, Linux 6.18)")
        lower = {event.name for other in LEVELS.values() if len(other.events) < len(level.events) for event in other.events}
        for index, event in enumerate(event for event in level.events if event.name not in lower):
            click.echo(f"  {'records' if index == 0 else '':<12} {event.name:<42} {event.why}{' (-a)' if event.scope == 'system' else ''}")
        for index, sentence in enumerate(level.cannot_tell):
            click.echo(f"  {'cannot tell' if index == 0 else '':<12} {sentence}")
        click.echo()
    context.exit()


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--level", type=click.Choice(list(LEVELS)), default=DEFAULT_LEVEL, show_default=True, help=_level_help())
@click.option(
    "-o", "--output", "folder", type=click.Path(path_type=Path), default=DEFAULT_FOLDER, show_default=True, help="Folder to write."
)
@click.option("--force", is_flag=True, help="Replace the folder when it is a recording.")
@click.option("-a", "--all-processes", is_flag=True, help="The whole system: until Ctrl-C, or as long as COMMAND runs.")
@click.option("-p", "--pid", "pids", metavar="PID[,PID]", callback=_parse_pids, help="Running processes and the children they get.")
@click.option(
    "--limit-time",
    "--duration",
    "limit_s",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Stop after this time; ends COMMAND.",
)
@click.option(
    "--limit-size", "limit_bytes", metavar="SIZE", callback=_parse_size, help="Stop when perf.data has this size, e.g. 2G; ends COMMAND."
)
@click.option(
    "--smaps/--no-smaps", default=None, help="Copy /proc/PID/smaps during the recording. Default: with -p at start and end, else not."
)
@click.option("--smaps-interval", type=click.FloatRange(min=0.01), metavar="SECONDS", help="How often; implies --smaps.  [default: 1]")
@click.option("--smaps-children", is_flag=True, help="Of their children too; implies --smaps.")
@click.option("--smaps-limit", type=click.IntRange(min=1), default=2000, show_default=True, help="Copies in all.")
@click.option(
    "--occupancy", is_flag=True, help="Look into huge pages now and then: which base pages were written. For replay --what-if thp=never."
)
@click.option("--call-graph", metavar="fp|dwarf|lbr", help="Record call chains at any level; full takes fp.")
@click.option(
    "--overlay",
    is_flag=False,
    flag_value="auto",
    metavar="[MOUNTPOINT|auto]",
    help="Also file copy-ups of overlayfs: the events, and a listing of the upper layer before and after. auto: the mount that this "
    "folder lies on, else all.",
)
@click.option(
    "-m",
    "--buffer-pages",
    type=click.IntRange(min=1),
    metavar="PAGES",
    help="Ring buffer per CPU.  [default: up to 4096, as memory limits allow]",
)
@click.option(
    "--with",
    "companion",
    type=click.Choice(["ftrace"]),
    help="Record with ftrace beside perf: tracepoints at a third of perf's cost, function_graph where the kernel has it.",
)
@click.option("--no-perf", is_flag=True, help="ftrace alone; no durations and no page frames unless function_graph can be had.")
@click.option(
    "--ftrace-buffer",
    "ftrace_bytes",
    metavar="SIZE",
    callback=_parse_size,
    help="ftrace ring buffer per CPU, e.g. 64M.  [default: up to 32M, as memory allows]",
)
@click.option("--propagate-exit", is_flag=True, help="Exit with the exit code of COMMAND (128+N when signal N ended it).")
@click.option(
    "--list-levels",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_levels,
    help="What each level records, costs and can't tell.",
)
@click.argument("argv", metavar="[--] [COMMAND]...", nargs=-1, type=click.UNPROCESSED)
def command(**options: Any) -> int:
    """Record a command, a process or the system with the right events.

    Runs perf and copies what belongs to it from /proc into one folder, which `cowtrace report` reads. COMMAND keeps its stdin, stdout
    and stderr. Ctrl-C ends the recording, and COMMAND with it; the folder is complete all the same. Exits with 0 when the recording
    succeeded, whatever COMMAND did (see --propagate-exit).

    Without root, only your own processes in user mode: the warnings say what is missing, `cowtrace doctor` how to change it.

    With `--with ftrace` a tracefs instance of its own records the level's tracepoints (at level low: access types, forks, names) into
    trace.dat beside perf.data, on the same clock; both are read as one recording. It needs root, and the instance is removed at the end.

    \b
    Examples:
      cowtrace record -- make -j4                          writes cowtrace.rec
      cowtrace record --level low -p 812 --duration 30     half a minute of a running process
      cowtrace record -a --duration 10 -o night.rec        everything on this machine
      cowtrace record --smaps --smaps-children -- ./server also memory maps, once a second
      cowtrace record --level low --with ftrace -- ./job   access types at the price of level low and a little
      cowtrace record --overlay -- make                    in a container: which image files it copied up, and why
    """
    return _record(**options)


def _record(
    *,
    level: str,
    folder: Path,
    force: bool,
    all_processes: bool,
    pids: tuple[int, ...],
    limit_s: float | None,
    limit_bytes: int | None,
    smaps: bool | None,
    smaps_interval: float | None,
    smaps_children: bool,
    smaps_limit: int,
    occupancy: bool,
    call_graph: str | None,
    overlay: str | None,
    buffer_pages: int | None,
    companion: str | None,
    no_perf: bool,
    ftrace_bytes: int | None,
    propagate_exit: bool,
    argv: tuple[str, ...],
) -> int:
    from cowtrace.recording.description import describe
    from cowtrace.recording.ftrace.collector import Ftrace
    from cowtrace.recording.ftrace.setup import leave_to_ftrace, make_setup, plan_without_perf
    from cowtrace.recording.host import this_host
    from cowtrace.recording.perf_tool import find_perf
    from cowtrace.recording.plan import make_plan
    from cowtrace.recording.request import Request
    from cowtrace.recording.session import record
    from cowtrace.recording.workload import find_program

    with_ftrace = companion == "ftrace" or no_perf
    _check_usage(argv, pids, all_processes=all_processes, propagate_exit=propagate_exit, occupancy=occupancy, buffer_pages=buffer_pages)
    if ftrace_bytes is not None and not with_ftrace:
        raise UsageError("--ftrace-buffer needs --with ftrace")
    wants_smaps = smaps if smaps is not None else bool(pids or smaps_interval or smaps_children)
    if wants_smaps and not (pids or argv):
        raise UsageError("--smaps needs -p PID or a COMMAND: copying the maps of every process would disturb what is measured")
    if argv:
        find_program(argv[0])
    host = this_host()
    _check_owner(host, pids)
    asked, overlays = (LEVELS[level], []) if overlay is None else _with_overlay(LEVELS[level], host, overlay, pids)
    perf = None if no_perf else find_perf()
    plan = plan_without_perf(level, system_wide=all_processes)
    if perf is not None:
        plan = make_plan(asked, host, perf, system_wide=all_processes, call_graph=call_graph, buffer_pages=buffer_pages)
    interval_s = smaps_interval or (1.0 if smaps or smaps_children else None)
    collectors = _collectors(host, wants_smaps, interval_s, smaps_children, smaps_limit, occupancy=occupancy) + overlays
    if with_ftrace:
        # call chains come from perf only: where they are wanted, its tracepoints stay with it
        beside = [event.name for event in plan.events] if plan.callchains else []
        more = asked.events if perf is None else ()
        scope = {"system_wide": all_processes, "alone": perf is None}
        setup = make_setup(host, level, beside=beside, more=more, buffer_bytes=ftrace_bytes, **scope)
        plan = leave_to_ftrace(plan, setup)
        collectors.append(Ftrace(host, setup, limit_bytes=limit_bytes))
    _warn_missing(plan)
    request = Request(plan=plan, command=argv, pids=pids, path=folder, force=force, limit_s=limit_s, limit_bytes=limit_bytes)

    def make_description(outcome: Outcome) -> dict[str, object]:
        notes = [sentence for collector in collectors for sentence in collector.notes]
        facts = {name: value for collector in collectors for name, value in collector.facts().items()}
        return describe(outcome, request=request, host=host, perf=perf, notes=notes, facts=facts)

    outcome = record(request, perf, collectors, make_description, _say)
    for collector in collectors:
        for sentence in collector.notes:
            _say(f"note: {sentence}")
    ftrace_bytes = next((collector.size_bytes for collector in collectors if isinstance(collector, Ftrace)), None)
    _summarise(outcome, folder, argv, has_perf=perf is not None, ftrace_bytes=ftrace_bytes)
    if perf is not None and outcome.is_cut_short:
        how = f"signal {-outcome.perf_exit_code}" if outcome.perf_exit_code < 0 else f"exit code {outcome.perf_exit_code}"
        said = f" ({outcome.totals.warnings[-1]})" if outcome.totals.warnings else ""
        raise HostError(f"perf ended on its own with {how}{said}; {folder} holds what it had written until then")
    if propagate_exit and outcome.exit_code is not None:
        return outcome.exit_code if outcome.exit_code >= 0 else 128 - outcome.exit_code
    return 0


def _check_usage(
    argv: tuple[str, ...], pids: tuple[int, ...], *, all_processes: bool, propagate_exit: bool, occupancy: bool, buffer_pages: int | None
) -> None:
    if pids and (argv or all_processes):
        raise UsageError("-p PID records running processes: give it without COMMAND and without -a")
    if not (pids or argv or all_processes):
        raise UsageError("nothing to record: give a COMMAND (cowtrace record -- make), -p PID, or -a for the whole system")
    if propagate_exit and not argv:
        raise UsageError("--propagate-exit needs a COMMAND")
    if occupancy and not (pids or argv):
        raise UsageError("--occupancy needs -p PID or a COMMAND: looking into every process would disturb what is measured")
    if buffer_pages is not None and buffer_pages & (buffer_pages - 1):
        raise UsageError(f"-m {buffer_pages}: expected a power of two, such as 512 or 4096")


def _with_overlay(level: Level, host: Host, wanted: str, pids: tuple[int, ...]) -> tuple[Level, list[Collector]]:
    """The level with the events of ``--overlay``, and what lists the upper layers."""
    from cowtrace.recording.overlay.collector import Overlay, check_rights
    from cowtrace.recording.overlay.events import with_overlay
    from cowtrace.recording.overlay.mounts import choose, overlay_mounts

    table = host.path("proc") / (str(pids[0]) if pids else "self") / "mountinfo"
    mounts = choose(overlay_mounts(table), wanted, Path.cwd())
    readable, notes = check_rights(mounts, wanted=wanted)
    for sentence in notes:
        _say(f"warning: {sentence}")
    return with_overlay(level, host.machine, mounts), [Overlay(readable, notes)]


def _check_owner(host: Host, pids: tuple[int, ...]) -> None:
    from cowtrace.recording.processes import owner

    for pid in pids:
        user = owner(pid)
        if user is None:
            raise UsageError(f"-p {pid}: there is no such process")
        if user != os.geteuid() and not host.is_privileged:
            raise HostError(f"-p {pid}: the process belongs to user {user}; run cowtrace as that user or as root")


def _collectors(host: Host, wants_smaps: bool, interval_s: float | None, children: bool, limit: int, *, occupancy: bool) -> list[Collector]:
    from cowtrace.recording.counters import Counters
    from cowtrace.recording.kallsyms import Kallsyms
    from cowtrace.recording.mounts import Mounts
    from cowtrace.recording.occupancy import Occupancy
    from cowtrace.recording.perf_maps import PerfMaps
    from cowtrace.recording.smaps import Smaps

    collectors: list[Collector] = [
        Counters(host, interval_s if wants_smaps else None),
        Mounts(),
        Kallsyms(host.path("proc")),
        PerfMaps(host.path("tmp")),
    ]
    if wants_smaps:
        collectors.append(Smaps(interval_s=interval_s, children=children, limit=limit))
    if occupancy:
        collectors.append(Occupancy(host))
    return collectors


def _warn_missing(plan: Plan) -> None:
    """One warning per reason, not per event."""
    by_reason: dict[str, list[Missing]] = {}
    for missing in plan.missing:
        if not missing.inherent:
            by_reason.setdefault(missing.reason, []).append(missing)
    for reason, lacks in by_reason.items():
        names = [lack.what for lack in lacks if ":" not in lack.what]
        tracepoints = [lack.what for lack in lacks if ":" in lack.what]
        if tracepoints:
            names.append(tracepoints[0] if len(tracepoints) == 1 else f"{len(tracepoints)} tracepoints ({tracepoints[0]}, ...)")
        _say(f"warning: {reason}, so this recording lacks {', '.join(names)}")
        costs = list(dict.fromkeys(lack.costs for lack in lacks if ":" not in lack.what and lack.costs))
        fix = max((lack.fix for lack in lacks), key=len)
        _say(f"warning: {'; '.join([*costs, f'to get it, {fix}' if fix else 'nothing helps on this host'])}")


def _summarise(outcome: Outcome, folder: Path, argv: tuple[str, ...], *, has_perf: bool, ftrace_bytes: int | None) -> None:
    totals = outcome.totals
    parts = []
    if has_perf:
        count = {None: "events", 0: "no events", 1: "1 event"}.get(totals.samples, f"{format_count(totals.samples)} events")
        parts += [count, format_bytes(outcome.size_bytes)]
    if ftrace_bytes is not None:
        parts.append(f"{format_bytes(ftrace_bytes)} of ftrace")
    parts.append(f"in {format_ns(outcome.ended.mono_ns - outcome.started.mono_ns)}")
    ending = outcome.stop_reason
    if outcome.stop_reason == "command ended" and outcome.exit_code is not None:
        code = outcome.exit_code
        ending = f"{Path(argv[0]).name} exited with {code}" if code >= 0 else f"{Path(argv[0]).name} was ended by signal {-code}"
    _say(f"recorded {', '.join(parts)} ({outcome.plan.level}; {ending})")
    if totals.lost_chunks or totals.lost_percent:
        share = f", {totals.lost_percent:g} % of the events" if totals.lost_percent else ""
        _say(f"warning: LOST {totals.lost_chunks} chunks{share}: record with a larger -m, a lower --level, or on a faster disk")
    _say(f"Wrote {folder}")
    place = "" if str(folder) == DEFAULT_FOLDER else f" {folder}"
    _say(f"next: cowtrace report{place}")


def _say(line: str) -> None:
    print(f"cowtrace: {printable(line)}", file=sys.stderr, flush=True)
