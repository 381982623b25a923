"""The section of forks: parent and child of each, the other forks, no fork, all faults."""

from __future__ import annotations

from cowtrace.report.bill import Report
from cowtrace.report.cost import Cost
from cowtrace.report.forks import ForkRow
from cowtrace.report.headline import at, plural
from cowtrace.report.section import UNKNOWN, Head, Row, Section
from cowtrace.units import format_bytes, format_count, format_ns

_HEADS = (
    Head("fork"),
    Head("who paid", fold=True),
    Head("faults", "right"),
    Head("copies", "right"),
    Head("reuses", "right"),
    Head("copied", "right"),
    Head("time", "right"),
    Head("the fork itself"),
)


def fork_section(report: Report) -> Section:
    """The fork bill; two lines a fork, which with the remainders add up to all faults."""
    forks = report.forks
    rows = [row for fork in forks.rows for row in _fork_rows(report, fork)]
    if forks.rest_count:
        rows.append(_sum_row(f"{plural(forks.rest_count, 'fork')} more", forks.rest))
    rows += [_sum_row("no fork", forks.no_fork), _sum_row("all", report.total)]
    notes = []
    if forks.fork_ns is not None:
        calls = plural(forks.timed_count, "call")
        notes.append(f"fork() itself: {calls}, {format_ns(forks.fork_ns)} in the parent, on top of the faults.")
    if forks.execed_count:
        notes.append(
            f"{format_count(forks.execed_count)} of {plural(forks.fork_count, 'fork')} went on to exec: "
            "vfork or posix_spawn would have copied nothing for them."
        )
    intro = "" if forks.fork_count else "No fork was recorded."
    return Section("Which fork caused it", intro, _HEADS, rows, notes=notes, name="forks", queries=("cow/fork_bill",))


def _fork_rows(report: Report, fork: ForkRow) -> list[Row]:
    parent = Row(
        (
            f"{fork.fork_id}{at(report, fork)}",
            f"parent {fork.parent_comm or UNKNOWN} ({UNKNOWN if fork.parent_tgid is None else fork.parent_tgid})",
            format_count(fork.parent_fault_count),
            format_count(fork.parent_copy_count),
            format_count(fork.parent_reuse_count),
            format_bytes(fork.parent_copied_bytes),
            _time(fork.parent_ns, fork.parent_fault_count),
            f"took {format_ns(fork.fork_ns)}" if fork.fork_ns is not None else "",
        )
    )
    child = Row(
        (
            "",
            f"child {fork.child_comm or UNKNOWN} ({UNKNOWN if fork.child_tgid is None else fork.child_tgid})",
            format_count(fork.child_fault_count),
            format_count(fork.child_copy_count),
            format_count(fork.child_reuse_count),
            format_bytes(fork.child_copied_bytes),
            _time(fork.child_ns, fork.child_fault_count),
            _end(fork),
        )
    )
    sideless = fork.cost.fault_count - fork.parent_fault_count - fork.child_fault_count
    if not sideless:
        return [parent, child]
    cost = fork.cost
    copies = cost.copy_count - fork.parent_copy_count - fork.child_copy_count
    reuses = cost.reuse_count - fork.parent_reuse_count - fork.child_reuse_count
    copied = cost.copied_bytes - fork.parent_copied_bytes - fork.child_copied_bytes
    left = (cost.duration_ns or 0) - (fork.parent_ns or 0) - (fork.child_ns or 0)
    numbers = (*map(format_count, (sideless, copies, reuses)), format_bytes(copied), format_ns(left))
    return [parent, child, Row(("", "side not known", *numbers, ""))]


def _end(fork: ForkRow) -> str:
    if fork.lifetime_ns is None:
        return "child lives on" if fork.ts_ns is not None else ""
    return f"{'exec' if fork.execed else 'exit'} after {format_ns(fork.lifetime_ns)}"


def _time(duration_ns: int | None, fault_count: int) -> str:
    if duration_ns is None:
        return UNKNOWN if fault_count else ""
    return format_ns(duration_ns)


def _sum_row(name: str, cost: Cost) -> Row:
    counts = map(format_count, (cost.fault_count, cost.copy_count, cost.reuse_count))
    copied = f"≥ {format_bytes(cost.copied_bytes)}" if cost.unsized_count else format_bytes(cost.copied_bytes)
    return Row((name, "", *counts, copied, _time(cost.duration_ns, cost.fault_count), ""), is_sum=True)
