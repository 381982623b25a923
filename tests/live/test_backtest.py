"""``cowtrace backtest`` on this machine: a prediction that holds, and settings that are put back however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import knobs, live

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(live.unavailable() is not None, reason=str(live.unavailable())),
    pytest.mark.skipif(not (knobs.THP / "enabled").exists(), reason="this kernel has no huge pages"),
]
ENABLED = knobs.THP / "enabled"


@pytest.fixture(autouse=True)
def policy() -> Iterator[None]:
    with knobs.one_at_a_time(), knobs.huge_pages("never"):
        yield


def start(folder: Path, *command: str) -> subprocess.Popen[str]:
    """A back-test, when its setting is turned."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cowtrace", "backtest", "--what-if", "thp=always", "--repeat", "1", "-o", str(folder), "--", *command],
        env={**os.environ, "PYTHONPATH": str(live.ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while knobs.current(ENABLED) != "always":
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


def test_prediction_and_measurement(tmp_path: Path) -> None:
    program = tmp_path / "strided_fork"
    live.run(["cc", "-O1", "-o", str(program), str(live.ROOT / "tests/workloads/strided_fork.c")])
    ran = live.cowtrace("backtest", "--what-if", "thp=always", "--repeat", "2", "--format", "json", "-o", tmp_path / "test", "--", program)
    assert knobs.current(ENABLED) == "never"
    test = json.loads(ran.stdout)
    assert test["schema"] == "cowtrace.backtest/1"
    rows = {(row["comm"], row["measure"]): row for row in test["rows"]}
    for comm in ("strided_fork", "strided-child"):
        assert abs(rows[comm, "faults"]["error"]) < 0.03
        assert rows[comm, "faults"]["direction_right"]
    assert abs(rows["strided-child", "copied_bytes"]["error"]) < 0.03
    assert rows[None, "faults"]["noise"] < 0.05
    assert json.loads((tmp_path / "test" / "backtest.json").read_text()) == test
    stores = sorted(path.name for path in (tmp_path / "test").iterdir() if path.is_dir())
    assert stores == ["after.1", "after.2", "before.1", "before.2"]
    text = live.cowtrace("replay", tmp_path / "test" / "before.1", "--what-if", "thp=always", "--backtest", tmp_path / "test" / "after.1")
    assert "strided-child  faults" in text.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path / "test", "sleep", "3")
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert knobs.current(ENABLED) == "never"
    assert list(tmp_path.iterdir()) == []


def test_killed(tmp_path: Path) -> None:
    process = start(tmp_path / "test", "sleep", "3")
    process.kill()
    process.communicate(timeout=30)
    assert knobs.current(ENABLED) == "always"
    assert f"put it back: echo never | sudo tee {ENABLED}" in live.cowtrace("guide").stderr
    again = live.cowtrace("backtest", "--what-if", "thp=always", "--repeat", "1", "-o", tmp_path / "test", "--", "true")
    assert f"put back {ENABLED} to never" in again.stderr
    assert knobs.current(ENABLED) == "never"
    assert "left" not in live.cowtrace("guide").stderr
