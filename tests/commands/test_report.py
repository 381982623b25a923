"""cowtrace report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cowtrace.report import RENDERERS
from tests.support.bill import small_bill
from tests.support.cli import cowtrace

Capture = pytest.CaptureFixture[str]
BILL = "redis (pid 12) and its 1 fork: 12 faults, 5 copies (at most 8) = 20 KiB, 8 KiB zeroed, "


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_bill(tmp_path_factory.mktemp("report") / "s").path


def test_text(capfd: Capture, store: Path) -> None:
    ran = cowtrace(capfd, "report", store)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(BILL)
    assert "\x1b" not in ran.out


def test_json(capfd: Capture, store: Path) -> None:
    report = json.loads(cowtrace(capfd, "report", store, "--format", "json", "--top", 1).out)
    assert (report["schema"], len(report["by_process"]["rows"])) == ("cowtrace.report/1", 1)


def test_file(capfd: Capture, store: Path, tmp_path: Path) -> None:
    target = tmp_path / "bill.md"
    ran = cowtrace(capfd, "report", store, "-o", target)
    assert (ran.code, ran.out, ran.err) == (0, "", f"Wrote {target}\n")
    assert target.read_text().startswith(f"**{BILL}")
    assert cowtrace(capfd, "report", store, "-o", target).err == f"cowtrace: error: {target}: exists; --force overwrites it\n"
    assert cowtrace(capfd, "report", store, "-o", target, "--force", "--format", "text").code == 0
    assert target.read_text().startswith(BILL)
    assert list(tmp_path.iterdir()) == [target]


def test_unknown_format(capfd: Capture, store: Path) -> None:
    ran = cowtrace(capfd, "report", store, "--format", "mb")
    assert ran.code == 2
    assert ran.err.startswith("cowtrace: error: Invalid value for '--format': 'mb' is not one of 'text', 'md', 'html', 'json'")
    assert all(name in cowtrace(capfd, "report", "--help").out for name in RENDERERS)


def test_missing_input(capfd: Capture, tmp_path: Path) -> None:
    ran = cowtrace(capfd, "report", tmp_path / "perf.data")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
