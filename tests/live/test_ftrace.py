"""Real recordings with ftrace, held against the kernel's own text and against trace-cmd."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cowtrace.recording.collector import Scene
from cowtrace.recording.ftrace import collector as collector_module
from cowtrace.recording.ftrace.collector import Ftrace
from cowtrace.recording.ftrace.drain import Drain
from cowtrace.recording.ftrace.setup import make_setup
from cowtrace.recording.ftrace.survivors import find_survivors
from cowtrace.recording.host import this_host
from tests.live.test_record import facts, record, recording, wait_for_child
from tests.support import live

pytestmark = [pytest.mark.live, pytest.mark.skipif(live.unavailable() is not None, reason=str(live.unavailable()))]

TRACEFS = Path("/sys/kernel/tracing")
#: comm, tid, cpu, time, event: what all three texts say alike; arguments are worded differently.
LINE = re.compile(r"^\s*(.{1,16})-(\d+)\s+(?:\([ \d-]+\)\s+)?\[(\d+)\] (?:\S{5,8} )?\s*(\d+\.\d+): (\w+)(?::|\(| ->)")

BUSY = "import mmap\nfor _ in range(50):\n a = mmap.mmap(-1, 4 << 20)\n a.madvise(15)\n a[::4096] = bytes(1024)\n"

Events = list[tuple[int, int, str, str]]


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No instance of ours may survive a test."""
    before = set((TRACEFS / "instances").iterdir())
    yield
    assert set((TRACEFS / "instances").iterdir()) == before


def events_of(text: str) -> Events:
    """(tid, cpu, time in µs, event) of every line of an ftrace text."""
    found = [LINE.match(line) for line in text.splitlines()]
    return [(int(m[2]), int(m[3]), m[4], bare(m[5])) for m in found if m is not None]


def bare(event: str) -> str:
    """An event as the kernel's text says it: ``sys_enter_munmap`` and ``sys_exit_munmap`` are ``sys_munmap`` there."""
    return re.sub("^sys_(enter|exit)_", "sys_", event)


def trace_cmd(file: Path) -> str:
    """``trace-cmd report``, without its plugins: they word system calls differently."""
    if shutil.which("trace-cmd") is None:
        pytest.skip("trace-cmd is not installed")
    done = subprocess.run(["trace-cmd", "report", "-N", "-i", str(file)], check=True, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout


class TextFirst(Drain):
    """Takes the kernel's text of the whole buffer before a page is moved."""

    text = ""

    def __init__(self, instance: Path, folder: Path, page_bytes: int) -> None:
        self._instance, self._begin = instance, lambda: super(TextFirst, self).__init__(instance, folder, page_bytes)
        self.error = None
        self._cpus = []

    def finish(self) -> dict[int, Path]:
        TextFirst.text = (self._instance / "trace").read_text()
        self._begin()
        return super().finish()


@pytest.mark.parametrize("level", ["low", "standard"])
def test_the_file_holds_what_the_kernel_shows(tmp_path: Path, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector_module, "Drain", TextFirst)
    host = this_host()
    ftrace = Ftrace(host, make_setup(host, level))
    gate, opened = os.pipe()
    waits = f"import os; os.read({gate}, 1)\n{BUSY}"
    child = subprocess.Popen([sys.executable, "-c", waits], pass_fds=(gate,))
    try:
        ftrace.start(Scene(tmp_path, [child.pid], False))
        os.write(opened, b"!")
        child.wait()
        ftrace.cease()
        ftrace.stop()
    finally:
        ftrace.close()
        child.kill()
        os.close(gate)
        os.close(opened)
    kernel = events_of(TextFirst.text)
    (shown,) = re.findall(r"entries-in-buffer/entries-written: (\d+)/\1 ", TextFirst.text)
    assert len(kernel) == int(shown) > 50 * 1024
    ours = live.cowtrace("script", tmp_path / "trace.dat", "--format", "csv").stdout.splitlines()[1:]
    cells = [line.split(",") for line in ours]
    assert [(int(c[4]), int(c[5]), bare(c[1].partition(":")[2])) for c in cells] == [(tid, cpu, event) for tid, cpu, _, event in kernel]
    assert [f"{(int(c[0]) + 500) // 1000}" for c in cells] == [when.replace(".", "") for _, _, when, _ in kernel]
    assert events_of(trace_cmd(tmp_path / "trace.dat")) == kernel


def test_a_command_and_its_children(tmp_path: Path) -> None:
    done = record("--no-perf", "--level", "low", "-o", tmp_path / "r", "--", "sh", "-c", "true; /bin/true")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "warning" in line or "note" in line] == []
    names = [event for _, _, _, event in events_of(trace_cmd(tmp_path / "r/trace.dat"))]
    assert (names.count("sched_process_exec"), names.count("sched_process_fork"), names.count("sched_process_exit")) == (2, 1, 2)


