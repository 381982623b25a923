"""Real recordings of small programs, read back with ``perf script``."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from cowtrace.recording.processes import descendants, start_time
from tests.support import live

pytestmark = [pytest.mark.live, pytest.mark.skipif(live.unavailable() is not None, reason=str(live.unavailable()))]

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(live.ROOT)}
COWTRACE = (sys.executable, "-m", "cowtrace")

# forks once; each side writes 100 of 200 shared pages: 100 copies in the child, 100 copies or reuses in the parent
FORK_PROGRAM = """
import ctypes, mmap, os, sys
libc = ctypes.CDLL(None)
area = mmap.mmap(-1, 200 * 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
address = ctypes.addressof(ctypes.c_char.from_buffer(area))
libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(200 * 4096), 15)  # MADV_NOHUGEPAGE
for page in range(200):
    area[page * 4096] = 1
child = os.fork()
if child == 0:
    for page in range(0, 200, 2):
        area[page * 4096] = 2
    os._exit(0)
os.waitpid(child, 0)
print(f"{address:x} {child}")
"""


def record(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """``cowtrace record``, whatever becomes of it."""
    return subprocess.run(
        [*COWTRACE, "record", *arguments], env=ENVIRONMENT, check=False, capture_output=True, text=True, timeout=120, **options
    )


@contextmanager
def recording(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A ``cowtrace record`` that runs meanwhile, killed with its children in the end if it still does."""
    process = subprocess.Popen(
        [*COWTRACE, "record", *arguments], env=ENVIRONMENT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        for pid in [*descendants(process.pid), process.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.communicate()


def facts(folder: Path) -> dict[str, Any]:
    """recording.json of a recording."""
    loaded: dict[str, Any] = json.loads((folder / "recording.json").read_text())
    return loaded


def script(folder: Path, *options: str) -> list[str]:
    """Lines of perf script."""
    argv = ["perf", "script", "-i", str(folder / "perf.data"), *options]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()


def family_is_gone(pids: list[int]) -> bool:
    """True when none of the processes runs within half a minute."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if all(start_time(pid) is None for pid in pids):
            return True
        time.sleep(0.05)
    return False


def wait_for_child(process: subprocess.Popen[str], name: str) -> int:
    """The recorder's child that has become ``name``."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for pid in descendants(process.pid):
            try:
                if Path(f"/proc/{pid}/comm").read_text() == f"{name}\n":
                    return pid
            except OSError:
                continue
        time.sleep(0.02)
    raise AssertionError(f"{name} did not start")


@pytest.mark.parametrize("level", ["low", "standard", "full"])
def test_true(tmp_path: Path, level: str) -> None:
    done = record("--level", level, "-o", tmp_path / "r", "--", "true")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-2:] == [f"cowtrace: Wrote {tmp_path}/r", f"cowtrace: next: cowtrace report {tmp_path}/r"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r"]
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == [
        "kallsyms.zst",
        "meminfo",
        "mountinfo",
        "perf.data",
        "recording.json",
        "vmstat",
    ]
    recording = facts(tmp_path / "r")
    assert (recording["stop_reason"], recording["exit_code"], recording["perf"]["lost_chunks"]) == ("command ended", 0, 0)
    samples = script(tmp_path / "r", "-G", "-F", "comm,event")
    assert recording["perf"]["samples"] == len(samples)
    # from its exec on: not one fault of ours, and entries pair with exits
    names = Counter(line.split()[-1].rstrip(":") for line in samples if "fault" in line and "exceptions" not in line)
    assert names["page-faults"] == names["minor-faults"] + names["major-faults"]
    assert not [line for line in samples if "faults" in line and line.split()[0] not in ("true", "perf")]


def test_a_fork_is_recorded_page_by_page(tmp_path: Path) -> None:
    done = record("-o", tmp_path / "r", "--", sys.executable, "-c", FORK_PROGRAM)
    assert done.returncode == 0, done.stderr
    address, child = int(done.stdout.split()[0], 16), int(done.stdout.split()[1])
    frames: dict[tuple[int, int], list[tuple[str, str]]] = {}
    for line in script(tmp_path / "r", "-F", "tid,event,addr,phys_addr,data_page_size"):
        found = re.match(r"\s*(\d+)\s+(page|minor)-faults:\s+([0-9a-f]+)\s+(\S+)\s+(\S+)", line)
        if found and address <= int(found[3], 16) < address + 200 * 4096:
            frames.setdefault((int(found[1]), int(found[3], 16)), []).append((found[4], found[5]))
    child_faults = [steps for (tid, _), steps in frames.items() if tid == child]
    assert len(child_faults) == 100
    # before: mapped with the parent's frame; after: mapped with another one
    assert all(len(steps) == 2 and len(set(steps)) == 2 for steps in child_faults)


def test_the_command_keeps_its_streams_and_its_exit_code_is_reported(tmp_path: Path) -> None:
    done = record("--propagate-exit", "-o", tmp_path / "r", "--", "sh", "-c", "cat; echo oops >&2; exit 3", input="in and out\n")
    assert (done.returncode, done.stdout) == (3, "in and out\n")
    assert done.stderr.splitlines()[0] == "oops"
    assert facts(tmp_path / "r")["exit_code"] == 3


def test_a_running_process(tmp_path: Path) -> None:
    target = subprocess.Popen(["sleep", "60"])
    try:
        done = record("--level", "low", "-o", tmp_path / "r", "-p", str(target.pid), "--limit-time", "0.5")
        assert done.returncode == 0, done.stderr
        assert target.poll() is None
    finally:
        target.kill()
        target.wait()
    recording = facts(tmp_path / "r")
    assert (recording["stop_reason"], recording["exit_code"], recording["target"]["pids"]) == ("time limit", None, [target.pid])
    snapshots = sorted(path.suffix for path in (tmp_path / "r/smaps" / str(target.pid)).iterdir())
    assert snapshots == [".rollup", ".rollup", ".smaps", ".smaps"]


def test_the_system(tmp_path: Path) -> None:
    done = record("--level", "low", "-o", tmp_path / "r", "-a", "--", "true")
    assert done.returncode == 0, done.stderr
    recording = facts(tmp_path / "r")
    assert (recording["target"]["system_wide"], recording["stop_reason"], recording["exit_code"]) == (True, "command ended", 0)


def test_smaps_of_a_family(tmp_path: Path) -> None:
    done = record(
        "--level", "low", "--smaps-interval", "0.1", "--smaps-children", "-o", tmp_path / "r", "--", "sh", "-c", "sleep 0.8 & sleep 1; wait"
    )
    assert done.returncode == 0, done.stderr
    counts = {folder.name: len(list(folder.glob("*.smaps"))) for folder in (tmp_path / "r/smaps").iterdir()}
    assert len(counts) == 3
    assert all(2 <= count <= 10 for count in counts.values())
    assert 4 <= len(list((tmp_path / "r/vmstat").iterdir())) <= 12


def test_the_time_limit_ends_a_long_command(tmp_path: Path) -> None:
    began = time.monotonic()
    done = record("--level", "low", "-o", tmp_path / "r", "--limit-time", "1", "--", "sleep", "60")
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 30
    recording = facts(tmp_path / "r")
    assert (recording["stop_reason"], recording["exit_code"], recording["ended_by_cowtrace"]) == ("time limit", -15, True)
    assert 1_000_000_000 <= recording["end"]["mono_ns"] - recording["start"]["mono_ns"] < 5_000_000_000


@pytest.mark.parametrize(("number", "reason"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
def test_a_signal_leaves_a_whole_recording_and_no_process(tmp_path: Path, number: signal.Signals, reason: str) -> None:
    with recording("--level", "low", "-o", tmp_path / "r", "--", "sleep", "61") as process:
        wait_for_child(process, "sleep")
        family = descendants(process.pid)
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert family_is_gone(family)
    assert facts(tmp_path / "r")["stop_reason"] == reason
    assert any("sleep" in line for line in script(tmp_path / "r"))


def test_a_killed_perf_is_an_error_and_what_it_wrote_is_kept(tmp_path: Path) -> None:
    with recording("--level", "low", "-o", tmp_path / "r", "--", "sleep", "62") as process:
        wait_for_child(process, "sleep")
        family = descendants(process.pid)
        os.kill(wait_for_child(process, "perf"), signal.SIGKILL)
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 2
    assert (
        stderr.splitlines()[-1]
        == f"cowtrace: error: perf ended on its own with signal 9; {tmp_path}/r holds what it had written until then"
    )
    assert family_is_gone(family)
    assert facts(tmp_path / "r")["cut_short"] is True


def test_a_killed_recorder_takes_perf_with_it_and_the_next_one_cleans_up(tmp_path: Path) -> None:
    with recording("--level", "low", "-o", tmp_path / "r", "--", "sleep", "63") as process:
        sleeper = wait_for_child(process, "sleep")
        perf = wait_for_child(process, "perf")
        process.kill()
        process.wait(timeout=60)
        assert family_is_gone([perf])
        os.kill(sleeper, signal.SIGKILL)
    assert [path.name for path in tmp_path.iterdir()] == ["r.partial"]
    # perf finished its file all the same
    assert subprocess.run(["perf", "script", "-i", str(tmp_path / "r.partial/perf.data")], check=False, capture_output=True).returncode == 0
    assert record("--level", "low", "-o", tmp_path / "r", "--", "true").returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_losses_are_shown(tmp_path: Path) -> None:
    program = "import mmap\nfor _ in range(40):\n a = mmap.mmap(-1, 8 << 20)\n a.madvise(15)\n a[::4096] = bytes(2048)\n"
    done = record("-m", "1", "-o", tmp_path / "r", "--", sys.executable, "-c", program)
    assert done.returncode == 0, done.stderr
    assert facts(tmp_path / "r")["perf"]["lost_chunks"] > 0
    assert re.search(
        r"^cowtrace: warning: LOST \d+ chunks(, \d+(\.\d+)? % of the events)?: record with a larger -m", done.stderr, re.MULTILINE
    )


@pytest.mark.parametrize("existing", ["recording", "folder"])
def test_an_existing_folder_is_not_touched(tmp_path: Path, existing: str) -> None:
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / ("recording.json" if existing == "recording" else "thesis.tex")).write_text("{}")
    done = record("-o", tmp_path / "r", "--", "touch", tmp_path / "ran")
    assert done.returncode == 2
    assert done.stderr.startswith(f"cowtrace: error: {tmp_path}/r: exists")
    assert not (tmp_path / "ran").exists()
    assert len(list((tmp_path / "r").iterdir())) == 1


def test_a_command_that_does_not_exist(tmp_path: Path) -> None:
    done = record("-o", tmp_path / "r", "--", "no-such-command-here")
    assert (done.returncode, done.stderr) == (
        2,
        "cowtrace: error: no-such-command-here: command not found on PATH, so there is nothing to record\n",
    )
    assert list(tmp_path.iterdir()) == []


def test_doctor_on_this_machine() -> None:
    done = subprocess.run(
        [*COWTRACE, "doctor", "--format", "json"], env=ENVIRONMENT, check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    rows = {check["name"]: check for check in data["checks"]}
    assert rows["trial recording"]["state"] == "ok"
    assert all(check["costs"] and check["fix"] for check in data["checks"] if check["state"] == "lack")
