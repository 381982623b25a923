"""Thread groups: the tgid of a tid at a time, from what the recording tells.

A ring buffer event names its thread only. A thread belongs to the group of the thread that created it, and to one group all its life; a
process is a group of its own; so is whoever execs. Facts of one life hold for all of it, and for every thread that is tied to it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cowtrace.parsers.ftrace.facts import PROCESS, THREAD, TID_MAX, Facts
from cowtrace.parsers.words import Array, Index

UNKNOWN = -1
_BEFORE, _END = np.iinfo(np.int64).min, np.iinfo(np.int64).max
#: Threads created by threads are followed this many doublings deep; a loop, which only damage can make, is left there.
_ROUNDS = 64


class Groups:
    """Answers for whole columns.

    Args:
        facts: Of the whole recording, its births told once (``once``).
        saved: Last known tgid by tid: holds for the last life of a tid, unless the recording tells better.
    """

    def __init__(self, facts: Facts, saved: Mapping[int, int]) -> None:
        births, execs, members = facts.table("births"), facts.table("execs"), facts.table("members")
        kept = np.array([pair for pair in saved.items() if max(pair) <= TID_MAX], np.int64).reshape(-1, 2)
        mentioned = (births["tid"], births["parent_tid"], execs["tid"], execs["old_tid"], members["tid"], kept[:, 0])
        self._build_lives(np.concatenate(mentioned), births["tid"], births["ts_ns"])
        born = self._life(births["tid"], births["ts_ns"])
        self._root = self._find_roots(born, births)
        self._tgid = np.full(len(self._tid), UNKNOWN, np.int64)
        self._learn(self._life(kept[:, 0], np.full(len(kept), _END)), kept[:, 1])
        self._learn(self._life(members["tid"], members["ts_ns"]), members["tgid"])
        # A thread that execs becomes the leader: its own tid is gone then, and the tid of the group goes on.
        self._learn(self._life(execs["old_tid"], execs["ts_ns"]), execs["tid"])
        self._learn(self._life(execs["tid"], execs["ts_ns"]), execs["tid"])
        self._learn(np.where(births["how"] == PROCESS, born, -1), births["tid"])
        self._tgid = self._tgid[self._root]

    def find(self, tid: Array, ts_ns: Array) -> Index:
        """tgid of threads at times, ``UNKNOWN`` where the recording does not tell: int64."""
        # no life, -1, is the last entry
        tgid = self._tgid.take(self._life(tid.astype(np.int64), ts_ns), mode="wrap")
        return np.where(tid == 0, 0, tgid)

    def _build_lives(self, mentioned: Index, tid: Index, since: Index) -> None:
        """One life for each birth, and before the first one for what was there before: tid and begin, sorted by both."""
        every = np.unique(mentioned)
        every = every[(every > 0) & (every <= TID_MAX)]
        tid = np.append(every, tid)
        since = np.append(np.full(len(every), _BEFORE), since)
        order = np.lexsort((since, tid))
        # One entry more, of no tid, ends every search.
        self._tid, self._since = np.append(tid[order], -1), np.append(since[order], _END)
        first = np.flatnonzero(np.diff(self._tid, prepend=-1))[: len(every)]
        self._first_life = np.full(int(every[-1]) + 2 if len(every) else 1, -1, np.int32)
        self._first_life[self._tid[first]] = first
        counts = np.diff(np.append(first, len(order)))
        self._last_life = np.append(np.repeat(first + counts - 1, counts), len(order))

    def _life(self, tid: Index, ts_ns: Index) -> Index:
        """Number of the life, -1 without one."""
        # the entries to which impossible tids are clipped, the first and the last, are -1
        life = self._first_life.take(tid, mode="clip").astype(np.int64)
        rows = np.flatnonzero((life >= 0) & (self._last_life.take(life) > life))
        low, high, when = life[rows], self._last_life.take(life[rows]), ts_ns[rows]
        while (low < high).any():  # halving what is left of the lives of each tid
            middle = (low + high + 1) >> 1
            begun = self._since.take(middle) <= when
            low, high = np.where(begun, middle, low), np.where(begun, high, middle - 1)
        life[rows] = low
        return life

    def _find_roots(self, born: Index, births: dict[str, Array]) -> Index:
        """For every life the one at the end of its chain of creating threads, all of one group."""
        root = np.arange(len(self._tid))
        parent = self._life(births["parent_tid"], births["ts_ns"])
        tied = (births["how"] == THREAD) & (parent >= 0)
        root[born[tied]] = parent[tied]
        for _ in range(_ROUNDS):
            above = root[root]
            if (above == root).all():
                break
            root = above
        return root

    def _learn(self, life: Index, tgid: Array) -> None:
        """Note groups of lives; -1 for no life."""
        known = (life >= 0) & (tgid > 0) & (tgid <= TID_MAX)
        self._tgid[self._root[life[known]]] = tgid[known]
