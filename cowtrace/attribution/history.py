"""Who lived when: address spaces, forks and thread names, from the side band of a recording.

A *life* is one address space of a process: from fork or exec to exec or exit (the grain of table ``process``; its row number is
``mm_id``). FORK records are written after the page tables were copied, EXIT records after the address space is gone, COMM records with the
exec bit after the old space was replaced (kernel/events/core.c, fs/exec.c:begin_new_exec).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from cowtrace.attribution.asof import ALWAYS, AsOf, Int
from cowtrace.parsers.base import SideBand
from cowtrace.text import decode_name

#: Time of an end that the recording did not see.
NEVER = np.iinfo(np.int64).max

FORKED, EXECED, SEEN, VFORKED = range(4)
HOW = ("fork", "exec", "seen", "vfork")


@dataclass(slots=True)
class Lives:
    """Columns of the address spaces; ``mm_id`` is the row number. ``start_ns`` ALWAYS and ``end_ns`` NEVER mean: not seen.

    ``parent`` is the mm_id that was forked or replaced (-1: none); ``how`` as in HOW; ``execed``: ended by exec.
    """

    tgid: Int
    start_ns: Int
    end_ns: Int
    parent: Int
    how: Int
    execed: np.ndarray[Any, np.dtype[np.bool_]]


class History:
    """Process history, answerable for whole columns.

    Args:
        side: Side band of the recording.
    """

    def __init__(self, side: SideBand) -> None:
        fork = _columns(side.fork, "ts_ns", "seq", "tgid", "parent_tgid", "tid")
        comm = _columns(side.comm.select("ts_ns", "seq", "tgid", "tid", pl.col("is_exec").cast(pl.Int8)), *_COMM)
        exits = _columns(side.exit, "ts_ns", "tgid", "tid")
        self.comm_names, comm_code = _encode(side.comm["comm"])
        self._numbered: dict[int, int] = {}
        for column in (fork, comm, exits):
            column["ts_ns"] = np.where(column["ts_ns"] < 0, ALWAYS, column["ts_ns"])
        self._task_tid = np.concatenate([fork["tid"], comm["tid"]])
        self._task_ts = np.concatenate([fork["ts_ns"], comm["ts_ns"]])
        self._task_tgid = np.concatenate([fork["tgid"], comm["tgid"]])
        self._task_seq = np.concatenate([fork["seq"], comm["seq"]])
        self._task_comm = np.concatenate([np.full(len(fork["tid"]), -1, np.int64), comm_code])
        self._fork_parent_tid = np.concatenate(
            [side.fork["parent_tid"].to_numpy().astype(np.int64), np.full(len(comm["tid"]), -1, np.int64)]
        )
        mapped = side.mmap["tgid"].unique().to_numpy().astype(np.int64)
        self.lives = _build_lives(fork, comm, exits, mapped)
        self._index_lives()
        self._index_tasks()

    def life_at(self, tgid: Int, ts: Int) -> Int:
        """mm_id of processes at times, -1 where the process is not known to exist then."""
        return self._lives_asof.find(tgid, ts)

    def ensure(self, tid: Int, tgid: Int) -> None:
        """Make threads known that only samples mention; the two arrays name distinct threads."""
        known = np.isin(tid, self._known_tids, assume_unique=False)
        fresh_tgid = np.setdiff1d(tgid[tgid >= 0], self.lives.tgid)
        if len(fresh_tgid):
            self.lives = _append_seen(self.lives, fresh_tgid)
            self._index_lives()
        if not known.all():
            new, first = np.unique(tid[~known], return_index=True)
            names = [b"swapper" if value == 0 else f":{value}".encode() for value in new.tolist()]
            codes = len(self.comm_names) + np.arange(len(new))
            self.comm_names += [decode_name(name) for name in names]
            self._task_tid = np.concatenate([self._task_tid, new])
            self._task_ts = np.concatenate([self._task_ts, np.full(len(new), ALWAYS)])
            self._task_seq = np.concatenate([self._task_seq, np.full(len(new), -1, np.int64)])
            self._task_tgid = np.concatenate([self._task_tgid, tgid[~known][first]])
            self._task_comm = np.concatenate([self._task_comm, codes])
            self._fork_parent_tid = np.concatenate([self._fork_parent_tid, np.full(len(new), -1, np.int64)])
        if len(fresh_tgid) or not known.all():
            self._index_tasks()

    def fill_tasks(self, tid_sorted: Int, row: Int, ts_in_time_order: Int) -> tuple[np.ndarray, Int]:
        """comm code and mm_id for rows in thread order.

        Args:
            tid_sorted: int64[n], ascending.
            row: int64[n], number of each row in time order, ascending within a tid.
            ts_in_time_order: int64[n], non-decreasing: the time of row number ``i``.

        Returns:
            (comm code, mm_id): int32[n], int64[n]; -1 where unknown.
        """
        count = len(tid_sorted)
        first = np.flatnonzero(np.r_[True, tid_sorted[1:] != tid_sorted[:-1]])
        tids = tid_sorted[first]
        start_ts, end_ts = ts_in_time_order[0], ts_in_time_order[-1]
        at_start = self._tasks_asof.find(tids, np.full(len(tids), start_ts))
        low, high = np.searchsorted(self._sorted_ts, [start_ts, end_ts + 1])
        inside = self._by_time[low:high]
        slot = np.searchsorted(tids, self._task_tid[inside])
        known = (slot < len(tids)) & (tids[np.minimum(slot, len(tids) - 1)] == self._task_tid[inside])
        inside, slot = inside[known], slot[known]
        when = np.searchsorted(ts_in_time_order, self._task_ts[inside], side="left")
        end = np.append(first[1:], count)[slot]
        at = _first_from(row, first[slot], end, when)
        alive = at < end
        # rows from one cut to the next are of one state; its place in the sorted task table grows within a thread
        cut = np.concatenate([first, at[alive]])
        place = np.concatenate([np.where(at_start >= 0, self._task_place[at_start], -1), self._task_place[inside[alive]]])
        order = np.lexsort((place, cut))
        cut, place = cut[order], np.maximum.accumulate(place[order])
        latest = np.flatnonzero(np.r_[cut[1:] != cut[:-1], True])
        cut, place = cut[latest], place[latest]
        chosen = self._place_task[np.maximum(place, 0)]
        # table order is (tid, time): a place carried over the end of a thread is of another tid
        valid = (place >= 0) & (self._task_tid[chosen] == tid_sorted[cut])
        length = np.diff(np.append(cut, count))
        comm, mm = (np.where(valid, state[chosen], -1) for state in (self._task_state, self._task_mm))
        return np.repeat(comm.astype(np.int32), length), np.repeat(mm, length)

    def comm_at(self, tid: Int, ts: Int) -> Int:
        """comm code of threads at times, in any order; -1 where nothing names them."""
        task = self._tasks_asof.find(np.maximum(tid, 0), ts)
        return (
            np.where((task >= 0) & (tid >= 0), self._task_state[np.maximum(task, 0)], -1)
            if len(self._task_state)
            else np.full(len(tid), -1)
        )

    def number_names(self, tid: Int) -> Int:
        """comm codes ``:<tid>``, as perf names a thread that nothing names."""
        distinct, place = np.unique(tid, return_inverse=True)
        for value in distinct.tolist():
            if value not in self._numbered:
                self._numbered[value] = len(self.comm_names)
                self.comm_names.append(f":{value}")
        codes = np.array([self._numbered[value] for value in distinct.tolist()], np.int64)
        return codes[place]

    def comm_at_end(self) -> Int:
        """comm code of each life's main thread when the life ended; ``:<tgid>`` where it was never named: int64[n]."""
        lives = self.lives
        # an exec's COMM has the time at which the old life ended: look just before it
        just_before = np.where(lives.end_ns == NEVER, NEVER, lives.end_ns - lives.execed)
        task = self._tasks_asof.find(lives.tgid, just_before)
        code = np.where(task >= 0, self._task_state[np.maximum(task, 0)], -1)
        unnamed = np.flatnonzero(code < 0)
        code[unnamed] = self.number_names(lives.tgid[unnamed])
        return code

    def _index_lives(self) -> None:
        self._lives_asof = AsOf(self.lives.tgid, self.lives.start_ns)

    def _index_tasks(self) -> None:
        # (tid, time, file order); ties keep FORK before COMM
        order = np.lexsort((self._task_seq, self._task_ts, self._task_tid))
        self._place_task = order
        self._task_place = np.empty(len(order), np.int64)
        self._task_place[order] = np.arange(len(order))
        self._by_time = np.argsort(self._task_ts, kind="stable")
        self._sorted_ts = self._task_ts[self._by_time]
        self._tasks_asof = _TaskAsOf(self._task_tid[order], self._task_ts[order], order)
        self._known_tids = np.unique(self._task_tid)
        self._task_mm = self.life_at(self._task_tgid, self._task_ts)
        self._task_state = self._resolve_comms()

    def _resolve_comms(self) -> Int:
        """comm code after each task row: COMM sets it, FORK takes the forking thread's at that moment."""
        state = self._task_comm.copy()
        pending = np.flatnonzero(state < 0)
        if not len(pending):
            return state
        origin = self._tasks_asof.find(self._fork_parent_tid[pending], self._task_ts[pending])
        # chains of forks without a COMM in between resolve in as many rounds as the chain is long
        while len(pending):
            value = np.where(origin >= 0, state[np.maximum(origin, 0)], -2)
            waiting = value == -1
            state[pending[~waiting]] = value[~waiting]
            if waiting.all():
                state[pending] = -2
                break
            pending, origin = pending[waiting], origin[waiting]
        unnamed = np.flatnonzero(state == -2)
        if len(unnamed):
            state[unnamed] = len(self.comm_names) + np.arange(len(unnamed))
            self.comm_names += [f":{tid}" for tid in self._task_tid[unnamed].tolist()]
            self._task_comm[unnamed] = state[unnamed]
        return state


