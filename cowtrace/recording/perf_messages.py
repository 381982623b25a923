"""What perf says on stderr: totals and losses at the end, refusals at the start.

The sentences are those of tools/perf/builtin-record.c, util/session.c (perf_session__warn_about_errors) and util/evsel.c
(evsel__open_strerror), perf 5.10 to 6.18.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from cowtrace.recording.levels import Event
from cowtrace.recording.plan import AS_ROOT, NO_FRAMES, Missing, Plan

GROW_BUFFERS = "`sudo sysctl kernel.perf_event_mlock_kb=16388`, or run as root"
SMALL_BUFFERS = "bursts of faults overrun the buffers: events may be lost"

# [ perf record: Captured and wrote 79.422 MB b.data (800539 samples) ]
# [ perf record: Captured and wrote 0.005 MB b.data ]                      none at all
_CAPTURED = re.compile(r"Captured and wrote [\d.]+ MB .*?(?: \((\d+) samples\))? \]$", re.MULTILINE)
# Processed 159343 events and lost 49 chunks!
_LOST_CHUNKS = re.compile(r"lost (\d+) chunks")
# Processed 172532 samples and lost 20.00%!
_LOST_SHARE = re.compile(r"Processed (\d+) samples and lost ([\d.]+)%")
_SIZE_LIMIT = re.compile(r"perf size limit reached")
# the answer to our own command on the control channel
_NOISE = re.compile(r"^(\[ perf record:.*\]|Events enabled|Error:|Warning:|.*Run 'perf list'.*|.*\bUsage: perf .*)?$")


@dataclass(frozen=True, slots=True)
class PerfTotals:
    """What perf counted.

    Attributes:
        samples: Events written; None when perf did not say.
        lost_chunks: Gaps in the ring buffers.
        lost_percent: Share of samples lost, as perf prints it; None when it printed none.
        size_limit_reached: perf stopped because of ``--max-size``.
        warnings: Every other line that perf printed, without blanks around.
    """

    samples: int | None
    lost_chunks: int
    lost_percent: float | None
    size_limit_reached: bool
    warnings: tuple[str, ...]


def read_totals(stderr: str) -> PerfTotals:
    """The totals of a finished ``perf record``."""
    captured = _CAPTURED.search(stderr)
    chunks = _LOST_CHUNKS.search(stderr)
    share = _LOST_SHARE.search(stderr)
    known = (_LOST_CHUNKS, _LOST_SHARE)
    rest = [line for line in _said(stderr) if not any(pattern.search(line) for pattern in known) and "Check IO/CPU overload" not in line]
    return PerfTotals(
        samples=int(captured[1] or 0) if captured else None,
        lost_chunks=int(chunks[1]) if chunks else 0,
        lost_percent=float(share[2]) if share else None,
        size_limit_reached=_SIZE_LIMIT.search(stderr) is not None,
        warnings=tuple(rest),
    )


def first_complaint(stderr: str) -> str:
    """The first line that says what is wrong; ``perf said nothing`` when there is none."""
    return next(iter(_said(stderr)), "perf said nothing")


def relax(plan: Plan, stderr: str) -> Plan | None:
    """A smaller plan after perf refused to start, or None when nothing is left to take away.

    What perf names is taken out; otherwise the parts that need the most rights go first.
    """
    reason = f"perf refused it: {first_complaint(stderr)}"
    if re.search(r"error mapping pages|failed to mmap", stderr):
        if plan.buffer_pages == 1:
            return None
        smaller = max(1, plan.buffer_pages // 4)
        lack = Missing(f"-m {plan.buffer_pages}", f"locked memory is limited, so -m {smaller}", GROW_BUFFERS, SMALL_BUFFERS)
        kept = tuple(entry for entry in plan.missing if not entry.what.startswith("-m "))
        return replace(plan, buffer_pages=smaller, missing=(*kept, lack))
    for event in plan.events:
        if event.is_tracepoint and re.search(rf"(?<![\w:]){re.escape(event.name)}(?!\w)", stderr):
            return _without_events(plan, (event,), reason)
    if plan.phys_data:
        return replace(plan, phys_data=False, missing=(*plan.missing, Missing("--phys-data", reason, AS_ROOT, NO_FRAMES)))
    if plan.cgroups:
        return replace(
            plan, cgroups=False, missing=(*plan.missing, Missing("--all-cgroups", reason, "", "faults are not charged to cgroups"))
        )
    if plan.data_page_size:
        lack = Missing("--data-page-size", reason, "update the kernel", "huge pages can't be told from small ones by their size")
        return replace(plan, data_page_size=False, missing=(*plan.missing, lack))
    tracepoints = tuple(event for event in plan.events if event.is_tracepoint)
    return _without_events(plan, tracepoints, reason) if tracepoints else None


def _without_events(plan: Plan, gone: tuple[Event, ...], reason: str) -> Plan:
    lacks = tuple(Missing(event.name, reason, AS_ROOT, f"not recorded: {event.why}") for event in gone)
    kept = tuple(event for event in plan.events if event not in gone)
    return replace(plan, events=kept, missing=(*plan.missing, *lacks))


def _said(stderr: str) -> list[str]:
    return [line for line in (line.strip() for line in stderr.splitlines()) if not _NOISE.match(line)]
