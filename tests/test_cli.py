"""The command line as a user meets it: one line of error, the right exit code, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[1] / "sample-traces"
PLAIN = SAMPLES / "plain-page-faults.data"


def run(*arguments: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).parents[1])
    variables = {**os.environ, "COWTRACE_CACHE": str(cwd / ".cache"), "PYTHONPATH": root, **env}
    return subprocess.run(
        [sys.executable, "-m", "cowtrace", *map(str, arguments)], cwd=cwd, env=variables, text=True, capture_output=True, check=False
    )


STRANGERS = {
    "empty": b"",
    "text": b"hello, this is not a recording\n" * 9,
    "elf": b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00" + bytes(100),
    "core": b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x04\x00" + bytes(100),
    "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(100),
    "version 1": b"PERFFILE" + bytes(200),
    "cut header": b"PERFILE2" + bytes(50),
    "zeros": bytes(4096),
    "packed garbage": b"\x28\xb5\x2f\xfd" + b"\xff" * 200,
    "4 GB claim": b"PERFILE2" + (104).to_bytes(8, "little") + (144).to_bytes(8, "little") + (1 << 32).to_bytes(8, "little") * 6 + bytes(32),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_foreign_file_is_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "perf.data").write_bytes(STRANGERS[name])
    done = run("report", "perf.data", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("cowtrace: error: perf.data")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("reprot",), "unknown command 'reprot'"),
        (("report", "nowhere.data"), "nowhere.data: no such file"),
        (("ingest", "a"), "Missing option"),
        (("query", ".", "SELECT 1"), "holds no perf.data"),
        (("report",), "no input given"),
        (("report", "--format", "docx"), "docx"),
    ],
)
def test_usage_error_is_one_line(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("cowtrace: error: ")
    assert message in done.stderr


def test_report_of_a_foreign_recording_just_works(tmp_path: Path) -> None:
    done = run("report", PLAIN, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "What this recording cannot tell" in done.stdout


def test_output_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out.json").write_text("precious")
    done = run("report", PLAIN, "--format", "json", "-o", "out.json", cwd=tmp_path)
    assert done.returncode == 2
    assert (tmp_path / "out.json").read_text() == "precious"
    assert run("report", PLAIN, "--format", "json", "-o", "out.json", "--force", cwd=tmp_path).returncode == 0
    assert '"schema": "cowtrace.report/1"' in (tmp_path / "out.json").read_text()


def test_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[1])
    line = f"{sys.executable} -m cowtrace script {PLAIN} --format csv | head -n 1"
    done = subprocess.run(
        ["bash", "-c", line], cwd=tmp_path, env={**os.environ, "PYTHONPATH": root}, text=True, capture_output=True, check=False
    )
    assert done.stdout == "ts_ns,event,comm,pid,tid,cpu,ip,addr,period,callchain,args\n"
    assert done.stderr == ""
