"""Collects how full huge pages are: which base pages of each are still all zero.

Writes inside a huge page raise no fault, so a recording alone can't say what the program would have touched without huge pages. Looking at
the memory itself can: a page that holds anything but zeros was written. A page that was written with zeros looks untouched; few are.

Looking costs processor time beside the workload: at most a fifth of one CPU, however much memory there is. The pages are read through
/proc/PID/mem, which takes a reference for a moment; a write in this moment to a page that was shared by fork may copy where it would reuse.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cowtrace.recording.collector import Collector, Scene
from cowtrace.recording.host import Host
from cowtrace.recording.processes import start_time

#: From one look to the next, and what looking may take of the time.
INTERVAL_S, DUTY = 0.01, 0.2
#: Longest look: more huge pages wait for the next one.
LOOK_S = 0.05
#: Rest of a block after a look that found nothing new.
_FIRST_REST_NS = 20_000_000
#: Blocks kept; a recording of more says so.
MOST_BLOCKS = 50_000

PAGE, HUGE = 4096, 2 << 20
_ZERO = bytes(PAGE)
# include/uapi/linux/fs.h
_PAGEMAP_SCAN = 0xC0606610
_IS_FILE, _IS_PFNZERO, _IS_HUGE = 1 << 2, 1 << 5, 1 << 6
_REGIONS = 512
#: The end of user memory with four levels of page tables; nothing lies above unless a program asks for it.
_TASK_SIZE = (1 << 47) - PAGE


class _Region(ctypes.Structure):
    _fields_ = (("start", ctypes.c_uint64), ("end", ctypes.c_uint64), ("categories", ctypes.c_uint64))


class _ScanArgument(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in (
            *("size", "flags", "start", "end", "walk_end", "vec", "vec_len", "max_pages"),
            *("category_inverted", "category_mask", "category_anyof_mask", "return_mask"),
        )
    )


@dataclass(slots=True)
class _Block:
    """One huge page of one process, from when it was first seen to when it was gone or the recording ended."""

    tgid: int
    addr: int
    first_ns: int
    last_ns: int = 0
    first_written: int = 0
    empty: list[int] | None = None  # base pages that were zero at the last look
    rest_ns: int = 0  # not looked into again before so long: twice as long after each look that found nothing new

    @property
    def written(self) -> int:
        return HUGE // PAGE - len(self.empty or ())


class Occupancy(Collector):
    """``huge_page_occupancy`` in recording.json: columns and rows, one row for each huge page that was seen.

    Args:
        host: Where /proc lies.
    """

    def __init__(self, host: Host) -> None:
        super().__init__()
        self._host = host
        self._due_s = 0.0
        # one buffer for all reads: a fresh one of this size would cost 512 page faults each time
        self._buffer = bytearray(HUGE)
        self._live: dict[tuple[int, int, int], _Block] = {}
        self._gone: list[_Block] = []
        self._looks = 0
        self._spent_s = 0.0

    def start(self, scene: Scene) -> None:
        super().start(scene)
        self._due_s = time.monotonic()

    def tick(self, now_s: float) -> float | None:
        if self.notes:
            return None
        if now_s >= self._due_s:
            self._look(now_s)
            after_s = time.monotonic()
            self._looks += 1
            self._spent_s += after_s - now_s
            self._due_s = now_s + max(INTERVAL_S, (after_s - now_s) / DUTY)
        return self._due_s

    def stop(self) -> None:
        if not self.notes and not self.scene.is_command:
            self._look(time.monotonic())

    def facts(self) -> dict[str, Any]:
        blocks = [*self._gone, *self._live.values()]
        return {
            "huge_page_occupancy": {
                "columns": ["tgid", "addr", "first_ns", "first_written_pages", "last_ns", "last_written_pages"],
                "rows": [[b.tgid, b.addr, b.first_ns, b.first_written, b.last_ns, b.written] for b in blocks if b.empty is not None],
                "looks": self._looks,
                "spent_ns": round(self._spent_s * 1e9),
            }
        }

    def _look(self, now_s: float) -> None:
        seen: set[tuple[int, int, int]] = set()
        complete = True
        for pid in self._processes():
            born = start_time(pid, self._host.path("proc"))
            if born is None:
                continue
            for addr in self._huge_pages(pid):
                key = (pid, born, addr)
                seen.add(key)
                if key not in self._live:
                    if len(self._live) + len(self._gone) >= MOST_BLOCKS:
                        self.note(f"occupancy: only the first {MOST_BLOCKS} huge pages were looked at")
                        return
                    self._live[key] = _Block(pid, addr, time.monotonic_ns())
        for key in [key for key in self._live if key not in seen]:
            self._gone.append(self._live.pop(key))
        # those that were looked at longest ago first; a full one needs no further look
        now_ns = time.monotonic_ns()
        due = [key for key, block in self._live.items() if block.empty != [] and now_ns >= block.last_ns + block.rest_ns]
        waiting = sorted(due, key=lambda key: self._live[key].last_ns)
        for pid, keys in _by_pid(waiting):
            complete = complete and time.monotonic() < now_s + LOOK_S
            if not complete:
                return
            self._read(pid, keys, now_s + LOOK_S)

    def _read(self, pid: int, keys: list[tuple[int, int, int]], deadline_s: float) -> None:
        try:
            memory = os.open(self._host.path(f"proc/{pid}/mem"), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            for key in keys:
                block = self._live[key]
                with suppress(OSError):  # unmapped meanwhile
                    if os.preadv(memory, [self._buffer], block.addr) == HUGE:
                        _update(block, self._buffer)
                if time.monotonic() > deadline_s:
                    return
        finally:
            os.close(memory)

    def _processes(self) -> Iterator[int]:
        """The recorded processes and those below them, by the kernel's own lists of children."""
        waiting = list(self.scene.pids)
        while waiting:
            pid = waiting.pop()
            yield pid
            tasks = self._host.path(f"proc/{pid}/task")
            try:
                for task in os.listdir(tasks):
                    waiting += map(int, (tasks / task / "children").read_text().split())
            except OSError:
                continue  # it ended meanwhile

    def _huge_pages(self, pid: int) -> Iterator[int]:
        """Addresses of a process's anonymous memory that is mapped by huge pages (PAGEMAP_SCAN, fs/proc/task_mmu.c)."""
        try:
            pagemap = os.open(self._host.path(f"proc/{pid}/pagemap"), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        except OSError as error:
            self.note(f"occupancy: huge pages of other processes can't be looked into: {error.strerror}")
            return
        regions = (_Region * _REGIONS)()
        argument = _ScanArgument(size=ctypes.sizeof(_ScanArgument), end=_TASK_SIZE, vec=ctypes.addressof(regions), vec_len=_REGIONS)
        argument.category_inverted = _IS_FILE | _IS_PFNZERO
        argument.category_mask = _IS_HUGE | _IS_FILE | _IS_PFNZERO
        argument.return_mask = _IS_HUGE
        try:
            count = fcntl.ioctl(pagemap, _PAGEMAP_SCAN, argument)
        except ProcessLookupError:
            return
        except OSError:
            self.note("occupancy: this kernel can't list huge pages (PAGEMAP_SCAN came with Linux 6.7)")
            return
        finally:
            os.close(pagemap)
        for region in regions[:count]:
            start = (region.start + HUGE - 1) // HUGE * HUGE
            yield from range(start, region.end - HUGE + 1, HUGE)


def _update(block: _Block, data: bytearray) -> None:
    pages = range(HUGE // PAGE) if block.empty is None else block.empty
    is_first = block.empty is None
    block.empty = [page for page in pages if data[page * PAGE : page * PAGE + PAGE] == _ZERO]
    block.rest_ns = 0 if is_first or len(block.empty) < len(pages) else max(_FIRST_REST_NS, 2 * block.rest_ns)
    block.last_ns = time.monotonic_ns()
    if is_first:
        block.first_ns, block.first_written = block.last_ns, block.written


def _by_pid(keys: list[tuple[int, int, int]]) -> Iterator[tuple[int, list[tuple[int, int, int]]]]:
    groups: dict[int, list[tuple[int, int, int]]] = {}
    for key in keys:
        groups.setdefault(key[0], []).append(key)
    yield from groups.items()
