"""A pytest plugin: ``@pytest.mark.limit_cow("2 MiB", per="child")`` fails a test that copies more than that on write.

The test runs in a pytest of its own under ``cowtrace record``; only what happens while its body runs counts. Where the host can't record,
the test is skipped with the reason. Cheap to import: every pytest run of an environment with cowtrace loads this file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cowtrace.gate.finding import Finding

#: Where the inner run writes when the test's body began and ended: CLOCK_MONOTONIC, the clock of the recording.
_TIMES = "COWTRACE_LIMIT_COW_TIMES"
_HELP = (
    'limit_cow(max, measure="copied_bytes", per=None, level="standard"): fail when the test copies more than max on write, '
    'in all or per "process", "fork" or "child"; measures as in cowtrace check.'
)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _HELP)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> object:
    """The outer run records the test instead of calling it; the first hook that returns something ends the call."""
    marker = pyfuncitem.get_closest_marker("limit_cow")
    if marker is None or _TIMES in os.environ:
        return None
    _judge(pyfuncitem, *marker.args, **marker.kwargs)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """The inner run says when the body ran."""
    times = os.environ.get(_TIMES)
    begin_ns = time.monotonic_ns()
    try:
        return (yield)
    finally:
        if times is not None and item.get_closest_marker("limit_cow") is not None:
            Path(times).write_text(f"{begin_ns} {time.monotonic_ns()}", encoding="ascii")


def _judge(
    item: pytest.Function, most: str | int, *, measure: str = "copied_bytes", per: str | None = None, level: str = "standard"
) -> None:
    if sys.platform != "linux" or shutil.which("perf") is None:
        pytest.skip("limit_cow: no perf on this host; cowtrace doctor says how to get it")
    with tempfile.TemporaryDirectory(prefix="cowtrace-") as name:
        folder = Path(name)
        done = _record(item, folder, level)
        if not (folder / "rec").is_dir():
            said = [line for line in done.stderr.splitlines() if line.startswith("cowtrace: error:")]
            pytest.skip(f"limit_cow: {said[-1] if said else 'cowtrace record failed'}")
        if done.returncode or not (folder / "times").is_file():
            pytest.fail(f"the test failed while it was recorded:\n{done.stdout}", pytrace=False)
        begin_ns, end_ns = map(int, (folder / "times").read_text(encoding="ascii").split())
        finding = _finding(folder, most, measure, per, (begin_ns, end_ns))
    if finding.status == "broken":
        pytest.fail(f"limit_cow: {finding.message}", pytrace=False)
    if finding.status == "undecided":
        pytest.skip(f"limit_cow: {finding.message}")


def _record(item: pytest.Function, folder: Path, level: str) -> subprocess.CompletedProcess[str]:
    inner = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", "--rootdir", str(item.config.rootpath)]
    if item.config.inipath is not None:
        inner += ["-c", str(item.config.inipath)]
    recorder = [sys.executable, "-m", "cowtrace", "record", "--level", level, "--propagate-exit", "-o", str(folder / "rec")]
    return subprocess.run(
        [*recorder, "--", *inner, item.nodeid],
        cwd=item.config.rootpath,
        env={**os.environ, _TIMES: str(folder / "times")},
        capture_output=True,
        text=True,
        check=False,
    )


def _finding(folder: Path, most: str | int, measure: str, per: str | None, between_ns: tuple[int, int]) -> Finding:
    from cowtrace.gate.amount import parse_amount
    from cowtrace.gate.budgets import Budget, check_scope
    from cowtrace.gate.check import check
    from cowtrace.gate.measures import measure_of
    from cowtrace.gate.subject import subject_of
    from cowtrace.ingest import ingest

    known = measure_of(measure)
    check_scope(known, {}, per)
    budget = Budget("limit_cow", known, parse_amount(most, known.unit), {}, per, "", 1)
    store = ingest([folder / "rec"], folder / "store", quiet=True)
    with subject_of(store, "the test", between_ns=between_ns) as subject:
        (finding,) = check(subject, [budget], Path("limit_cow")).findings
    return finding