def _first_from(values: Int, low: Int, high: Int, limit: Int) -> Int:
    """First position in each [low, high) with a value of at least ``limit``, else ``high``; values ascend within a range."""
    low, high = low.copy(), high.copy()
    while (searching := low < high).any():
        middle = (low + high) >> 1
        below = values[np.minimum(middle, len(values) - 1)] < limit
        low = np.where(searching & below, middle + 1, low)
        high = np.where(searching & ~below, middle, high)
    return low


class _TaskAsOf:
    """AsOf over rows already sorted by (tid, time, seq), giving original row numbers."""

    def __init__(self, tid: Int, ts: Int, order: Int) -> None:
        self._asof = AsOf(tid, ts)
        self._order = order

    def find(self, tid: Int, ts: Int) -> Int:
        found = self._asof.find(tid, ts)
        return np.where(found >= 0, self._order[np.maximum(found, 0)], -1)


_COMM = ("ts_ns", "seq", "tgid", "tid", "is_exec")


def _columns(table: pl.DataFrame, *names: str) -> dict[str, Int]:
    return {name: table[name].to_numpy().astype(np.int64) for name in names}


def _encode(names: pl.Series) -> tuple[list[str], Int]:
    distinct = names.unique(maintain_order=True)
    codes = (
        names.replace_strict(distinct, np.arange(len(distinct)), return_dtype=pl.Int64).to_numpy() if len(names) else np.empty(0, np.int64)
    )
    return [decode_name(name) for name in distinct.to_list()], codes.astype(np.int64)


