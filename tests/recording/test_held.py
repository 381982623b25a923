"""Settings turned for a while: put back after returns, errors, signals, and told of after kill -9."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cowtrace.errors import HostError, UsageError
from cowtrace.recording.doctor.memory import settings_left
from cowtrace.recording.held import STATE, Changed, held, left_turned
from cowtrace.recording.host import Host
from cowtrace.recording.knobs import Setting
from tests.support.hosts import make_host

ENABLED = "sys/kernel/mm/transparent_hugepage/enabled"
KSM = "sys/kernel/mm/ksm/run"
ROOT = Path(__file__).parent.parent.parent

HOLDER = """
import sys, time
from pathlib import Path
from cowtrace.recording.held import held
from cowtrace.recording.host import Host
from cowtrace.recording.knobs import Setting
host = Host(Path(sys.argv[1]), "x86_64", "6.18.0", 4096, 2)
try:
    with held(host, [Setting("sys/kernel/mm/ksm/run", "2")], print):
        print("held", flush=True)
        time.sleep(60)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (tmp_path / "run").mkdir()
    return make_host(tmp_path, {ENABLED: "always [madvise] never", KSM: "1"})


def text(host: Host, path: str) -> str | None:
    return host.text(path)


def holder(host: Host) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(host.root)], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_put_back_after_the_block_and_after_an_error(host: Host) -> None:
    with held(host, [Setting(ENABLED, "never"), Setting(KSM, "2")], print):
        assert (text(host, ENABLED), text(host, KSM)) == ("never", "2")
    assert (text(host, ENABLED), text(host, KSM)) == ("madvise", "1")
    with pytest.raises(ZeroDivisionError), held(host, [Setting(KSM, "2")], print):
        raise ZeroDivisionError
    assert text(host, KSM) == "1"
    assert not host.path(STATE).exists()


def test_what_was_written_before_a_failure_is_put_back(host: Host) -> None:
    with pytest.raises(HostError, match="can't be set to on"), held(host, [Setting(KSM, "2"), Setting("sys/none/here", "on")], print):
        raise AssertionError
    assert text(host, KSM) == "1"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_put_back_after_a_signal(host: Host, number: signal.Signals) -> None:
    process = holder(host)
    assert text(host, KSM) == "2"
    process.send_signal(number)
    assert process.communicate(timeout=10)[0] == "interrupted\n"
    assert text(host, KSM) == "1"


def test_a_second_holder_is_refused(host: Host) -> None:
    process = holder(host)
    try:
        assert left_turned(host) == []  # its process lives and will put it back
        with pytest.raises(UsageError, match="another cowtrace has turned"), held(host, [], print):
            raise AssertionError
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_kill_9_is_told_and_undone_by_the_next_holder(host: Host) -> None:
    process = holder(host)
    process.kill()
    process.communicate(timeout=10)
    assert left_turned(host) == [Changed(KSM, "1", "2")]
    check = settings_left(host)
    assert check is not None
    assert (check.state, check.fix) == ("lack", "echo 1 | sudo tee /sys/kernel/mm/ksm/run")
    said: list[str] = []
    with held(host, [], said.append):
        assert text(host, KSM) == "1"
    assert said == ["put back /sys/kernel/mm/ksm/run to 1: a cowtrace that was killed had left it at 2"]
    assert settings_left(host) is None


def test_put_back_by_hand_is_noticed(host: Host) -> None:
    process = holder(host)
    process.kill()
    process.communicate(timeout=10)
    host.path(KSM).write_text("1\n")
    assert left_turned(host) == []
    assert not host.path(STATE).exists()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"settings": 1}',
        json.dumps({"settings": [{"path": "etc/passwd", "before": "x", "value": "y"}]}),
        json.dumps({"settings": [{"path": "sys/kernel/mm/../../../etc/passwd", "before": "x", "value": "y"}]}),
    ],
)
def test_a_foreign_state_file_is_no_reason_to_write_anywhere(host: Host, content: str) -> None:
    host.path("etc").mkdir()
    host.path("etc/passwd").write_text("root")
    host.path(STATE).write_text(content)
    assert left_turned(host) == []
    host.path(STATE).write_text(content)
    with held(host, [], print):
        pass
    assert text(host, "etc/passwd") == "root"


def test_without_rights_nothing_is_turned(host: Host) -> None:
    host.path("run").rmdir()
    with pytest.raises(HostError, match="run as root"), held(host, [Setting(KSM, "2")], print):
        raise AssertionError
    assert text(host, KSM) == "1"
