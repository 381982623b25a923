"""A perf that records nothing but behaves: options, control channel, refusals, SIGINT, sudden death. For tests without rights."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

_PROGRAM = """#!{python} -I
import os, signal, sys, time
argv = sys.argv[1:]
if argv == ["--version"]:
    print("perf version 6.1.0")
    sys.exit(0)
if argv == ["record", "-h"]:
    print("--control --phys-data --data-page-size --all-cgroups --synth --max-size", file=sys.stderr)
    sys.exit(129)
refused, complaint, dies, deaf = {refused!r}, {complaint!r}, {dies!r}, {deaf!r}
if refused in argv:
    print(complaint, file=sys.stderr)
    sys.exit(255)
output = argv[argv.index("-o") + 1]
with open(output, "wb") as file:
    file.write(b"PERFILE2" + b"x" * 92)
stopped = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: stopped.append(1))
read, write = map(int, argv[argv.index("--control") + 1][3:].split(","))
assert os.read(read, 16) == b"enable\\n"
while deaf:
    time.sleep(1)
os.write(write, b"ack\\n\\0")
if dies:
    time.sleep(0.3)
    print("failed to write perf data, error: Input/output error", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
while not stopped:
    time.sleep(0.01)
print("[ perf record: Captured and wrote 0.001 MB " + output + " (7 samples) ]", file=sys.stderr)
"""


def install_fake_perf(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    refused: str | None = None,
    complaint: str = "Error:\nOperation not permitted.",
    dies: bool = False,
    deaf: bool = False,
) -> Path:
    """Make the recorder use a fake.

    Args:
        folder: Where to put the program.
        monkeypatch: Of the test.
        refused: The fake refuses to start when this word is among its arguments.
        complaint: What it says then.
        dies: It kills itself shortly after it has begun.
        deaf: It never says that it is ready.
    """
    program = folder / "fake-perf"
    program.write_text(_PROGRAM.format(python=sys.executable, refused=refused, complaint=complaint, dies=dies, deaf=deaf))
    program.chmod(0o755)
    monkeypatch.setenv("COWTRACE_PERF", str(program))
    return program
