"""The argument vector of perf, word by word."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cowtrace.recording.levels import LEVELS
from cowtrace.recording.perf_command import perf_argv
from cowtrace.recording.plan import make_plan
from tests.support.hosts import NO_CAPABILITIES, PERF, make_host


def test_low_of_a_command(tmp_path: Path) -> None:
    plan = make_plan(LEVELS["low"], make_host(tmp_path), PERF)
    argv = perf_argv(plan, "/usr/bin/perf", Path("out/perf.data"), pids=[812], synthesize_mappings=False, control=(5, 7))
    assert " ".join(argv) == (
        "/usr/bin/perf record -o out/perf.data -c 1 -k mono -d --sample-cpu -N -m 4096 --phys-data --data-page-size --all-cgroups "
        "--synth task,cgroup --control fd:5,7 -e page-faults -e minor-faults -e major-faults -p 812"
    )


def test_low_of_running_processes_without_rights(tmp_path: Path) -> None:
    plan = make_plan(LEVELS["low"], make_host(tmp_path, capabilities=NO_CAPABILITIES), PERF)
    argv = perf_argv(plan, "perf", Path("p"), pids=[812, 813], max_bytes=1 << 20)
    assert " ".join(argv) == (
        "perf record -o p -c 1 -k mono -d --sample-cpu -N -m 128 --data-page-size --all-cgroups --max-size 1048576B "
        "-e page-faults:u -e minor-faults:u -e major-faults:u -p 812,813"
    )


def test_full_of_the_system_keeps_call_chains_where_they_are_new(tmp_path: Path) -> None:
    plan = make_plan(LEVELS["full"], make_host(tmp_path), PERF, system_wide=True)
    argv = perf_argv(plan, "perf", Path("p"), pids=[812], synthesize_mappings=False)
    assert argv[argv.index("--call-graph") + 1] == "fp"
    assert argv[-1] == "-a" and "-p" not in argv
    events = [argv[index + 1] for index, word in enumerate(argv) if word == "-e"]
    # perf would otherwise call the event by the whole term
    assert events[:5] == [
        "page-faults",
        "minor-faults/call-graph=no,name=minor-faults/",
        "major-faults/call-graph=no,name=major-faults/",
        "exceptions:page_fault_user/call-graph=no/",
        "exceptions:page_fault_kernel/call-graph=no/",
    ]
    assert "kmem:mm_page_alloc" in events


def test_an_old_perf_is_not_asked_for_what_it_lacks(tmp_path: Path) -> None:
    older = replace(PERF, options=frozenset({"control"}))
    argv = perf_argv(make_plan(LEVELS["low"], make_host(tmp_path), older), "perf", Path("p"), pids=[1], synthesize_mappings=False)
    assert not {"--phys-data", "--data-page-size", "--all-cgroups", "--synth"} & set(argv)
