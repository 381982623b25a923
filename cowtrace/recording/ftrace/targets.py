"""Which tasks ftrace records, and what /proc knows of tasks that live already when the recording begins."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from cowtrace.recording.ftrace.instance import Instance

#: Threads born while the list is written are caught by reading again; ``event-fork`` takes care of all later ones.
_ROUNDS = 10


def follow(instance: Instance, pids: Iterable[int], *, graph: bool, proc: Path = Path("/proc")) -> list[str]:
    """Restrict an instance to processes, all their threads, and the children to come.

    Returns:
        What the kernel refused, one sentence each.
    """
    refused = []
    # before the pids: no child may slip through in between
    for option in ("event-fork", *(["function-fork"] if graph else [])):
        if why := instance.try_write(f"options/{option}", "1"):
            refused.append(f"ftrace: children are not followed (option {option}: {why})")
    files = ["set_event_pid", *(["set_ftrace_pid"] if graph else [])]
    known: set[int] = set()
    for _ in range(_ROUNDS):
        tids = {tid for pid in pids for tid in threads(pid, proc)} - known
        if not tids:
            break
        for file in files:
            if why := instance.try_write(file, " ".join(map(str, sorted(tids))) + "\n", append=bool(known)):
                refused.append(f"ftrace: {file} refused the processes: {why}")
        known |= tids
    return list(dict.fromkeys(refused))


def threads(pid: int, proc: Path = Path("/proc")) -> list[int]:
    """Thread ids of a process; empty when it is gone."""
    try:
        return sorted(int(name) for name in os.listdir(proc / str(pid) / "task") if name.isdigit())
    except OSError:
        return []


def living(pids: Iterable[int], proc: Path = Path("/proc")) -> tuple[dict[int, int], dict[int, bytes]]:
    """tgid and comm by tid.

    Args:
        pids: Processes; none for all.
        proc: Where to read.
    """
    tgids: dict[int, int] = {}
    comms: dict[int, bytes] = {}
    for pid in list(pids) or [int(name) for name in os.listdir(proc) if name.isdigit()]:
        for tid in threads(pid, proc):
            try:
                comm = (proc / str(pid) / "task" / str(tid) / "comm").read_bytes().removesuffix(b"\n")
            except OSError:
                continue  # it ended meanwhile
            tgids[tid] = pid
            comms[tid] = comm
    return tgids, comms