def _build_lives(fork: dict[str, Int], comm: dict[str, Int], exits: dict[str, Int], mapped: Int) -> Lives:
    born = np.flatnonzero((fork["tgid"] != fork["parent_tgid"]) & (fork["ts_ns"] != ALWAYS))
    execs = np.flatnonzero((comm["is_exec"] == 1) & (comm["ts_ns"] != ALWAYS))
    tgid = np.concatenate([fork["tgid"][born], comm["tgid"][execs]])
    start = np.concatenate([fork["ts_ns"][born], comm["ts_ns"][execs]])
    seq = np.concatenate([fork["seq"][born], comm["seq"][execs]])
    how = np.concatenate([np.full(len(born), FORKED), np.full(len(execs), EXECED)])
    forker = np.concatenate([fork["parent_tgid"][born], np.full(len(execs), -1)])
    # whoever is mentioned before a birth of its own was there already
    everyone = np.unique(np.concatenate([tgid, mapped, *(table["tgid"] for table in (fork, comm, exits)), fork["parent_tgid"]]))
    first_birth = np.full(len(everyone), -1, np.int64)
    np.maximum.at(first_birth, np.searchsorted(everyone, fork["tgid"][born]), 1)
    seen = everyone[(first_birth < 0) & (everyone >= 0)]
    tgid = np.concatenate([seen, tgid])
    start = np.concatenate([np.full(len(seen), ALWAYS), start])
    seq = np.concatenate([np.full(len(seen), -1), seq])
    how = np.concatenate([np.full(len(seen), SEEN), how])
    forker = np.concatenate([np.full(len(seen), -1), forker])
    order = np.lexsort((seq, start))
    tgid, start, how, forker = tgid[order], start[order], how[order], forker[order]
    lives = Lives(tgid, start, np.full(len(tgid), NEVER), np.full(len(tgid), -1), how, np.zeros(len(tgid), np.bool_))
    _link(lives, forker, exits)
    return lives


