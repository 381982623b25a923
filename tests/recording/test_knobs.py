"""What-ifs as kernel settings: what is written, and what is refused with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowtrace.errors import CowtraceError
from cowtrace.recording.host import Host
from cowtrace.recording.knobs import Setting, settings_of
from tests.support.hosts import make_host

THP = "sys/kernel/mm/transparent_hugepage"
FILES = {
    f"{THP}/enabled": "always [madvise] never\n",
    f"{THP}/hpage_pmd_size": "2097152\n",
    f"{THP}/hugepages-2048kB/enabled": "always [inherit] madvise never\n",
    f"{THP}/hugepages-64kB/enabled": "always inherit madvise [never]\n",
    "sys/kernel/mm/ksm/run": "1\n",
    "sys/kernel/debug/fault_around_bytes": "65536\n",
}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return make_host(tmp_path, FILES)


@pytest.mark.parametrize(
    ("what_if", "settings"),
    [
        ("thp=never", [Setting(f"{THP}/enabled", "never")]),
        ("thp=madvise", []),  # so already
        ("mthp=64k:always", [Setting(f"{THP}/hugepages-64kB/enabled", "always")]),
        ("mthp=64kB:never", []),
        ("mthp=65536:madvise", [Setting(f"{THP}/hugepages-64kB/enabled", "madvise")]),
        ("ksm=off", [Setting("sys/kernel/mm/ksm/run", "2")]),
        ("fault_around=4096", [Setting("sys/kernel/debug/fault_around_bytes", "4096")]),
        ("fault_around=64k", []),
    ],
)
def test_settings(host: Host, what_if: str, settings: list[Setting]) -> None:
    assert settings_of(what_if, host) == settings


def test_a_size_of_its_own_policy_is_set_itself(tmp_path: Path) -> None:
    host = make_host(tmp_path, {**FILES, f"{THP}/hugepages-2048kB/enabled": "always inherit madvise [never]\n"})
    assert settings_of("thp=always", host) == [Setting(f"{THP}/enabled", "always"), Setting(f"{THP}/hugepages-2048kB/enabled", "always")]


@pytest.mark.parametrize(
    ("what_if", "why"),
    [
        ("fork=vfork", "the program's own doing"),
        ("prefault=heap", "--backtest STORE_B"),
        ("metacopy=on", "an option of a mount"),
        ("thp=sometimes", "'sometimes' is no value of it; known: never, madvise, always"),
        ("thp=", "'' is no value of it"),
        ("thp=never@comm=redis", "holds for every process; leave out @comm=redis"),
        ("mthp=128k:always", "no huge pages of that size; sizes here: 64k, 2048k"),
        ("mthp=big:always", "expected a size such as 64k"),
        ("fault_around=5000", "power of two"),
        ("fault_around=0", "power of two"),
        ("tph=never", "did you mean thp"),
    ],
)
def test_refused(host: Host, what_if: str, why: str) -> None:
    with pytest.raises(CowtraceError, match=why):
        settings_of(what_if, host)


def test_a_kernel_without_huge_pages(tmp_path: Path) -> None:
    with pytest.raises(CowtraceError, match="has no readable /sys/kernel/mm/transparent_hugepage/enabled"):
        settings_of("thp=never", make_host(tmp_path))
