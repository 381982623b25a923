"""Reading a machine's /proc and /sys."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowtrace.recording.host import this_host
from tests.support.hosts import make_host


def test_small_files(tmp_path: Path) -> None:
    host = make_host(tmp_path, {"proc/number": " 42 \n", "proc/words": "always [madvise] never\n"})
    assert (host.text("proc/words"), host.integer("proc/number")) == ("always [madvise] never", 42)
    assert (host.text("proc/absent"), host.integer("proc/absent"), host.integer("proc/words")) == (None, None, None)


def test_a_file_that_is_not_text_can_still_be_shown(tmp_path: Path) -> None:
    host = make_host(tmp_path)
    (tmp_path / "proc/odd").write_bytes(b"a\xffb\n")
    assert host.text("proc/odd") == "a\\xffb"


@pytest.mark.parametrize(("capabilities", "privileged"), [(0, False), (1 << 38, True), (1 << 21, True), (1 << 37, False)])
def test_who_is_privileged(tmp_path: Path, capabilities: int, privileged: bool) -> None:
    assert make_host(tmp_path, capabilities=capabilities).is_privileged is privileged


def test_paranoid_counts_as_2_when_it_can_not_be_read(tmp_path: Path) -> None:
    host = make_host(tmp_path, paranoid=None)
    assert (host.paranoid, host.has_perf_events) == (2, False)


def test_tracefs_below_debugfs(tmp_path: Path) -> None:
    host = make_host(tmp_path, {"sys/kernel/debug/tracing/events/kmem/rss_stat/id": "5"}, tracepoints=())
    assert host.tracefs == tmp_path / "sys/kernel/debug/tracing"
    assert host.has_tracepoint("kmem:rss_stat") and host.may_read_tracepoint("kmem:rss_stat")
    assert not host.has_tracepoint("kmem:mm_page_alloc") and not host.may_read_tracepoint("kmem:mm_page_alloc")


@pytest.mark.parametrize(
    ("release", "version"),
    [("6.18.44-generic", (6, 18)), ("5.10.0-28-amd64", (5, 10)), ("7.0-rc3", (7, 0)), ("6.1", (6, 1)), ("odd", (0, 0)), ("", (0, 0))],
)
def test_kernel_version(tmp_path: Path, release: str, version: tuple[int, int]) -> None:
    assert make_host(tmp_path, release=release).kernel_version == version


def test_this_machine_can_be_described() -> None:
    host = this_host()
    assert host.root == Path("/")
    assert host.page_size in (4096, 16384, 65536)
    assert host.kernel_version > (2, 6)
