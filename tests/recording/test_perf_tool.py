"""Finding perf: programs that answer like it, or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowtrace.errors import HostError
from cowtrace.recording.perf_tool import find_perf


def install(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ``perf`` that is this shell script, alone on PATH."""
    program = folder / "perf"
    program.write_text(f"#!/bin/sh\n{script}")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("COWTRACE_PERF", raising=False)
    return program


def test_version_and_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = """\
case "$1" in
--version) echo perf version 6.8.12 ;;
*) printf "    -d, --data  Record\\n        --phys-data  Record\\n" >&2; exit 129 ;;
esac
"""
    program = install(tmp_path, script, monkeypatch)
    perf = find_perf()
    assert (perf.path, perf.version, perf.options) == (str(program), "6.8.12", frozenset({"data", "phys-data"}))


def test_no_perf_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("COWTRACE_PERF", raising=False)
    with pytest.raises(HostError, match=r"perf not found: .*`apt install linux-perf` \(Debian\).*`dnf install perf` \(Fedora, RHEL\)"):
        find_perf()


def test_the_wrapper_of_ubuntu_without_tools_for_this_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "echo 'WARNING: perf not found for kernel 6.8.0-31'; exit 2\n", monkeypatch)
    with pytest.raises(HostError, match=r"does not work on this kernel \(it said: WARNING: perf not found for kernel 6.8.0-31\)"):
        find_perf()


def test_a_perf_that_can_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = install(tmp_path, "", monkeypatch)
    program.write_bytes(b"\x7fELF of another machine")
    with pytest.raises(HostError, match="can't be run"):
        find_perf()
