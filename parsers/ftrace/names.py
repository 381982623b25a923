"""Names of tasks over time, from births, renames, execs, sightings and the last known names."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.ftrace.facts import BORN, COMM_BYTES, EXECED, RENAMED, SEEN, TID_MAX
from cowtrace.parsers.words import Array, Index

#: What perf calls the idle tasks; ftrace gives them all tid 0.
IDLE = b"swapper"


def history(names: dict[str, Array], births: dict[str, Array]) -> dict[str, Array]:
    """Every change of a name: ts_ns, seq, tid, comm, kind; in file order.

    The first name of a task whose birth was not recorded holds since the start (ts_ns and seq -1): a rename says the old name, and a
    task is seen with the name that it has. Before an exec nothing is known, unless the old name was seen.

    Args:
        names: Facts of the recording.
        births: Births, told once.
    """
    own_birth = np.isin(names["seq"], births["seq"] + 1)  # the name stands right behind the birth
    valid = (names["tid"] > 0) & (names["tid"] <= TID_MAX) & ((names["kind"] != BORN) | own_birth)
    order = np.flatnonzero(valid)
    order = order[np.lexsort((names["seq"][order], names["ts_ns"][order], names["tid"][order]))]
    tid, kind, comm = names["tid"][order], names["kind"][order], _exec_names(names, order)
    ts_ns, seq = names["ts_ns"][order], names["seq"][order]
    same = np.zeros(len(order), bool)
    same[1:] = (tid[1:] == tid[:-1]) & (comm[1:] == comm[:-1]).all(axis=1)
    keep = np.flatnonzero(((kind == BORN) | (kind == EXECED) | ~same) & comm.any(axis=1))
    is_first = np.append(True, tid[1:] != tid[:-1]) if len(tid) else np.empty(0, bool)
    since_start = is_first & (kind == SEEN)
    ts_ns[since_start] = seq[since_start] = -1
    keep = keep[np.argsort(seq[keep], kind="stable")]
    return {"ts_ns": ts_ns[keep], "seq": seq[keep], "tid": tid[keep], "comm": comm[keep], "kind": kind[keep]}


def _exec_names(names: dict[str, Array], order: Index) -> Array:
    """The comms in the order given; that of an exec is the last part of its path (fs/exec.c: begin_new_exec).

    For a program that was opened before it was executed the path says only the descriptor, ``/dev/fd/7``. The kernel renamed the task
    just before the exec, so the last rename since birth or exec has the name then.
    """
    tid, kind, comm = names["tid"][order], names["kind"][order], names["comm"][order]
    if not len(order):
        return comm
    text = comm.view(np.uint8).reshape(-1, COMM_BYTES)
    says_nothing = (kind == EXECED) & ((text == 0) | ((text >= ord("0")) & (text <= ord("9")))).all(axis=1)
    place = np.arange(len(order))
    starts = np.append(True, tid[1:] != tid[:-1])
    bound = np.maximum.accumulate(np.where(starts | (kind == BORN) | (kind == EXECED), place, -1))
    # the bound before a row; it may be a rename itself, when that is the first row of its task
    bound = np.append(-1, bound[:-1])
    rename = np.maximum.accumulate(np.where(kind == RENAMED, place, -1))
    renamed = np.flatnonzero(says_nothing & ~starts & (rename >= bound) & (rename >= 0))
    comm[renamed] = comm[rename[renamed]]
    return comm


def last_known(cmdlines: Mapping[int, bytes], named: Index, is_seen: npt.NDArray[np.bool_]) -> list[tuple[int, bytes]]:
    """tid and name of tasks that the events name nowhere.

    Args:
        cmdlines: Last known names.
        named: tids that have a name.
        is_seen: Whether a tid occurs in the events, by tid.
    """
    known = set(named.tolist())
    rows = [(tid, comm) for tid, comm in sorted(cmdlines.items()) if 0 < tid < len(is_seen) and is_seen[tid] and tid not in known]
    return ([(0, IDLE)] if is_seen[0] else []) + rows


def comm_bytes(comm: Array) -> list[bytes]:
    """Names of 16 bytes without their padding."""
    return [raw.rstrip(b"\0") for raw in np.ascontiguousarray(comm).view(f"V{COMM_BYTES}").ravel().tolist()] if len(comm) else []
