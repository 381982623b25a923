"""What live tests share: whether this host can run them, and cowtrace run as a user runs it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def unavailable() -> str | None:
    """Why truth can't be recorded here; None when it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs Linux and root: page frames and tracepoints are closed to users"
    for program in ("perf", "cc"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if platform.machine() != "x86_64":
        return "the declared error codes and exceptions:* events are those of x86-64"
    if not Path("/sys/kernel/tracing/events/exceptions").is_dir():
        return "no tracefs at /sys/kernel/tracing"
    return None


def cowtrace(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command line of this tree."""
    return run([sys.executable, "-m", "cowtrace", *map(str, arguments)])


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command that must succeed; what it wrote to stderr is in the failure."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} exited with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def record(level: str, folder: Path, command: Sequence[str]) -> Path:
    """Record a command with ``cowtrace record``; the command must succeed. ``low+ftrace`` is level low with ftrace beside perf,
    ``low+ftrace-alone`` without perf."""
    name, _, companion = level.partition("+")
    beside = ("--with", "ftrace", "--no-perf") if companion == "ftrace-alone" else ("--with", companion) if companion else ()
    cowtrace("record", "--level", name, *beside, "--propagate-exit", "-o", folder, "--", *command)
    return folder


def ingest(recording: Path, store: Path) -> Path:
    """Ingest one recording."""
    cowtrace("ingest", recording, "-o", store)
    return store
