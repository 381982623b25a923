"""A whole recording with a perf that only pretends: order, refusals, limits, ends."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from cowtrace.errors import HostError, UsageError
from cowtrace.recording.collector import Collector, Scene
from cowtrace.recording.levels import LEVELS
from cowtrace.recording.perf_tool import find_perf
from cowtrace.recording.plan import make_plan
from cowtrace.recording.request import Outcome, Request
from cowtrace.recording.session import record
from tests.support.fake_perf import install_fake_perf
from tests.support.hosts import make_host


class Diary(Collector):
    """Writes down what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def start(self, scene: Scene) -> None:
        super().start(scene)
        self.lines.append(f"start {'command' if scene.is_command else 'running'} {len(scene.pids)}")

    def stop(self) -> None:
        self.lines.append("stop")


def run(tmp_path: Path, *command: str, said: list[str] | None = None, diary: Diary | None = None, **changes: Any) -> Outcome:
    """Record at level standard into ``tmp_path/rec`` with the perf that was installed."""
    perf = find_perf()
    plan = make_plan(LEVELS["standard"], make_host(tmp_path / "host"), perf)
    request = Request(plan=plan, command=command, pids=changes.pop("pids", ()), path=tmp_path / "rec", **changes)
    collectors = [diary] if diary else []
    return record(request, perf, collectors, lambda outcome: {"reason": outcome.stop_reason}, (said if said is not None else []).append)


def files(tmp_path: Path) -> list[str]:
    """What lies in the folder beside the test's own things."""
    return sorted(path.name for path in tmp_path.iterdir() if path.name not in ("host", "fake-perf"))


def test_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_fake_perf(tmp_path, monkeypatch)
    said: list[str] = []
    diary = Diary()
    outcome = run(tmp_path, "sh", "-c", "exit 3", said=said, diary=diary)
    assert (outcome.stop_reason, outcome.exit_code, outcome.ended_by_us, outcome.is_cut_short) == ("command ended", 3, False, False)
    assert (outcome.totals.samples, outcome.size_bytes, outcome.perf_exit_code) == (7, 100, 0)
    assert outcome.started.mono_ns < outcome.ended.mono_ns
    assert diary.lines == ["start command 1", "stop"]
    assert said == []
    assert files(tmp_path) == ["rec"]
    assert files(tmp_path / "rec") == ["perf.data", "recording.json"]
    assert json.loads((tmp_path / "rec/recording.json").read_text()) == {"reason": "command ended"}


def test_a_refusal_is_answered_with_a_smaller_plan_before_the_command_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_fake_perf(tmp_path, monkeypatch, refused="--phys-data")
    said: list[str] = []
    outcome = run(tmp_path, "sh", "-c", f"echo once >> {tmp_path}/runs", said=said)
    assert not outcome.plan.phys_data
    assert [missing.what for missing in outcome.plan.missing] == ["--phys-data"]
    assert said == ["perf refused a part (Operation not permitted.); trying without --phys-data"]
    assert (tmp_path / "runs").read_text() == "once\n"


def test_a_perf_that_refuses_everything_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_fake_perf(tmp_path, monkeypatch, refused="record")
    with pytest.raises(HostError, match=r"perf refused to record: Operation not permitted\.; `cowtrace doctor` says what to change"):
        run(tmp_path, "touch", str(tmp_path / "ran"))
    assert files(tmp_path) == []


def test_the_time_limit_ends_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_fake_perf(tmp_path, monkeypatch)
    began = time.monotonic()
    outcome = run(tmp_path, "sleep", "60", limit_s=0.3)
    assert (outcome.stop_reason, outcome.exit_code, outcome.ended_by_us) == ("time limit", -signal.SIGTERM, True)
    assert time.monotonic() - began < 30
    assert files(tmp_path) == ["rec"]


def test_a_perf_that_dies_ends_the_recording_and_what_it_wrote_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_fake_perf(tmp_path, monkeypatch, dies=True)
    outcome = run(tmp_path, "sleep", "60")
    assert (outcome.stop_reason, outcome.is_cut_short, outcome.perf_exit_code) == ("perf ended", True, -signal.SIGKILL)
    assert outcome.totals.warnings == ("failed to write perf data, error: Input/output error",)
    assert outcome.ended_by_us
    assert files(tmp_path) == ["rec"]


def test_running_processes_until_they_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_fake_perf(tmp_path, monkeypatch)
    target = subprocess.Popen(["sleep", "0.5"])
    said: list[str] = []
    diary = Diary()
    outcome = run(tmp_path, pids=(target.pid,), said=said, diary=diary)
    assert target.wait() == 0
    assert (outcome.stop_reason, outcome.exit_code) == ("processes ended", None)
    assert said == [f"recording process {target.pid} until Ctrl-C ..."]
    assert diary.lines == ["start running 1", "stop"]


def test_a_process_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_fake_perf(tmp_path, monkeypatch)
    with pytest.raises(UsageError, match=f"-p {1 << 30}: there is no such process"):
        run(tmp_path, pids=(1 << 30,))
    assert files(tmp_path) == []


def test_a_command_that_can_not_be_executed_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_fake_perf(tmp_path, monkeypatch)
    program = tmp_path / "host-program"
    program.write_bytes(b"\x00")
    program.chmod(0o755)
    with pytest.raises(UsageError, match="can't be executed"):
        run(tmp_path, str(program))
    assert files(tmp_path) == ["host-program"]


def test_a_disk_that_is_full_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(Diary):
        def start(self, scene: Scene) -> None:
            raise OSError(28, "No space left on device")

    install_fake_perf(tmp_path, monkeypatch)
    with pytest.raises(HostError, match=r"rec: the disk is full, nothing was kept; record elsewhere \(-o FOLDER\) or with --limit-size"):
        run(tmp_path, "true", diary=Full())
    assert files(tmp_path) == []
