"""Record pairs of runs for judging predictions: the same workloads with huge pages off and on, several times each.

    python -m tests.live.record_pairs FOLDER [--repeat N] [--policies never,always] [WORKLOAD...]

Writes FOLDER/WORKLOAD/POLICY.N (a recording) and, where it is absent, FOLDER/WORKLOAD/POLICY.N.store. Run as root from the top of the
tree; sets and restores the huge page setting. Runs alternate between the settings, so that a drift of the machine touches both.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.support import knobs, live

WORKLOADS = live.ROOT / "tests" / "workloads"


def script(name: str, *options: str) -> Callable[[Path, Path], list[str]]:
    """``tests/workloads/NAME.py FOLDER OPTIONS``."""
    python = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
    return lambda programs, work: [python, "-I", f"{WORKLOADS}/{name}.py", str(work), *options]


def program(name: str, *options: str) -> Callable[[Path, Path], list[str]]:
    """A compiled ``tests/workloads/NAME.c`` or ``.cpp``."""
    return lambda programs, work: [str(programs / name), *options]


#: Name -> its command line, given the folder of compiled programs and an empty folder to work in.
COMMANDS: dict[str, Callable[[Path, Path], list[str]]] = {
    "redis": script("redis_bgsave", "--thp", "--mib", "24"),
    "apache": script("apache_prefork"),
    "python": script("python_workers"),
    "compile_c": script("compile_c"),
    "compile_cxx": script("compile_cxx"),
    "shell": script("fork_storm"),
    "strided": program("strided_fork"),
    "allocations": program("allocations"),
    "sort": script("sort_lines"),
}


def compile_programs(folder: Path) -> Path:
    """Compile what is written in C and C++."""
    folder.mkdir(parents=True, exist_ok=True)
    for source, compiler in (("strided_fork.c", ("cc",)), ("allocations.cpp", ("c++", "-std=c++17"))):
        subprocess.run([*compiler, "-O1", "-o", str(folder / Path(source).stem), str(WORKLOADS / source)], check=True)
    return folder


def record(name: str, programs: Path, policy: str, folder: Path) -> None:
    """One run under one policy."""
    with tempfile.TemporaryDirectory(prefix="pair-") as work, knobs.setting(knobs.THP / "enabled", policy):
        Path(work).chmod(0o777)
        live.cowtrace("record", "--occupancy", "--propagate-exit", "-o", folder, "--", *COMMANDS[name](programs, Path(work)))


def main() -> int:
    """Record what is asked, then ingest what lacks a store."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--policies", default="never,always")
    parser.add_argument("workloads", nargs="*", choices=[*COMMANDS, []])
    arguments = parser.parse_intermixed_args()
    if reason := live.unavailable():
        print(f"cannot record here: {reason}", file=sys.stderr)
        return 2
    programs = compile_programs(arguments.folder / "bin")
    for name in arguments.workloads or COMMANDS:
        (arguments.folder / name).mkdir(parents=True, exist_ok=True)
        with knobs.one_at_a_time():
            record(name, programs, arguments.policies.split(",")[0], arguments.folder / name / "warm-up")
            shutil.rmtree(arguments.folder / name / "warm-up")
            for number in range(1, arguments.repeat + 1):
                for policy in arguments.policies.split(","):
                    target = arguments.folder / name / f"{policy}.{number}"
                    if not target.exists():
                        record(name, programs, policy, target)
        print(f"recorded {name}", file=sys.stderr, flush=True)
    for recording in sorted(arguments.folder.glob("*/*.[0-9]")):
        if not recording.with_name(recording.name + ".store").exists():
            live.ingest(recording, recording.with_name(recording.name + ".store"))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
