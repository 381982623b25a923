"""Signals to the recorder: what the command gets, what is left, how it exits. perf is a fake."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.fake_perf import install_fake_perf

ROOT = Path(__file__).parent.parent.parent
#: Leaves a mark when it runs, and 9 as its exit code when it is asked to end.
PATIENT = "trap 'exit 9' INT TERM HUP; touch mark; while :; do sleep 0.02; done"


@contextmanager
def recorder(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``cowtrace record`` with ``folder`` as its current one, killed in the end if it still runs."""
    argv = [sys.executable, "-m", "tests.support.on_made_host", str(folder / "host"), "record", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    # a session of its own: a signal to its process group is a Ctrl-C on its terminal
    process = subprocess.Popen(argv, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(path: Path) -> None:
    """Wait until a file exists."""
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("number", "reason"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated"), (signal.SIGHUP, "terminated")]
)
def test_a_signal_ends_the_recording_and_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, reason: str
) -> None:
    install_fake_perf(tmp_path, monkeypatch)
    with recorder(tmp_path, "--propagate-exit", "sh", "-c", PATIENT) as process:
        wait_for(tmp_path / "mark")
        process.send_signal(number)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 9
    assert stderr.splitlines()[0] == f"cowtrace: ending sh ({reason})"
    assert stderr.splitlines()[-1] == "cowtrace: next: cowtrace report"
    recording = json.loads((tmp_path / "cowtrace.rec/recording.json").read_text())
    assert (recording["stop_reason"], recording["exit_code"], recording["ended_by_cowtrace"]) == (reason, 9, True)


def test_ctrl_c_on_the_terminal_reaches_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_fake_perf(tmp_path, monkeypatch)
    with recorder(tmp_path, "sh", "-c", PATIENT) as process:
        wait_for(tmp_path / "mark")
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0
    recording = json.loads((tmp_path / "cowtrace.rec/recording.json").read_text())
    assert (recording["stop_reason"], recording["exit_code"]) == ("interrupted", 9)


def test_an_interruption_before_the_recording_began_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_fake_perf(tmp_path, monkeypatch, deaf=True)
    with recorder(tmp_path, "touch", "mark") as process:
        wait_for(tmp_path / "cowtrace.rec.partial/perf.data")
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr.strip()) == (130, "cowtrace: error: interrupted; nothing was left half-written")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fake-perf", "host"]
