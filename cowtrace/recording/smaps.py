"""Collects /proc/PID/smaps and smaps_rollup of chosen processes, at times that do not disturb them much.

Reading smaps walks the page tables of the process under its mmap lock, so a huge process is read less often than asked.
"""

from __future__ import annotations

import time
from pathlib import Path

from cowtrace.recording.collector import Collector, Scene
from cowtrace.recording.processes import descendants, start_time

#: The share of time that reading may take: after a round of t seconds the next starts 20 t later at the earliest.
DUTY = 20


class Smaps(Collector):
    """``smaps/<tgid>/<unix_ns>.smaps`` and ``.rollup``.

    Args:
        interval_s: Seconds between rounds; None for one at the start and one at the end.
        children: Follow the descendants too; once seen, also those whose parent has ended.
        limit: Snapshots in all; a long recording does not fill the disk.
        proc: Where to read.
    """

    def __init__(self, *, interval_s: float | None, children: bool, limit: int = 2000, proc: Path = Path("/proc")) -> None:
        super().__init__()
        self.taken = 0
        self._interval_s = interval_s
        self._children = children
        self._limit = limit
        self._proc = proc
        self._born: dict[int, int] = {}
        self._due_s = 0.0

    def start(self, scene: Scene) -> None:
        super().start(scene)
        # a command's first mappings are those of the program that waits in its place: not worth a file
        if not scene.is_command:
            self._round()
        self._due_s = time.monotonic() + (self._interval_s or 0)

    def tick(self, now_s: float) -> float | None:
        if self._interval_s is None or self.taken >= self._limit:
            return None
        if now_s >= self._due_s:
            self._round()
            after_s = time.monotonic()
            self._due_s = max(now_s + self._interval_s, after_s + DUTY * (after_s - now_s))
        return self._due_s

    def stop(self) -> None:
        self._round()

    def _round(self) -> None:
        for pid in self._processes():
            if self.taken >= self._limit:
                self.note(f"smaps: stopped after {self._limit} snapshots (--smaps-limit)")
                return
            self._take(pid)

    def _processes(self) -> list[int]:
        pids = list(self.scene.pids)
        if self._children:
            for pid in self.scene.pids:
                pids += descendants(pid, self._proc)
            pids += self._born
        alive: dict[int, int] = {}
        for pid in pids:
            born = start_time(pid, self._proc)
            # the same id with another start time is a stranger
            if born is not None and self._born.get(pid, born) == born:
                alive[pid] = born
        self._born = alive
        return list(alive)

    def _take(self, pid: int) -> None:
        folder = self.scene.folder / "smaps" / str(pid)
        for source, suffix in (("smaps", "smaps"), ("smaps_rollup", "rollup")):
            unix_ns = time.time_ns()
            try:
                text = (self._proc / str(pid) / source).read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                return  # it ended meanwhile
            except PermissionError:
                self.note(f"smaps: process {pid} can't be read (run as root, or as its owner)")
                return
            if text:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{unix_ns}.{suffix}").write_bytes(text)
                self.taken += suffix == "smaps"
