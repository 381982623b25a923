"""The pytest plugin, as a project uses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.live import ROOT, unavailable

pytest_plugins = ["pytester"]

PROJECT = """
import mmap, os
import pytest

PAGE = 4096


def copy(pages):
    memory = mmap.mmap(-1, 800 * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for page in range(800):
        memory[page * PAGE] = 1
    child = os.fork()
    if not child:
        for page in range(pages):
            memory[page * PAGE] = 2
        os._exit(0)
    os.waitpid(child, 0)


@pytest.mark.limit_cow("2 MiB", per="child")
def test_within():
    copy(10)


@pytest.mark.limit_cow("2 MiB", per="child")
def test_over():
    copy(800)


@pytest.mark.limit_cow("1 GiB")
def test_fails_by_itself():
    assert 1 == 2


def test_unmarked():
    pass
"""


def _run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> pytest.RunResult:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "cowtrace.pytest_plugin")
    pytester.makepyfile(test_project=PROJECT)
    return pytester.runpytest_subprocess("-v", *arguments)


@pytest.mark.live
@pytest.mark.skipif(unavailable() is not None, reason=unavailable() or "")
def test_marked_tests_are_recorded_and_judged(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = _run(pytester, monkeypatch)
    ran.assert_outcomes(passed=2, failed=2)
    ran.stdout.fnmatch_lines(["*test_within PASSED*", "*test_over FAILED*", "*test_fails_by_itself FAILED*", "*test_unmarked PASSED*"])
    ran.stdout.fnmatch_lines(["*limit_cow: copied_bytes * in child * over 2 MiB, * times the budget*"])
    ran.stdout.fnmatch_lines(["*the test failed while it was recorded*"])


def test_it_skips_with_the_reason(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = _run(pytester, monkeypatch, "-rs")
    ran.assert_outcomes(passed=1, skipped=3)
    ran.stdout.fnmatch_lines(["*limit_cow: no perf on this host*"])


def test_the_marker_is_documented(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = _run(pytester, monkeypatch, "--markers")
    ran.stdout.fnmatch_lines(["*limit_cow(max, measure=*"])
