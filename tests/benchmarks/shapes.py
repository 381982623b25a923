"""The recordings: one program, four ways of recording it. Made once and kept."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.process import ROOT

SOURCE = ROOT / "tests" / "workloads" / "forkload.c"
_ARENA_PAGES = 160
_FOUR_EVENTS = "page-faults,minor-faults,major-faults,exceptions:page_fault_user"


@dataclass(frozen=True, slots=True)
class Shape:
    """One way of recording.

    Attributes:
        name: One letter.
        what: For people.
        options: Of ``perf record``.
        rounds: Forks of the program, so that 5 million samples are reached.
    """

    name: str
    what: str
    options: tuple[str, ...]
    rounds: int


_PLAIN = ("-c", "1", "-d", "-T", "--sample-cpu", "-m", "32M")
SHAPES = (
    Shape("A", "one event, fixed layout", ("-e", "page-faults", *_PLAIN), 19_000),
    Shape("E", "four events, tracepoint payloads", ("-e", _FOUR_EVENTS, *_PLAIN), 6_300),
    Shape("B", "four events with call chains", ("-e", _FOUR_EVENTS, "-g", *_PLAIN), 6_300),
    Shape("C", "as A, compressed (-z)", ("-e", "page-faults", "-z", *_PLAIN), 19_000),
)


def unavailable() -> str | None:
    """Why nothing can be recorded here; None when it can."""
    if os.geteuid() != 0:
        return "needs root: exceptions:page_fault_user is closed to users"
    missing = [program for program in ("perf", "cc") if shutil.which(program) is None]
    return f"{missing[0]} is not installed" if missing else None


def recorded(shape: Shape, folder: Path, times: int = 1) -> Path:
    """The recording of a shape, from ``folder`` or made now; ``times`` as long.

    Raises:
        RuntimeError: The compiler or perf failed.
    """
    command = ["perf", "record", "-q", *shape.options]
    arguments = [str(shape.rounds * times), str(_ARENA_PAGES)]
    digest = hashlib.sha256(SOURCE.read_bytes() + " ".join([*command, *arguments]).encode()).hexdigest()[:12]
    target = folder / f"{shape.name}-{digest}.data"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        program, partial = folder / "forkload", target.with_suffix(".partial")
        _run(["cc", "-O2", "-pthread", "-o", str(program), str(SOURCE)])
        _run([*command, "-o", str(partial), "--", str(program), *arguments])
        partial.rename(target)
    return target


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} exited with {done.returncode}: {done.stderr.strip()}")