def _link(lives: Lives, forker: Int, exits: dict[str, Int]) -> None:
    """Fill ends and parents: a life ends at the next exec of its tgid or at the last EXIT of its threads."""
    by_tgid = np.lexsort((np.arange(len(lives.tgid)), lives.tgid))
    same = lives.tgid[by_tgid][1:] == lives.tgid[by_tgid][:-1]
    before, after = by_tgid[:-1][same], by_tgid[1:][same]
    replaced = lives.how[after] == EXECED
    lives.end_ns[before[replaced]] = lives.start_ns[after[replaced]]
    lives.execed[before[replaced]] = True
    lives.parent[after[replaced]] = before[replaced]
    asof = AsOf(lives.tgid, lives.start_ns)
    owner = asof.find(exits["tgid"], exits["ts_ns"])
    valid = (owner >= 0) & (exits["ts_ns"] != ALWAYS)
    last_exit = np.full(len(lives.tgid), ALWAYS)
    np.maximum.at(last_exit, owner[valid], exits["ts_ns"][valid])
    # an EXIT of the main thread, or of the last thread seen, ends a life that no exec ended
    lives.end_ns[:] = np.where(~lives.execed & (last_exit != ALWAYS), last_exit, lives.end_ns)
    forked = np.flatnonzero(lives.how == FORKED)
    lives.parent[forked] = asof.find(forker[forked], lives.start_ns[forked])


def _append_seen(lives: Lives, tgid: Int) -> Lives:
    count = len(tgid)
    return Lives(
        np.concatenate([lives.tgid, tgid]),
        np.concatenate([lives.start_ns, np.full(count, ALWAYS)]),
        np.concatenate([lives.end_ns, np.full(count, NEVER)]),
        np.concatenate([lives.parent, np.full(count, -1)]),
        np.concatenate([lives.how, np.full(count, SEEN)]),
        np.concatenate([lives.execed, np.zeros(count, np.bool_)]),
    )
