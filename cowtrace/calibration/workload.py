"""Page faults of known kinds and forks of known size, for ``cowtrace calibrate``.

    python -m cowtrace.calibration.workload all FOLDER LOG
    python -m cowtrace.calibration.workload mthp KIB LOG

Needs no compiler. ``LOG`` gets one line of JSON for each fork that is to be timed: mappings, pages and huge pages that it had to copy.
"""

from __future__ import annotations

import json
import mmap
import os
import re
import signal
import sys
from pathlib import Path

PAGE = 4096
HUGE = 2 << 20
MIB = 1 << 20


def area(size_bytes: int, advice: int | None = mmap.MADV_NOHUGEPAGE, *, flags: int = mmap.MAP_PRIVATE) -> mmap.mmap:
    """Fresh anonymous memory, page by page unless ``advice`` says otherwise."""
    memory = mmap.mmap(-1, size_bytes, flags=flags | mmap.MAP_ANONYMOUS)
    if advice is not None:
        memory.madvise(advice)
    return memory


def write(memory: mmap.mmap, start: int = 0, end: int | None = None, step: int = PAGE) -> None:
    """Write one byte every ``step`` bytes."""
    for place in range(start, len(memory) if end is None else end, step):
        memory[place] = 1


def read(memory: mmap.mmap, step: int = PAGE) -> int:
    """Read one byte every ``step`` bytes."""
    return sum(memory[place] for place in range(0, len(memory), step))


class Sharer:
    """A child that shares the parent's memory until it is told to go."""

    def __enter__(self) -> None:
        self.pid = os.fork()
        if self.pid == 0:
            signal.pause()

    def __exit__(self, *problem: object) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def small_pages() -> None:
    """anon_zero, cow_copy, cow_reuse, zero_page, zero_page_cow, shmem."""
    memory = area(16 * MIB)
    write(memory)
    with Sharer():
        write(memory, 0, 8 * MIB)
    write(memory, 8 * MIB)
    memory = area(8 * MIB)
    read(memory)
    write(memory)
    shared = area(4 * MIB, None, flags=mmap.MAP_SHARED)
    write(shared)


def huge_pages() -> None:
    """thp_zero, thp_split with cow_copy after it, thp_reuse, thp_zero_page, thp_zero_page_cow; twice, since memory that a virtual
    machine's host has to find first costs many times as much."""
    for _ in range(2):
        memory = area(24 * HUGE, mmap.MADV_HUGEPAGE)
        write(memory, step=HUGE)
        with Sharer():
            write(memory, 0, 8 * HUGE, HUGE)
            write(memory, PAGE, 4 * HUGE, 16 * PAGE)
        write(memory, 8 * HUGE, step=HUGE)
        memory.close()
        memory = area(8 * HUGE, mmap.MADV_HUGEPAGE)
        read(memory, HUGE)
        write(memory, step=HUGE)
        memory.close()


def files(folder: Path) -> None:
    """file_read, file_cow of pages read before and not read before, file_mkwrite."""
    path = folder / "calibration.pages"
    path.write_bytes(os.urandom(PAGE) * (4 * MIB // PAGE))
    with path.open("r+b") as file:
        private = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE)
        read(private)
        write(private)
        untouched = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE)
        write(untouched)
        shared = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_SHARED)
        read(shared)
        write(shared)
    path.unlink()


def mthp(kib: int) -> None:
    """mthp_zero of one size: its policy is set by the caller. No huge page fits into the areas, and every other size does."""
    for _ in range(24):
        memory = area(HUGE - PAGE, mmap.MADV_HUGEPAGE)
        write(memory, step=kib * 1024)
        memory.close()


def copied_by_fork() -> dict[str, int]:
    """What a fork of this process copies now: mappings, small pages and huge pages of those that hold anonymous pages."""
    text = Path("/proc/self/smaps").read_text(encoding="utf-8", errors="replace")
    found = {"vmas": 0, "ptes": 0, "pmds": 0}
    for block in re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", text)[1:]:
        fields = dict(re.findall(r"(?m)^(\w+):\s+(\d+) kB", block))
        found["vmas"] += 1
        if fields.get("Anonymous", "0") != "0":
            huge_kib = int(fields["AnonHugePages"])
            found["pmds"] += huge_kib * 1024 // HUGE
            found["ptes"] += (int(fields["Rss"]) - huge_kib) * 1024 // PAGE
    return found


def forks(log: Path) -> None:
    """Forks with nothing, with many mappings, many pages, many huge pages."""
    with log.open("a") as lines:

        def times(count: int) -> None:
            sizes = copied_by_fork()
            for _ in range(count):
                pid = os.fork()
                if pid == 0:
                    os._exit(0)
                lines.write(json.dumps({"child": pid, **sizes}) + "\n")
                os.waitpid(pid, 0)

        times(9)
        # every other page read-only keeps the kernel from merging the rest into few mappings
        many = [mmap.mmap(-1, PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=1 + 2 * (number % 2)) for number in range(800)]
        times(9)
        for memory in many:
            memory.close()
        for mib in (16, 48):
            memory = area(mib * MIB)
            write(memory)
            times(9)
            memory.close()
        for count in (16, 48):
            memory = area(count * HUGE, mmap.MADV_HUGEPAGE)
            write(memory, step=HUGE)
            times(9)
            memory.close()


def main() -> None:
    """Do what the command line says."""
    what, argument, log = sys.argv[1:]
    if what == "mthp":
        mthp(int(argument))
        return
    forks(Path(log))
    small_pages()
    huge_pages()
    files(Path(argument))


if __name__ == "__main__":
    main()
