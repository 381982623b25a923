"""``cowtrace record``: arguments, messages, exit codes. perf is a fake; real recordings are in tests/live."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cowtrace.commands.record import command
from cowtrace.errors import CowtraceError, HostError, UsageError
from cowtrace.recording.ftrace.collector import Ftrace
from cowtrace.recording.ftrace.setup import Setup
from cowtrace.recording.host import Host
from tests.support.fake_perf import install_fake_perf
from tests.support.fake_tracefs import FakeTracefs
from tests.support.hosts import NO_CAPABILITIES, make_host
from tests.support.ringbuffer import FAULT, Page

FILES = {"proc/vmstat": "pgfault 1", "proc/meminfo": "MemTotal: 8 kB", "proc/kallsyms": "ffffffff81000000 T _stext\n"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, a fake perf, a host that allows everything."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    install_fake_perf(tmp_path, monkeypatch)
    use_host(monkeypatch, make_host(tmp_path / "host", FILES))
    return folder


def use_host(monkeypatch: pytest.MonkeyPatch, host: Host) -> None:
    monkeypatch.setattr("cowtrace.recording.host.this_host", lambda: host)


def run(*arguments: str) -> Result:
    """Run the command; deliberate errors come out as they are."""
    result = CliRunner().invoke(command, list(arguments), standalone_mode=False)
    if result.exception is not None and isinstance(result.exception, CowtraceError):
        raise result.exception
    return result


def test_the_folder_and_the_three_lines(here: Path) -> None:
    result = run("--", "sh", "-c", "exit 4")
    assert result.exception is None
    assert result.return_value == 0
    lines = result.stderr.splitlines()
    assert lines[0].startswith("cowtrace: recorded 7 events, 100 B, in ")
    assert lines[0].endswith(" (standard; sh exited with 4)")
    assert lines[1:] == ["cowtrace: Wrote cowtrace.rec", "cowtrace: next: cowtrace report"]
    assert result.stdout == ""
    recording = json.loads((here / "cowtrace.rec/recording.json").read_text())
    assert recording["schema"] == "cowtrace.recording/1"
    assert recording["level"]["name"] == "standard"
    assert recording["target"]["command"] == ["sh", "-c", "exit 4"]
    assert (recording["exit_code"], recording["stop_reason"], recording["cut_short"]) == (4, "command ended", False)
    assert len(recording["events"]["got"]) == 26 and recording["events"]["missing"] == []
    assert recording["start"]["mono_ns"] < recording["end"]["mono_ns"]
    assert recording["perf"]["samples"] == 7
    assert {name: len(list((here / "cowtrace.rec" / name).iterdir())) for name in ("vmstat", "meminfo", "mountinfo")} == {
        "vmstat": 2,
        "meminfo": 2,
        "mountinfo": 1,
    }


def test_another_folder_is_named_in_the_next_step(here: Path) -> None:
    assert run("-o", "night.rec", "true").stderr.splitlines()[-2:] == [
        "cowtrace: Wrote night.rec",
        "cowtrace: next: cowtrace report night.rec",
    ]


@pytest.mark.parametrize(("script", "code"), [("exit 4", 4), ("exit 0", 0), ("kill -15 $$", 143)])
def test_propagate_exit(here: Path, script: str, code: int) -> None:
    assert run("--propagate-exit", "sh", "-c", script).return_value == code


def test_options_after_the_command_belong_to_the_command(here: Path) -> None:
    result = run("sh", "-c", 'test "$1" = -o', "sh", "-o")
    assert result.stderr.splitlines()[0].endswith("(standard; sh exited with 0)")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to record: give a COMMAND (cowtrace record -- make), -p PID, or -a for the whole system"),
        (["-p", "1", "true"], "-p PID records running processes: give it without COMMAND and without -a"),
        (["-p", "1", "-a"], "-p PID records running processes: give it without COMMAND and without -a"),
        (["-p", "1,x"], "-p 1,x: expected process ids separated by commas, such as -p 812 or -p 812,813"),
        (["-p", "0"], "-p 0: expected process ids separated by commas, such as -p 812 or -p 812,813"),
        (["-p", str(1 << 30)], f"-p {1 << 30}: there is no such process"),
        (["--limit-size", "2X", "true"], "--limit-size 2X: expected a size such as 500M or 2G"),
        (["-m", "1000", "true"], "-m 1000: expected a power of two, such as 512 or 4096"),
        (["-a", "--smaps"], "--smaps needs -p PID or a COMMAND: copying the maps of every process would disturb what is measured"),
        (["-a", "--propagate-exit"], "--propagate-exit needs a COMMAND"),
        (["no-such-command-here"], "no-such-command-here: command not found on PATH, so there is nothing to record"),
    ],
)
def test_requests_that_make_no_sense(here: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        run(*arguments)
    assert str(caught.value) == message
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("size", "bytes_"), [("500", 500), ("64K", 65536), ("1M", 1 << 20), ("2G", 2 << 30), ("1GiB", 1 << 30), ("1tb", 1 << 40)]
)
def test_sizes(here: Path, size: str, bytes_: int) -> None:
    run("--limit-size", size, "true")
    assert json.loads((here / "cowtrace.rec/recording.json").read_text())["options"]["limit_bytes"] == bytes_


def test_an_existing_recording(here: Path) -> None:
    run("true")
    with pytest.raises(UsageError, match=r"cowtrace\.rec: exists; --force replaces it"):
        run("true")
    assert run("--force", "true").return_value == 0


def test_what_a_user_without_rights_reads(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_host(monkeypatch, make_host(tmp_path / "user", capabilities=NO_CAPABILITIES))
    lines = run("true").stderr.splitlines()
    assert lines[0] == (
        "cowtrace: warning: not root and kernel.perf_event_paranoid is 2, so this recording lacks faults in kernel mode, --phys-data, "
        "23 tracepoints (exceptions:page_fault_user, ...)"
    )
    assert lines[1].startswith("cowtrace: warning: faults of system calls such as read(2) are not counted; a copied page can't be told")
    assert lines[1].endswith("to get it, run as root, or `sudo sysctl kernel.perf_event_paranoid=-1`")
    missing = json.loads((here / "cowtrace.rec/recording.json").read_text())["events"]["missing"]
    assert missing[0] == {
        "what": "faults in kernel mode",
        "reason": "not root and kernel.perf_event_paranoid is 2",
        "fix": "run as root, or `sudo sysctl kernel.perf_event_paranoid=-1`",
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a process of another user")
def test_a_process_of_somebody_else(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_host(monkeypatch, make_host(tmp_path / "user", capabilities=NO_CAPABILITIES))
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    with pytest.raises(HostError, match="-p 1: the process belongs to user 0; run cowtrace as that user or as root"):
        run("-p", "1")


def test_a_perf_that_dies_is_an_error_though_the_folder_is_kept(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_fake_perf(tmp_path, monkeypatch, dies=True)
    with pytest.raises(HostError) as caught:
        run("sleep", "60")
    assert str(caught.value) == (
        "perf ended on its own with signal 9 (failed to write perf data, error: Input/output error); "
        "cowtrace.rec holds what it had written until then"
    )
    assert json.loads((here / "cowtrace.rec/recording.json").read_text())["cut_short"] is True


def test_list_levels(here: Path) -> None:
    lines = CliRunner().invoke(command, ["--list-levels"]).stdout.splitlines()
    assert lines[0] == "low: Every fault with address, duration and the page before and after: enough for most bills."
    assert lines[1] == "  costs        +1.6 µs and 180 bytes per fault; a program that does nothing"
    assert lines[3] == "  records      page-faults                                entry of every fault: address, page size and frame before"
    assert any(line.startswith("standard (default): ") for line in lines)
    assert sum("cannot tell" in line for line in lines) == 3
    # an event is shown with the level that brings it
    assert sum("kmem:mm_page_alloc " in line for line in lines) == 1


def test_help_ends_in_examples(here: Path) -> None:
    text = CliRunner().invoke(command, ["--help"]).stdout
    assert "cowtrace record -- make -j4" in text
    assert "--limit-time, --duration SECONDS" in text


@pytest.fixture
def traced(tmp_path: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> FakeTracefs:
    """A host with a tracefs of files."""
    fake = FakeTracefs(tmp_path / "traced", formats=[FAULT], buffers={0: Page(5).data(1, FAULT.payload(12, address=4096)).bytes()})
    use_host(monkeypatch, fake.host)

    class FakeFtrace(Ftrace):
        def __init__(self, host: Host, setup: Setup, *, limit_bytes: int | None = None) -> None:
            super().__init__(host, setup, limit_bytes=limit_bytes, make_instance=fake.instance)

    monkeypatch.setattr("cowtrace.recording.ftrace.collector.Ftrace", FakeFtrace)
    return fake


def test_ftrace_beside_perf(here: Path, traced: FakeTracefs) -> None:
    result = run("--with", "ftrace", "--ftrace-buffer", "8M", "true")
    first = result.stderr.splitlines()[0]
    assert first.startswith("cowtrace: recorded 7 events, 100 B, ") and first.endswith(" (standard; true exited with 0)")
    assert " of ftrace, in " in first
    assert {"perf.data", "trace.dat"} <= {path.name for path in (here / "cowtrace.rec").iterdir()}
    recording = json.loads((here / "cowtrace.rec/recording.json").read_text())
    assert [event["name"] for event in recording["events"]["got"]] == ["page-faults", "minor-faults", "major-faults"]
    assert len(recording["ftrace"]["events"]) == 24
    assert traced.written("buffer_size_kb") == "8192"


def test_ftrace_alone(here: Path, traced: FakeTracefs) -> None:
    result = run("--no-perf", "--level", "low", "true")
    assert result.stderr.startswith("cowtrace: recorded ")
    assert "events" not in result.stderr.splitlines()[0]
    names = {path.name for path in (here / "cowtrace.rec").iterdir()}
    assert "trace.dat" in names and "perf.data" not in names
    recording = json.loads((here / "cowtrace.rec/recording.json").read_text())
    assert (recording["perf"], recording["events"]["got"], len(recording["ftrace"]["events"])) == (None, [], 24)


def test_a_buffer_without_ftrace(here: Path) -> None:
    with pytest.raises(UsageError, match="--ftrace-buffer needs --with ftrace"):
        run("--ftrace-buffer", "8M", "true")


def test_ftrace_that_can_not_be_used_is_one_line(here: Path) -> None:
    with pytest.raises(HostError, match=r"^ftrace can't be used: .*instances is missing, this kernel was built without tracefs instances$"):
        run("--with", "ftrace", "true")
    assert list(here.iterdir()) == []
