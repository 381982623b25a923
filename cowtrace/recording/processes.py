"""Which processes descend from which, read from /proc."""

from __future__ import annotations

import os
from pathlib import Path


def parents(proc: Path = Path("/proc")) -> dict[int, int]:
    """Parent of every process that can be seen: tgid -> parent's tgid."""
    found: dict[int, int] = {}
    for name in os.listdir(proc):
        if name.isdigit():
            try:
                stat = (proc / name / "stat").read_bytes()
            except OSError:
                continue  # it ended meanwhile
            # pid (comm) state ppid ...; comm may hold blanks and parentheses (fs/proc/array.c do_task_stat)
            fields = stat.rpartition(b")")[2].split()
            if len(fields) > 1:
                found[int(name)] = int(fields[1])
    return found


def descendants(root: int, proc: Path = Path("/proc")) -> list[int]:
    """Children of a process, their children and so on, parents first; without the process itself."""
    children: dict[int, list[int]] = {}
    for pid, parent in sorted(parents(proc).items()):
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    waiting = list(children.get(root, ()))
    while waiting:
        pid = waiting.pop(0)
        found.append(pid)
        waiting.extend(children.get(pid, ()))
    return found


def start_time(pid: int, proc: Path = Path("/proc")) -> int | None:
    """When a process began, in clock ticks since boot: with the id it names one process for good. None when it is gone or a zombie."""
    try:
        fields = (proc / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    # state is field 3, starttime field 22 of man 5 proc_pid_stat
    return int(fields[19]) if len(fields) > 19 and fields[0] not in (b"Z", b"X") else None


def owner(pid: int, proc: Path = Path("/proc")) -> int | None:
    """User id that a process runs as; None when it is gone."""
    try:
        return (proc / str(pid)).stat().st_uid
    except OSError:
        return None
