"""Each check on hosts where the answer is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowtrace.recording.doctor import filesystems, ftrace, memory, rights, tracing
from tests.support.fake_tracefs import FakeTracefs
from tests.support.hosts import NO_CAPABILITIES, make_host

THP = "sys/kernel/mm/transparent_hugepage"


@pytest.mark.parametrize(
    ("capabilities", "paranoid", "state", "found", "costs"),
    [
        (1 << 38, 4, "ok", "CAP_PERFMON; perf_event_paranoid=4 does not bind you", ""),
        (0, -1, "ok", "no capabilities, and none needed with perf_event_paranoid=-1", ""),
        (0, 1, "lack", "no capabilities, and perf_event_paranoid=1 leaves you: own processes, no tracepoints", "level low only"),
        (0, 3, "lack", "no capabilities, and perf_event_paranoid=3 leaves you: nothing", "nothing can be recorded"),
        (0, None, "lack", "this kernel offers no perf events (no kernel.perf_event_paranoid)", "nothing can be recorded"),
    ],
)
def test_rights(tmp_path: Path, *, capabilities: int, paranoid: int | None, state: str, found: str, costs: str) -> None:
    check = rights.rights(make_host(tmp_path, capabilities=capabilities, paranoid=paranoid))
    assert (check.state, check.found, check.costs) == (state, found, costs)
    assert bool(check.fix) == (state == "lack")


@pytest.mark.parametrize(
    ("text", "state", "found"),
    [
        ("[none] integrity confidentiality", "ok", "none"),
        ("none [integrity] confidentiality", "ok", "integrity"),
        ("none integrity [confidentiality]", "lack", "confidentiality"),
        (None, "info", "not known (no /sys/kernel/security/lockdown): off, or securityfs is not mounted"),
    ],
)
def test_lockdown(tmp_path: Path, text: str | None, state: str, found: str) -> None:
    check = rights.lockdown(make_host(tmp_path, {"sys/kernel/security/lockdown": text} if text else {}))
    assert (check.state, check.found) == (state, found)


def test_tracefs(tmp_path: Path) -> None:
    assert rights.tracefs(make_host(tmp_path / "a")).found == "/sys/kernel/tracing"
    unmounted = rights.tracefs(make_host(tmp_path / "b", tracepoints=()))
    assert (unmounted.found, unmounted.fix) == ("not mounted", "`sudo mount -t tracefs nodev /sys/kernel/tracing`")
    closed = rights.tracefs(make_host(tmp_path / "c", {"proc/mounts": "none /sys/kernel/tracing tracefs rw 0 0\n"}, tracepoints=()))
    assert closed.found == "mounted, but closed to this user"


@pytest.mark.parametrize(
    ("kallsyms", "state"), [("ffffffff81000000 T _stext\n", "ok"), ("0000000000000000 T _stext\n", "lack"), ("", "lack"), (None, "lack")]
)
def test_kernel_symbols(tmp_path: Path, kallsyms: str | None, state: str) -> None:
    files = {} if kallsyms is None else {"proc/kallsyms": kallsyms}
    check = rights.kernel_symbols(make_host(tmp_path, {**files, "proc/sys/kernel/kptr_restrict": "1"}))
    assert check.state == state
    assert "(kptr_restrict 1)" in check.found


def test_ring_buffer(tmp_path: Path) -> None:
    assert rights.ring_buffer(make_host(tmp_path / "a")).found == "-m 4096: 16 MiB on each of 2 CPUs"
    small = rights.ring_buffer(make_host(tmp_path / "b", {"proc/sys/kernel/perf_event_mlock_kb": "516"}, capabilities=NO_CAPABILITIES))
    assert small.found == "-m 128: 512 KiB on each of 2 CPUs (perf_event_mlock_kb is 516)"
    assert small.fix == "`sudo sysctl kernel.perf_event_mlock_kb=2052`, or run as root"


def test_memory(tmp_path: Path) -> None:
    host = make_host(
        tmp_path,
        {
            f"{THP}/enabled": "always [madvise] never",
            f"{THP}/defrag": "always defer [madvise] never",
            f"{THP}/hugepages-64kB/enabled": "always inherit madvise [never]",
            f"{THP}/hugepages-1024kB/enabled": "always inherit madvise [never]",
            f"{THP}/hugepages-2048kB/enabled": "always [inherit] madvise never",
            "sys/kernel/mm/ksm/run": "1",
            "sys/kernel/mm/ksm/pages_sharing": "812",
            "proc/swaps": "Filename Type Size Used Priority\n/dev/zram0 partition 1 0 100\n",
        },
    )
    assert memory.huge_pages(host).found == "enabled=madvise defrag=madvise shmem=?"
    assert memory.huge_page_sizes(host).found == "inherit: 2048kB; never: 64kB 1024kB"
    assert memory.ksm(host).found == "running; pages_sharing=812"
    assert memory.swap(host).found == "/dev/zram0"


def test_a_kernel_without_any_of_it(tmp_path: Path) -> None:
    host = make_host(tmp_path)
    assert memory.huge_pages(host).found == "this kernel has no transparent huge pages"
    assert memory.huge_page_sizes(host).found == "this kernel has none (they came with Linux 6.8)"
    assert memory.ksm(host).found == "this kernel has none"
    assert memory.swap(host).found == "none"
    assert filesystems.overlay(host).found == "not loaded (`sudo modprobe overlay`): no copy-up happens on this host"
    assert filesystems.user_namespaces(host).found == "none"


def test_tracing(tmp_path: Path) -> None:
    tracers = {"sys/kernel/tracing/available_tracers": "blk function_graph nop\n", "sys/kernel/tracing/kprobe_events": ""}
    host = make_host(tmp_path / "a", tracers)
    assert [check.state for check in (tracing.function_graph(host), tracing.kprobes(host)) if check] == ["ok", "ok"]
    plain = make_host(tmp_path / "b", {"sys/kernel/tracing/available_tracers": "blk nop\n"})
    graph = tracing.function_graph(plain)
    assert graph is not None and (graph.state, graph.found) == ("absent", "no such tracer here (available: blk nop)")
    without = make_host(tmp_path / "c", tracepoints=())
    assert tracing.function_graph(without) is None and tracing.kprobes(without) is None


def test_filesystems(tmp_path: Path) -> None:
    files = {
        "proc/filesystems": "nodev\tproc\nnodev\toverlay\n\text4\n",
        "sys/module/overlay/parameters/metacopy": "N\n",
        "proc/self/mountinfo": "1 1 0:1 / / rw - ext4 /dev/vda rw\n2 1 0:2 / /m rw - overlay none rw,metacopy=on\n",
        "proc/sys/user/max_user_namespaces": "96365\n",
    }
    host = make_host(tmp_path / "a", files)
    assert filesystems.overlay(host).found == "metacopy=off unless a mount says otherwise; 1 overlay mounts in sight"
    assert filesystems.user_namespaces(host).found == "available (at most 96365)"
    debian = make_host(tmp_path / "b", {**files, "proc/sys/kernel/unprivileged_userns_clone": "0"})
    assert filesystems.user_namespaces(debian).found == "for root only (kernel.unprivileged_userns_clone=0)"


def test_disk_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystems, "ENOUGH_BYTES", 1)
    assert filesystems.disk_space(make_host(tmp_path)).state == "ok"
    monkeypatch.setattr(filesystems, "ENOUGH_BYTES", 1 << 62)
    assert filesystems.disk_space(make_host(tmp_path)).state == "lack"


def test_ftrace(tmp_path: Path) -> None:
    host = FakeTracefs(tmp_path).host
    (tmp_path / "sys/kernel/tracing/options").mkdir()
    (tmp_path / "sys/kernel/tracing/options/record-tgid").touch()
    rows = [check(host) for check in (ftrace.instances, ftrace.clocks, ftrace.thread_groups, ftrace.buffers)]
    assert [(row.state, row.found) for row in rows if row] == [
        ("ok", "can be made; 24 tracepoints of level standard"),
        ("ok", "local global counter uptime perf mono mono_raw boot tai x86-tsc"),
        ("info", "available"),
        ("info", "32 MiB on each of 2 CPUs while recording"),
    ]


def test_ftrace_that_can_not_be_used(tmp_path: Path) -> None:
    row = ftrace.instances(make_host(tmp_path))
    assert row and (row.state, row.found) == (
        "absent",
        f"{tmp_path}/sys/kernel/tracing/instances is missing, this kernel was built without tracefs instances",
    )
    assert ftrace.instances(make_host(tmp_path / "b", tracepoints=())) is None


def test_an_instance_left_behind_is_named_with_the_way_to_remove_it(tmp_path: Path) -> None:
    host = FakeTracefs(tmp_path).host
    (tmp_path / "sys/kernel/tracing/instances/cowtrace-999999999-5").mkdir()
    row = ftrace.instances(host)
    assert row and (row.state, row.found, row.fix) == (
        "lack",
        "left behind by a recorder that was killed: cowtrace-999999999-5",
        "`sudo rmdir /sys/kernel/tracing/instances/cowtrace-999999999-5`",
    )
