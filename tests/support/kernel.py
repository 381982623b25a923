"""A toy kernel, page by page in plain Python: the specification of copy-on-write that the fast replay is held against.

Rules (mm/memory.c since 5.19): a first write makes a page that is exclusive; fork shares every present page of the parent with the child;
a write to a shared page copies it and leaves the old one to the others; the last owner reuses. Exit and exec let go of all pages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PAGE = 4096
BASE = 0x100000000000
ENTRY, MINOR, EXC = 0, 1, 2


@dataclass
class Frame:
    owners: int = 1


@dataclass
class Task:
    pid: int
    pages: dict[int, Frame] = field(default_factory=dict)
    writable: set[int] = field(default_factory=set)


class ToyKernel:
    """Runs operations, writes down the events of a recording and the true kind of every fault."""

    def __init__(self) -> None:
        self.now = 1000
        self.tasks: dict[int, Task] = {}
        self.lines: list[dict[str, Any]] = []
        self.side: dict[str, list[dict[str, Any]]] = {"comm": [], "fork": [], "exit": [], "mmap": []}
        self.truth: list[str] = []
        self._next_pid = 100
        self._seq = 0

    def start(self) -> int:
        """A process that execs under the recorder's eyes and maps 64 anonymous pages."""
        pid = self._pid()
        self.tasks[pid] = Task(pid)
        self._side("comm", tgid=pid, tid=pid, comm=b"toy", is_exec=True)
        self._side("mmap", tgid=pid, tid=pid, start_addr=BASE, size_bytes=64 * PAGE, pgoff=0, prot=3, flags=2, path=b"//anon", is_data=True)
        return pid

    def fork(self, pid: int) -> int:
        child = self._pid()
        parent = self.tasks[pid]
        for frame in parent.pages.values():
            frame.owners += 1
        parent.writable.clear()
        self.tasks[child] = Task(child, dict(parent.pages))
        self._side("fork", tgid=child, parent_tgid=pid, tid=child, parent_tid=pid)
        return child

    def exit(self, pid: int) -> None:
        for frame in self.tasks.pop(pid).pages.values():
            frame.owners -= 1
        self._side("exit", tgid=pid, parent_tgid=1, tid=pid, parent_tid=1)

    def write(self, pid: int, page: int) -> None:
        task = self.tasks[pid]
        if page in task.writable:
            return
        frame = task.pages.get(page)
        if frame is None:
            task.pages[page] = Frame()
            self._fault(pid, page, 6, "anon_zero")
        elif frame.owners > 1:
            frame.owners -= 1
            task.pages[page] = Frame()
            self._fault(pid, page, 7, "cow_copy")
        else:
            self._fault(pid, page, 7, "cow_reuse")
        task.writable.add(page)

    def _fault(self, pid: int, page: int, code: int, kind: str) -> None:
        at = {"tgid": pid, "tid": pid, "addr": BASE + page * PAGE + 8, "ip": 0x401000, "period": 1, "cpumode": 2, "cpu": 0}
        for event, extra in ((EXC, {"f": {"error_code": code, "address": at["addr"]}}), (ENTRY, {}), (MINOR, {})):
            self.now += 100
            self.lines.append({"event": event, "ts_ns": self.now, **at, **extra})
        self.truth.append(kind)

    def _side(self, table: str, **row: Any) -> None:
        self.now += 100
        self._seq += 1
        self.side[table].append({"seq": self._seq, "ts_ns": self.now, **row})

    def _pid(self) -> int:
        self._next_pid += 1
        return self._next_pid
