"""A level on hosts that allow more or less of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cowtrace.errors import HostError
from cowtrace.recording.levels import LEVELS
from cowtrace.recording.plan import default_buffer_pages, make_plan
from tests.support.hosts import ALL_TRACEPOINTS, NO_CAPABILITIES, PERF, make_host

STANDARD = LEVELS["standard"]


def test_root_gets_everything(tmp_path: Path) -> None:
    plan = make_plan(STANDARD, make_host(tmp_path), PERF)
    assert plan.is_complete and plan.missing == ()
    assert (plan.phys_data, plan.data_page_size, plan.cgroups, plan.user_only, plan.callchains) == (True, True, True, False, None)
    assert len(plan.events) == 26
    # events of kernel threads are worth their place only when kernel threads are recorded
    assert not any(event.name.startswith("ksm:") for event in plan.events)
    assert [event.name for event in make_plan(STANDARD, make_host(tmp_path), PERF, system_wide=True).events if "ksm" in event.name] == [
        "ksm:ksm_merge_one_page",
        "ksm:ksm_merge_with_ksm_page",
    ]


def test_paranoid_2_without_rights_is_user_mode_without_frames(tmp_path: Path) -> None:
    plan = make_plan(STANDARD, make_host(tmp_path, capabilities=NO_CAPABILITIES), PERF)
    assert [event.name for event in plan.events] == ["page-faults", "minor-faults", "major-faults"]
    assert (plan.user_only, plan.phys_data, plan.data_page_size) == (True, False, True)
    assert [missing.what for missing in plan.missing[:3]] == ["faults in kernel mode", "--phys-data", "exceptions:page_fault_user"]
    assert len(plan.missing) == 2 + 23
    assert {missing.reason for missing in plan.missing} == {"not root and kernel.perf_event_paranoid is 2"}
    assert plan.missing[1].fix == "run as root, or `sudo sysctl kernel.perf_event_paranoid=-1`"
    assert plan.missing[1].costs == "a copied page can't be told from a reused one by its frame"
    assert plan.missing[2].costs == "not recorded: read, write or execute; missing or protected"


@pytest.mark.parametrize(("paranoid", "phys_data", "tracepoints"), [(-1, True, 23), (0, True, 0), (1, True, 0), (2, False, 0)])
def test_what_each_paranoid_level_leaves_to_users(tmp_path: Path, paranoid: int, phys_data: bool, tracepoints: int) -> None:
    plan = make_plan(STANDARD, make_host(tmp_path, capabilities=NO_CAPABILITIES, paranoid=paranoid), PERF)
    assert plan.phys_data is phys_data
    assert sum(event.is_tracepoint for event in plan.events) == tracepoints


@pytest.mark.parametrize("paranoid", [3, 4])
def test_distributions_that_close_perf_altogether(tmp_path: Path, paranoid: int) -> None:
    with pytest.raises(
        HostError, match=rf"only root may record while kernel.perf_event_paranoid is {paranoid}: run as root, or `sudo sysctl"
    ):
        make_plan(STANDARD, make_host(tmp_path, capabilities=NO_CAPABILITIES, paranoid=paranoid), PERF)


def test_the_whole_system_needs_rights(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"-a needs root while kernel\.perf_event_paranoid is 1"):
        make_plan(STANDARD, make_host(tmp_path, capabilities=NO_CAPABILITIES, paranoid=1), PERF, system_wide=True)


def test_cap_perfmon_alone_is_enough(tmp_path: Path) -> None:
    plan = make_plan(STANDARD, make_host(tmp_path, capabilities=1 << 38, paranoid=4), PERF)
    assert plan.is_complete


def test_a_kernel_without_perf_events_is_refused_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="offers no perf events"):
        make_plan(STANDARD, make_host(tmp_path, paranoid=None), PERF)


def test_an_event_that_this_kernel_lacks_is_named(tmp_path: Path) -> None:
    # filemap:mm_filemap_fault came with 6.9 or later: 6.8 has none
    known = [name for name in ALL_TRACEPOINTS if name != "filemap:mm_filemap_fault"]
    plan = make_plan(LEVELS["full"], make_host(tmp_path, tracepoints=known, release="6.8.0-31-generic"), PERF)
    assert [(missing.what, missing.reason) for missing in plan.missing] == [
        ("filemap:mm_filemap_fault", "Linux 6.8.0-31-generic has no such event")
    ]
    assert not plan.is_complete


def test_arm64_is_complete_without_the_events_of_x86(tmp_path: Path) -> None:
    absent = ("exceptions:", "syscalls:sys_enter_vfork", "syscalls:sys_exit_vfork", "syscalls:sys_enter_fork", "syscalls:sys_exit_fork")
    known = [name for name in ALL_TRACEPOINTS if not name.startswith(absent)]
    plan = make_plan(STANDARD, make_host(tmp_path, tracepoints=known, machine="aarch64"), PERF)
    assert [missing.what for missing in plan.missing if missing.inherent] == [
        "exceptions:page_fault_user",
        "exceptions:page_fault_kernel",
        "syscalls:sys_enter_vfork",
        "syscalls:sys_exit_vfork",
        "syscalls:sys_enter_fork",
        "syscalls:sys_exit_fork",
    ]
    assert plan.is_complete


def test_a_kernel_without_syscall_tracepoints(tmp_path: Path) -> None:
    known = [name for name in ALL_TRACEPOINTS if not name.startswith("syscalls:")]
    plan = make_plan(STANDARD, make_host(tmp_path, tracepoints=known), PERF)
    assert {missing.reason for missing in plan.missing} == {"this kernel was built without CONFIG_FTRACE_SYSCALLS"}
    assert len(plan.missing) == 15


def test_tracefs_that_is_not_mounted(tmp_path: Path) -> None:
    plan = make_plan(STANDARD, make_host(tmp_path, tracepoints=()), PERF)
    assert {missing.reason for missing in plan.missing} == {"tracefs is not mounted or not readable"}
    assert plan.missing[0].fix.startswith("`sudo mount -t tracefs nodev /sys/kernel/tracing`")


@pytest.mark.parametrize(
    ("gone", "missing"), [("phys-data", "--phys-data"), ("data-page-size", "--data-page-size"), ("all-cgroups", None), ("synth", None)]
)
def test_an_older_perf(tmp_path: Path, gone: str, missing: str | None) -> None:
    older = replace(PERF, version="5.10.1", options=PERF.options - {gone})
    plan = make_plan(STANDARD, make_host(tmp_path), older)
    assert [lack.what for lack in plan.missing] == ([missing] if missing else [])


def test_a_perf_that_can_not_be_driven(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"perf 5\.4\.0 is too old: cowtrace needs `perf record --control`"):
        make_plan(STANDARD, make_host(tmp_path), replace(PERF, version="5.4.0", options=frozenset({"phys-data"})))


def test_linux_5_10_has_no_page_sizes(tmp_path: Path) -> None:
    plan = make_plan(STANDARD, make_host(tmp_path, release="5.10.0-28-amd64"), PERF)
    assert not plan.data_page_size
    assert plan.missing[0].reason == "it needs perf 5.11 and Linux 5.11; here perf 6.1.0 and Linux 5.10.0-28-amd64"


def test_call_chains(tmp_path: Path) -> None:
    host = make_host(tmp_path)
    assert make_plan(LEVELS["full"], host, PERF).callchains == "fp"
    assert make_plan(LEVELS["low"], host, PERF, call_graph="dwarf").callchains == "dwarf"


@pytest.mark.parametrize(
    ("capabilities", "paranoid", "cpu_count", "mlock_kb", "pages"),
    [
        (0x1FFFFFFFFFF, 2, 2, "516", 4096),  # root: as much as wanted
        (0x1FFFFFFFFFF, 2, 128, "516", 2048),  # ... but 1 GiB over all CPUs
        (0, 2, 2, "516", 128),  # the default limit: 129 pages less perf's own
        (0, 2, 2, "2052", 512),
        (0, 2, 2, "4", 1),  # never below what perf can do with
        (0, -1, 2, "516", 4096),  # no limit at -1
    ],
)
def test_ring_buffer_size(tmp_path: Path, *, capabilities: int, paranoid: int, cpu_count: int, mlock_kb: str, pages: int) -> None:
    files = {"proc/sys/kernel/perf_event_mlock_kb": mlock_kb}
    host = make_host(tmp_path, files, capabilities=capabilities, paranoid=paranoid, cpu_count=cpu_count)
    assert default_buffer_pages(host) == pages
