"""The bill in one sentence, and the caveats that change how to read it."""

from __future__ import annotations

from cowtrace.report.bill import Report
from cowtrace.report.forks import ForkRow
from cowtrace.units import format_bytes, format_count, format_ns


def headline(report: Report) -> str:
    """The bill, names from the trace unescaped.

    Example: ``redis-server (pid 12) and its 1 fork: 10,213 faults, 8,000 copies = 31.2 MiB, 31 ms in faults, 62 % of it caused by fork 0
    at 1.23 s.``
    """
    total = report.total
    if total.fault_count == 0:
        rest = f" {_copyups(report)}." if report.copyups.files else ""
        return "No page fault was recorded." + rest + (" Memory snapshots are below." if report.memory else "")
    parts = [plural(total.fault_count, "fault"), _copies(report)]
    if total.zeroed_bytes:
        parts.append(f"{format_bytes(total.zeroed_bytes)} zeroed")
    if total.duration_ns is not None:
        part = "" if total.timed_count == total.fault_count else f" that were timed ({percent(total.timed_count, total.fault_count)})"
        parts.append(f"{format_ns(total.duration_ns)} in {'the faults' if part else 'faults'}{part}")
    if report.forks.fork_count:
        parts.append(_caused(report))
    said = f"{_who(report)}: {', '.join(parts)}."
    return f"{said} {_copyups(report)}." if report.copyups.files else said


def caveats(report: Report) -> list[str]:
    """Sentences about losses, sampling and what is unknown; empty for a complete recording."""
    total, said = report.total, []
    lost = lost_events(report)
    if lost:
        said.append(f"{plural(lost, 'event')} lost while recording: every number here is too low.")
    elif any(loss.lost_events is None for loss in report.losses):
        said.append("Events were lost while recording, nobody counted how many: every number here is too low.")
    if report.sampled:
        said.append("The recording is a sample: counts, bytes and times are estimates.")
    if total.unknown_count:
        share = percent(total.unknown_count, total.fault_count)
        said.append(f"{share} of the faults could not be classified; see what this recording cannot tell.")
    broken = sum(source.records_damaged for source in report.provenance.sources)
    if broken:
        said.append(f"{plural(broken, 'record')} damaged in the input and left out.")
    if any(source.bytes_unread for source in report.provenance.sources):
        said.append("An input is damaged or cut short: what could be read is here; its notes at the end say what could not.")
    return said


def lost_events(report: Report) -> int:
    """Events lost, each source counted once: ``lost`` and ``lost_samples`` are two counts of the same loss."""
    most: dict[int, int] = {}
    for loss in report.losses:
        most[loss.source_id] = max(most.get(loss.source_id, 0), loss.lost_events or 0)
    return sum(most.values())


def plural(count: int, noun: str) -> str:
    """``1 fork``, ``1,234 forks``, ``2 copies``, ``3 processes``."""
    if count == 1:
        return f"1 {noun}"
    if noun.endswith("y"):
        noun = noun[:-1] + "ie"
    return f"{format_count(count)} {noun}{'es' if noun.endswith('s') else 's'}"


def percent(part: int, whole: int) -> str:
    """``62 %``; small shares keep one digit, and only nothing is ``0 %``, only all is ``100 %``."""
    if not part or not whole:
        return "0 %"
    share = 100 * part / whole
    if part == whole:
        return "100 %"
    if share < 0.1:
        return "<0.1 %"
    return f"{min(share, 99.9):.1f} %" if share < 9.95 or share >= 99 else f"{share:.0f} %"


def _who(report: Report) -> str:
    """One process with forks of itself by its name; several programs by their number and the one that paid most."""
    root, forks = report.root, plural(report.forks.fork_count, "fork")
    if root is not None and root.tree_count == root.name_count == 1 and root.fault_count == report.total.fault_count:
        name = f"{root.comm} (pid {root.tgid})"
        return f"{name} and its {forks}" if report.forks.fork_count else name
    first = report.processes.rows[0]
    if report.process_count == 1:
        return f"{first.keys['comm']} (pid {first.keys['tgid']})" + (f" and {forks}" if report.forks.fork_count else "")
    among = plural(report.process_count, "process") + (f" and {forks}" if report.forks.fork_count else "")
    if report.total.duration_ns:
        share = f"{percent(first.cost.duration_ns or 0, report.total.duration_ns)} of the time"
    else:
        share = f"{percent(first.cost.fault_count, report.total.fault_count)} of the faults"
    return f"{among}, first of all {first.keys['comm']} (pid {first.keys['tgid']}, {share})"


def _copies(report: Report) -> str:
    total, maybe = report.total, report.maybe_copy_count
    if not total.copy_count and maybe:
        return f"at most {plural(maybe, 'copy')} (the recording does not tell)"
    bound = "at least " if total.unsized_count else ""
    most = f" (at most {format_count(total.copy_count + maybe)})" if maybe else ""
    if not total.copy_count:
        return "no copies"
    if not total.copied_bytes:
        return f"{plural(total.copy_count, 'copy')}{most} of unknown size"
    return f"{plural(total.copy_count, 'copy')}{most} = {bound}{format_bytes(total.copied_bytes)}"


def _copyups(report: Report) -> str:
    """What overlays copied up, often more than all faults together."""
    total = report.copyups.total
    said = plural(total["copyup_count"], "overlay copy-up")
    if total["copied_bytes"] or not total["unsized_count"]:
        said += f" = {'at least ' if total['unsized_count'] else ''}{format_bytes(total['copied_bytes'])} of file data"
    return said if total["duration_ns"] is None else f"{said}, {format_ns(total['duration_ns'])} blocked"


def _caused(report: Report) -> str:
    forks, total = report.forks, report.total
    if not forks.caused.fault_count:
        return "none of it known to be caused by a fork"
    if total.duration_ns:
        part, whole, what = forks.caused.duration_ns or 0, total.duration_ns, "of it"
    else:
        part, whole, what = forks.caused.fault_count, total.fault_count, "of the faults"
    share = f"{percent(part, whole)} {what} caused by"
    first = forks.rows[0]
    place = f"fork {first.fork_id}{at(report, first)}"
    if forks.fork_count == 1:
        return f"{share} {place}"
    own = (first.cost.duration_ns or 0) if total.duration_ns else first.cost.fault_count
    return f"{share} forks ({percent(own, whole)} by {place})"


def at(report: Report, fork: ForkRow) -> str:
    """`` at 1.23 s``, counted from the recording's first event; empty without a time."""
    if fork.ts_ns is None or report.start_ns is None:
        return ""
    return f" at {format_ns(fork.ts_ns - report.start_ns)}"