def test_every_thread_of_a_running_process(tmp_path: Path) -> None:
    program = f"import threading, time\ndef run():\n  while True:\n    exec({BUSY!r})\n    time.sleep(0.01)\n[threading.Thread(target=run, daemon=True).start() for _ in range(3)]\nrun()"  # noqa: E501
    target = subprocess.Popen([sys.executable, "-c", program])
    try:
        time.sleep(0.3)
        done = record("--no-perf", "--level", "low", "-o", tmp_path / "r", "-p", str(target.pid), "--limit-time", "0.5", "--no-smaps")
        assert done.returncode == 0, done.stderr
    finally:
        target.kill()
        target.wait()
    csv = [line.split(",") for line in live.cowtrace("script", tmp_path / "r/trace.dat", "--format", "csv").stdout.splitlines()[1:]]
    assert {int(line[3]) for line in csv} == {target.pid}  # the process of every thread is known
    assert len({int(line[4]) for line in csv}) == 4


def test_the_system(tmp_path: Path) -> None:
    done = record("--no-perf", "--level", "low", "-o", tmp_path / "r", "-a", "--", "sh", "-c", "/bin/true")
    assert done.returncode == 0, done.stderr
    assert "sched_process_exec" in {event for _, _, _, event in events_of(trace_cmd(tmp_path / "r/trace.dat"))}


def test_losses_are_told_and_counted(tmp_path: Path) -> None:
    done = record("--no-perf", "--ftrace-buffer", "8K", "-o", tmp_path / "r", "--", sys.executable, "-c", BUSY)
    assert done.returncode == 0, done.stderr
    lost = facts(tmp_path / "r")["ftrace"]["lost_events"]
    assert lost > 0 and f"cowtrace: note: ftrace: LOST {lost} events" in done.stderr
    store = live.ingest(tmp_path / "r", tmp_path / "store")
    answer = live.cowtrace("query", store, "SELECT sum(lost_events)::BIGINT AS lost FROM loss", "--format", "csv").stdout.split()
    assert answer == ["lost", str(lost)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_whole_file_and_no_instance(tmp_path: Path, number: signal.Signals) -> None:
    with recording("--no-perf", "--level", "low", "-o", tmp_path / "r", "--", "sleep", "61") as process:
        wait_for_child(process, "sleep")
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert "sched_process_exec" in {event for _, _, _, event in events_of(trace_cmd(tmp_path / "r/trace.dat"))}


def test_the_instance_of_a_killed_recorder_is_named_by_doctor(tmp_path: Path) -> None:
    with recording("--no-perf", "--level", "low", "-o", tmp_path / "r", "--", "sleep", "62") as process:
        sleeper = wait_for_child(process, "sleep")
        process.kill()
        process.wait(timeout=60)
        os.kill(sleeper, signal.SIGKILL)
    (left,) = find_survivors(TRACEFS)
    try:
        assert left.startswith(f"cowtrace-{process.pid}-")
        assert f"sudo rmdir {TRACEFS}/instances/{left}" in live.cowtrace("doctor").stdout.replace("\n", "")
    finally:
        (TRACEFS / "instances" / left).rmdir()
