"""The rows are perf's own: same order, same values."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.live import cowtrace, unavailable

pytestmark = [pytest.mark.live, pytest.mark.skipif(unavailable() is not None, reason=str(unavailable()))]

EVENTS = "page-faults,minor-faults,exceptions:page_fault_user"


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shell and its children, four hundred faults or more."""
    path = tmp_path_factory.mktemp("perf") / "perf.data"
    record = ["perf", "record", "-q", "-e", EVENTS, "-c", "1", "-d", "-T", "--sample-cpu", "-o", path]
    subprocess.run([*record, "--", "sh", "-c", "true | cat; /bin/true"], check=True, capture_output=True)
    return path


def lines_of(*command: str | Path) -> list[str]:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def test_text_is_what_perf_prints(trace: Path) -> None:
    """Software events with addr and ip, tracepoints with their payload, to the character."""
    assert shutil.which("perf")
    software = lines_of("perf", "script", "-F", "comm,tid,cpu,time,period,event,addr,ip", "-i", trace)
    with_payload = lines_of("perf", "script", "-F", "comm,tid,cpu,time,event,trace", "-i", trace)
    expected = [payload if "exceptions:" in payload else line for line, payload in zip(software, with_payload, strict=True)]
    assert cowtrace("script", trace).stdout.splitlines() == expected


def test_csv_has_perfs_values_in_nanoseconds(trace: Path) -> None:
    rows = [line.split(",", 9) for line in cowtrace("script", trace, "--format", "csv").stdout.splitlines()[1:]]
    ours = [(comm, pid, tid, cpu, int(ts_ns), period, event, addr, ip) for ts_ns, event, comm, pid, tid, cpu, ip, addr, period, _ in rows]
    pattern = re.compile(r" *(.+?) +(\d+)/(\d+) +\[0*(\d+)\] +(\d+)\.(\d{9}): +(\d+) +(\S+): +(\w+) +(\w+)")
    fields = [pattern.fullmatch(line) for line in lines_of(
        "perf", "script", "--ns", "-F", "comm,pid,tid,cpu,time,period,event,addr,ip", "-i", trace
    )]  # fmt: skip
    perfs = [(m[1], m[2], m[3], m[4], int(m[5]) * 1_000_000_000 + int(m[6]), m[7], m[8], m[9], m[10]) for m in fields if m is not None]
    assert ours == perfs
