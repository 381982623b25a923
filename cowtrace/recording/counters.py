"""Collects vmstat, meminfo and the per-size huge page counters: before, after, and in between when asked."""

from __future__ import annotations

import time
from typing import Any

from cowtrace.recording.collector import Collector, Scene
from cowtrace.recording.host import Host


class Counters(Collector):
    """``vmstat/<unix_ns>.vmstat`` and ``meminfo/<unix_ns>.meminfo`` as the kernel prints them; mTHP counters as a table.

    Args:
        host: Where to read.
        interval_s: Seconds between snapshots; None for before and after only.
    """

    def __init__(self, host: Host, interval_s: float | None = None) -> None:
        super().__init__()
        self._mthp: dict[str, dict[str, dict[str, int]]] = {}
        self._host = host
        self._interval_s = interval_s
        self._due_s = 0.0

    def start(self, scene: Scene) -> None:
        super().start(scene)
        self._due_s = time.monotonic() + (self._interval_s or 0)
        self._take()
        self._mthp["before"] = mthp_counters(self._host)

    def tick(self, now_s: float) -> float | None:
        if self._interval_s is None:
            return None
        if now_s >= self._due_s:
            self._take()
            self._due_s = now_s + self._interval_s
        return self._due_s

    def stop(self) -> None:
        self._take()
        self._mthp["after"] = mthp_counters(self._host)

    def facts(self) -> dict[str, Any]:
        return {"mthp_counters": self._mthp}

    def _take(self) -> None:
        unix_ns = time.time_ns()
        for name in ("vmstat", "meminfo"):
            text = self._host.text(f"proc/{name}")
            if text is None:
                self.note(f"/proc/{name} can't be read")
                continue
            folder = self.scene.folder / name
            folder.mkdir(exist_ok=True)
            (folder / f"{unix_ns}.{name}").write_text(text + "\n", encoding="utf-8")


def mthp_counters(host: Host) -> dict[str, dict[str, int]]:
    """``{"64kB": {"anon_fault_alloc": 3, ...}}`` (Linux 6.8 and newer; mm/huge_memory.c)."""
    found: dict[str, dict[str, int]] = {}
    for folder in sorted(host.path("sys/kernel/mm/transparent_hugepage").glob("hugepages-*/stats")):
        below = folder.relative_to(host.root)
        values = {entry.name: host.integer(str(below / entry.name)) for entry in sorted(folder.iterdir())}
        found[folder.parent.name.removeprefix("hugepages-")] = {name: value for name, value in values.items() if value is not None}
    return found
