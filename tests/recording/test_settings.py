"""The kernel settings that go into recording.json."""

from __future__ import annotations

from pathlib import Path

from cowtrace.recording.settings import host_settings, machine
from tests.support.hosts import make_host

THP = "sys/kernel/mm/transparent_hugepage"


def test_settings_are_stored_as_the_kernel_prints_them(tmp_path: Path) -> None:
    host = make_host(
        tmp_path,
        {
            f"{THP}/enabled": "always [madvise] never\n",
            f"{THP}/khugepaged/max_ptes_none": "511\n",
            f"{THP}/hugepages-64kB/enabled": "never\n",
            f"{THP}/hugepages-64kB/stats/anon_fault_alloc": "9\n",
            "sys/kernel/mm/ksm/run": "0\n",
            "proc/sys/vm/overcommit_memory": "1\n",
        },
    )
    assert host_settings(host) == {
        "proc/sys/kernel/perf_event_paranoid": "2",
        "proc/sys/vm/overcommit_memory": "1",
        f"{THP}/enabled": "always [madvise] never",
        f"{THP}/hugepages-64kB/enabled": "never",  # its counters are stored before and after instead
        f"{THP}/khugepaged/max_ptes_none": "511",
        "sys/kernel/mm/ksm/run": "0",
    }


def test_machine(tmp_path: Path) -> None:
    host = make_host(
        tmp_path,
        {
            "proc/meminfo": "MemTotal:       2048 kB\nMemFree: 1 kB\n",
            "proc/cpuinfo": "processor\t: 0\nmodel name\t: A CPU @ 3 GHz\nflags\t\t: fpu hypervisor lahf_lm\n",
            "sys/devices/system/node/node0/meminfo": "",
            "sys/devices/system/node/node1/meminfo": "",
        },
    )
    facts = machine(host)
    assert facts["hypervisor"] is True
    assert (facts["memory_bytes"], facts["cpu_model"], facts["numa_nodes"]) == (2048 * 1024, "A CPU @ 3 GHz", 2)
    assert (facts["release"], facts["machine"], facts["page_size_bytes"], facts["cpu_count"]) == ("6.18.0-test", "x86_64", 4096, 2)


def test_a_machine_that_says_nothing(tmp_path: Path) -> None:
    facts = machine(make_host(tmp_path))
    assert facts["hypervisor"] is None
    assert (facts["memory_bytes"], facts["cpu_model"], facts["numa_nodes"]) == (None, None, None)
