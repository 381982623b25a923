"""``cowtrace script`` as a command: outputs, refusals, a reader that goes away."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.live import ROOT

SNAPSHOT = """\
7f0000000000-7f0000001000 rw-p 00000000 00:00 0
Size:                  4 kB
Rss:                   4 kB
"""


def run(folder: Path, arguments: Sequence[str]) -> tuple[int, str]:
    """Exit code and stderr."""
    command = [sys.executable, "-m", "cowtrace", "script", *arguments]
    done = subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, check=False, capture_output=True, text=True)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no input given, and none of cowtrace.rec, perf.data, trace.dat is here; record one with: cowtrace record -- COMMAND"),
        (["nowhere"], "nowhere: no such file or folder"),
        (["smaps"], "smaps: a snapshot of /proc holds no events; name a recording"),
        (["smaps", "-o", "smaps"], "smaps: exists; --force overwrites it"),
    ],
)
def test_refusals(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "smaps").write_text(SNAPSHOT)
    assert run(tmp_path, arguments) == (2, f"cowtrace: error: {message}\n")


TRACE = ROOT / "sample-traces" / "plain-page-faults.data"


def test_suffix_of_the_output_decides(tmp_path: Path) -> None:
    assert run(tmp_path, [str(TRACE), "-o", "rows.csv"]) == (0, "Wrote rows.csv\n")
    assert (tmp_path / "rows.csv").read_text().startswith("ts_ns,event,comm,pid,tid,cpu,ip,addr,period,callchain,args\n")


@pytest.mark.parametrize("form", ["text", "csv", "parquet"])
def test_a_reader_that_goes_away_is_no_error(form: str) -> None:
    """As with ``| head``: exit code 0 and nothing said."""
    command = [sys.executable, "-m", "cowtrace", "script", str(TRACE), "--format", form]
    with subprocess.Popen(command, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        assert program.stdout is not None and program.stderr is not None
        program.stdout.close()
        assert program.stderr.read() == b""
    assert program.returncode == 0
