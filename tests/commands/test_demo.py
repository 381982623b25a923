"""cowtrace demo."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import cowtrace


def test_it_needs_no_input(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = cowtrace(capfd, "demo")
    assert ran.code == 0
    assert ran.out.startswith("3 processes and 1 fork, first of all redis-server")
    assert "cowtrace record -- YOUR COMMAND" in ran.out
    assert ran.err.endswith("Wrote cowtrace-demo.html\n")
    assert (tmp_path / "cowtrace-demo.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    again = cowtrace(capfd, "demo")
    assert (again.code, again.err) == (2, "cowtrace: error: cowtrace-demo.html: exists; --force overwrites it\n")
