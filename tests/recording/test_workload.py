"""The command: held, released, ended."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cowtrace.errors import UsageError
from cowtrace.recording.processes import descendants, start_time
from cowtrace.recording.workload import Workload, find_program


@contextmanager
def workload(*argv: str) -> Iterator[Workload]:
    """A held command that is gone afterwards."""
    held = Workload(argv, set())
    try:
        yield held
    finally:
        held.close()


def wait_until(condition: object) -> None:
    """Give a condition five seconds to come true."""
    deadline = time.monotonic() + 5
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_nothing_happens_before_the_release(tmp_path: Path) -> None:
    with workload("sh", "-c", f"echo done > {tmp_path}/mark; exit 7") as held:
        time.sleep(0.1)
        assert held.poll() is None
        assert not (tmp_path / "mark").exists()
        held.release()
        assert held.wait() == 7
    assert (tmp_path / "mark").read_text() == "done\n"


def test_a_command_that_is_never_released_never_runs(tmp_path: Path) -> None:
    with workload("touch", str(tmp_path / "mark")) as held:
        pid = held.pid
    assert start_time(pid) is None
    assert not (tmp_path / "mark").exists()


def test_the_death_of_a_signal_is_a_negative_code() -> None:
    with workload("sh", "-c", "kill -9 $$") as held:
        held.release()
        assert held.wait() == -9


def test_a_command_starts_with_the_default_signals_and_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COWTRACE_TEST", "a b")
    script = f"grep -E 'Sig(Blk|Ign)' /proc/self/status > {tmp_path}/signals; echo \"$COWTRACE_TEST $1\" > {tmp_path}/words"
    with workload("sh", "-c", script, "sh", "it's *") as held:
        held.release()
        assert held.wait() == 0
    # SIGPIPE (bit 12) and SIGXFSZ (bit 24), which Python ignores, are back at their defaults; nothing is blocked
    fields = dict(re.findall(r"(Sig\w+):\s+(\w+)", (tmp_path / "signals").read_text()))
    assert int(fields["SigBlk"], 16) == 0
    assert int(fields["SigIgn"], 16) & (1 << 12 | 1 << 24) == 0
    assert (tmp_path / "words").read_text() == "a b it's *\n"


def test_a_stubborn_family_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cowtrace.recording.workload.GRACE_S", 0.2)
    with workload("sh", "-c", "trap '' TERM; (trap '' TERM; while :; do sleep 1; done) & while :; do sleep 1; done") as held:
        held.release()
        wait_until(lambda: len(descendants(held.pid)) >= 3)
        family = [held.pid, *descendants(held.pid)]
        held.end(signal.SIGTERM)
        assert held.poll() == -signal.SIGKILL
        wait_until(lambda: all(start_time(pid) is None for pid in family))


def test_a_polite_command_ends_by_its_own_means() -> None:
    with workload("sh", "-c", "trap 'exit 5' INT; echo; while :; do sleep 0.05; done") as held:
        held.release()
        time.sleep(0.3)
        held.end(signal.SIGINT)
        assert held.poll() == 5


def test_what_can_not_be_executed_is_an_error_of_the_user(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_bytes(b"\x00\x01 no program")
    script.chmod(0o755)
    with (
        workload(str(script)) as held,
        pytest.raises(UsageError, match=r"script: can't be executed: Exec format error; it has no #! line: run it as `sh FILE`"),
    ):
        held.release()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no-such-command-here", "no-such-command-here: command not found on PATH"),
        ("./absent", r"./absent: no such file"),
        ("./plain", r"./plain: is not executable; `chmod \+x` it, or name its interpreter: `cowtrace record -- sh ./plain`"),
        ("./folder", "./folder: is a folder, not a command"),
    ],
)
def test_commands_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain").write_text("echo")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=message):
        find_program(name)


def test_find_program() -> None:
    assert os.path.basename(find_program("sh")) == "sh"
