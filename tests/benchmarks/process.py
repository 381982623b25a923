"""Running one command as a user would, with its cost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took, from start to exit, of all its processes.

    Attributes:
        wall_s: Seconds on the clock.
        cpu_s: User and system time.
        peak_bytes: Largest resident set of one process.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int


def run(command: Sequence[str | Path], stdout: Path | None = None) -> Cost:
    """Run a command to its end; output is thrown away unless a file is named.

    Raises:
        RuntimeError: It failed; what it said on stderr is in the message.
    """
    return run_piped([command], stdout)


def run_piped(commands: Sequence[Sequence[str | Path]], stdout: Path | None = None) -> Cost:
    """The same for commands that read each other's output."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with open(stdout or os.devnull, "wb") as sink, open(os.devnull, "rb") as nothing:
        started = time.perf_counter()
        processes: list[subprocess.Popen[bytes]] = []
        for number, command in enumerate(commands):
            source = processes[-1].stdout if processes else nothing
            target = sink if number == len(commands) - 1 else subprocess.PIPE
            # stderr is small here and read at the end
            processes.append(subprocess.Popen(command, stdin=source, stdout=target, stderr=subprocess.PIPE, env=environment, cwd=ROOT))
            if number and source is not None:
                source.close()
        cpu_s, peak_bytes = 0.0, 0
        for process in processes:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            cpu_s += usage.ru_utime + usage.ru_stime
            peak_bytes = max(peak_bytes, usage.ru_maxrss * 1024)
        wall_s = time.perf_counter() - started
    for process, command in zip(processes, commands, strict=True):
        said = process.stderr.read().decode(errors="replace") if process.stderr else ""
        if process.returncode:
            raise RuntimeError(f"{' '.join(map(str, command))} exited with {process.returncode}: {said.strip()}")
    return Cost(wall_s, cpu_s, peak_bytes)


def python(*arguments: str | Path) -> list[str | Path]:
    """A command that runs this interpreter."""
    return [sys.executable, *arguments]
