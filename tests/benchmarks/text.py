"""A text of ftrace in the common layout, 1 million lines, and the reader of it that one would write by hand.

python -m tests.benchmarks.text FILE: prints lines and seconds of that reader.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path

LINES = 1_000_000
_HEAD = "# tracer: nop\n#\n# entries-in-buffer/entries-written: {0}/{0}   #P:4\n#\n"


def written(folder: Path) -> Path:
    """The text, from ``folder`` or made now: faults, allocations, switches and forks of 40 tasks on 4 CPUs."""
    path = folder / f"ftrace-{LINES}.txt"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    rng, now = random.Random(1), 100_000_000
    partial = path.with_suffix(".partial")
    with partial.open("w") as text:
        text.write(_HEAD.format(LINES))
        for _ in range(LINES):
            now += rng.randrange(1, 9)
            task = rng.randrange(40)
            head = f"{f'worker:{task}':>16}-{2000 + task:<7} [{task % 4:03d}] d.... {now // 10**6:5d}.{now % 10**6:06d}: "
            text.write(head + _event(rng, 2000 + task) + "\n")
    partial.rename(path)
    return path


def _event(rng: random.Random, tid: int) -> str:
    kind, number = rng.randrange(100), rng.getrandbits(47)
    if kind < 60:
        return f"page_fault_user: address={number:#x} ip={number ^ 0x5A5A5A:#x} error_code={rng.choice((4, 6, 7, 0x14)):#x}"
    if kind < 95:
        flags = rng.choice(("GFP_HIGHUSER_MOVABLE|__GFP_ZERO|__GFP_COMP", "GFP_KERNEL_ACCOUNT|__GFP_ZERO", "GFP_NOWAIT"))
        return f"mm_page_alloc: page={number:016x} pfn={number >> 20:#x} order={rng.choice((0, 0, 9))} migratetype=1 gfp_flags={flags}"
    if kind < 99:
        before = f"prev_comm=worker prev_pid={tid} prev_prio=120 prev_state=S"
        return f"sched_switch: {before} ==> next_comm=swapper/1 next_pid=0 next_prio=120"
    return f"sched_process_fork: comm=worker pid={tid} child_comm=worker child_pid={rng.randrange(3000, 9000)}"


def main(path: Path) -> None:
    """Read the text a line at a time."""
    from tests.parsers.ftracetext.reference import read

    started = time.perf_counter()
    lines = len(read(path.read_bytes()))
    print(json.dumps({"samples": lines, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
