"""What perf says, and what follows from it. The texts are those of perf 6.1."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowtrace.recording.levels import LEVELS
from cowtrace.recording.perf_messages import PerfTotals, first_complaint, read_totals, relax
from cowtrace.recording.plan import Plan, make_plan
from tests.support.hosts import PERF, make_host

DONE = """\
Events enabled
[ perf record: Woken up 10 times to write data ]
[ perf record: Captured and wrote 79.422 MB b.data (800539 samples) ]
"""
LOST = """\
[ perf record: Woken up 4294 times to write data ]
Warning:
Processed 159343 events and lost 49 chunks!

Check IO/CPU overload!

Warning:
Processed 172532 samples and lost 20.00%!

[ perf record: Captured and wrote 8.707 MB c.data (138024 samples) ]
"""
EMPTY = "[ perf record: Woken up 1 times to write data ]\n[ perf record: Captured and wrote 0.045 MB x (1)/perf.data ]\n"
FULL = "[ perf record: perf size limit reached (15234 KB), stopping session ]\n" + DONE
NO_ROOM = "failed to write perf data, error: No space left on device\n[ perf record: Woken up 1 times to write data ]\n"

REFUSED = """\
Error:
Access to performance monitoring and observability operations is limited.
Consider adjusting /proc/sys/kernel/perf_event_paranoid setting to open
access to performance monitoring and observability operations for processes
without CAP_PERFMON, CAP_SYS_PTRACE or CAP_SYS_ADMIN Linux capability.
perf_event_paranoid setting is 2:
  -1: Allow use of (almost) all events by all users
      Ignore mlock limit after perf_event_mlock_kb without CAP_IPC_LOCK
"""
UNKNOWN_EVENT = """\
event syntax error: 'sched:sched_process_exec'
                     \\___ unknown tracepoint

Error:	File /sys/kernel/tracing/events/sched/sched_process_exec not found.
Run 'perf list' for a list of valid events

 Usage: perf record [<options>] [<command>]
"""
NO_MEMORY = """\
Permission error mapping pages.
Consider increasing /proc/sys/kernel/perf_event_mlock_kb,
or try again with a smaller value of -m/--mmap_pages.
(current value: 4096,0)
"""


@pytest.mark.parametrize(
    ("text", "totals"),
    [
        (DONE, PerfTotals(800539, 0, None, False, ())),
        (LOST, PerfTotals(138024, 49, 20.0, False, ())),
        (EMPTY, PerfTotals(0, 0, None, False, ())),
        (FULL, PerfTotals(800539, 0, None, True, ())),
        (NO_ROOM, PerfTotals(None, 0, None, False, ("failed to write perf data, error: No space left on device",))),
        ("", PerfTotals(None, 0, None, False, ())),
    ],
    ids=["done", "lost", "empty", "size limit", "disk full", "killed"],
)
def test_totals(text: str, totals: PerfTotals) -> None:
    assert read_totals(text) == totals


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (REFUSED, "Access to performance monitoring and observability operations is limited."),
        (UNKNOWN_EVENT, "event syntax error: 'sched:sched_process_exec'"),
        ("", "perf said nothing"),
    ],
)
def test_first_complaint(text: str, line: str) -> None:
    assert first_complaint(text) == line


def plan_of(tmp_path: Path) -> Plan:
    return make_plan(LEVELS["standard"], make_host(tmp_path), PERF)


def test_an_event_that_perf_names_is_taken_out_and_nothing_else(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    smaller = relax(plan, UNKNOWN_EVENT)
    assert smaller is not None
    assert [event.name for event in plan.events if event not in smaller.events] == ["sched:sched_process_exec"]
    assert smaller.missing[0].reason == "perf refused it: event syntax error: 'sched:sched_process_exec'"
    assert smaller.phys_data and smaller.cgroups


def test_smaller_buffers_until_one_page(tmp_path: Path) -> None:
    plan: Plan | None = plan_of(tmp_path)
    sizes = []
    while plan is not None:
        sizes.append(plan.buffer_pages)
        lacks = plan.missing
        plan = relax(plan, NO_MEMORY)
    assert sizes == [4096, 1024, 256, 64, 16, 4, 1]
    # the steps between do not matter to anyone
    assert [(lack.what, lack.reason) for lack in lacks] == [("-m 4", "locked memory is limited, so -m 1")]


def test_a_refusal_without_a_name_takes_the_most_privileged_part_first(tmp_path: Path) -> None:
    plan: Plan | None = plan_of(tmp_path)
    steps = []
    while plan is not None:
        steps.append(len(plan.missing) and plan.missing[-1].what)
        last, plan = plan, relax(plan, REFUSED)
    assert steps == [0, "--phys-data", "--all-cgroups", "--data-page-size", "syscalls:sys_enter_userfaultfd"]
    assert [event.name for event in last.events] == ["page-faults", "minor-faults", "major-faults"]
