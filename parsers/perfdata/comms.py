"""The comm of a task at a time: what its name was when something happened.

Source: tools/perf/util/machine.c and thread.c (thread__set_comm, thread__fork). COMM sets the name of a tid, FORK gives the child the
parent's name of that moment and ends whatever an earlier task of the same tid was called; EXIT changes nothing. tid 0 is the idle task.
Records without a time were made up by the recorder for what already ran: they hold from the start.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from cowtrace.parsers.base import EventBatch, SideBand
from cowtrace.parsers.words import Index

_UNKNOWN = -1
#: tids below this are looked up in a table (the kernel's limit is 2^22).
_TABLE_TIDS = 1 << 22


class CommTable:
    """All names of a recording by tid and time.

    Args:
        side_band: The tables ``comm`` and ``fork`` are used.
    """

    def __init__(self, side_band: SideBand) -> None:
        comm, fork = side_band.comm, side_band.fork
        names = comm["comm"].unique(maintain_order=True)
        self.names: list[bytes] = [b"swapper", *(name for name in names.to_list())]
        codes = {name: code for code, name in enumerate(self.names)}
        own = np.array([codes[name] for name in comm["comm"].to_list()], np.int64)
        tid = np.concatenate([_column(comm, "tid"), _column(fork, "tid")])
        parent = np.concatenate([np.full(comm.height, _UNKNOWN), _column(fork, "parent_tid")])
        code = np.concatenate([own, np.full(fork.height, _UNKNOWN)])
        is_fork = np.repeat([False, True], [comm.height, fork.height])
        ts_ns = np.concatenate([_column(comm, "ts_ns"), _column(fork, "ts_ns")])
        seq = np.concatenate([_column(comm, "seq"), _column(fork, "seq")])
        order = np.lexsort((seq, ts_ns))
        tid, parent, code, is_fork, ts_ns = tid[order], parent[order], code[order], is_fork[order], ts_ns[order]
        # Rows by tid; within a tid by time. ``rank`` is the place of a row in time, which decides who was first.
        by_tid = np.argsort(tid, kind="stable")
        self._tids, starts = np.unique(tid[by_tid], return_index=True)
        self._starts = np.append(starts, len(tid))
        self._times = ts_ns[by_tid]
        self._ranks = by_tid
        self._rank_of_tid = _rank_table(self._tids)
        self._codes = self._resolve(parent[by_tid], code[by_tid], is_fork[by_tid])
        self._unknown: dict[int, int] = {}

    def _resolve(self, parent: Index, code: Index, is_fork: npt.NDArray[np.bool_]) -> Index:
        """Code of every row: that of a FORK is the one its parent's latest row before it has."""
        source = np.arange(len(code))
        forks = np.flatnonzero(is_fork)
        found = self._latest(parent[forks], self._ranks[forks], self._ranks, inclusive=False)
        source[forks] = np.where(found >= 0, found, forks)
        code = np.where(is_fork & (parent == 0), 0, code)
        while True:
            # Each round doubles the length of the chains that are followed.
            following = source[source]
            if (following == source).all():
                return code[source]
            source = following

    def _latest(self, tids: Index, moments: Index, keys: Index, *, inclusive: bool) -> Index:
        """Last row of each tid whose key is below (or at) its moment; -1 without one."""
        place = self._place(tids)
        known = place >= 0
        low = np.where(known, self._starts[place], 0)
        high = np.where(known, self._starts[place + 1], 0)
        first = low
        for _ in range(int((high - low).max(initial=0)).bit_length()):
            middle = (low + high) >> 1
            key = np.take(keys, middle, mode="clip") if len(keys) else middle
            ahead = (low < high) & ((key <= moments) if inclusive else (key < moments))
            low, high = np.where(ahead, middle + 1, low), np.where(ahead, high, middle)
        return np.where(low > first, low - 1, _UNKNOWN)

    def _place(self, tids: Index) -> Index:
        if self._rank_of_tid is not None:
            inside = (tids >= 0) & (tids < len(self._rank_of_tid))
            return np.where(inside, np.take(self._rank_of_tid, tids, mode="clip"), _UNKNOWN)
        place = np.searchsorted(self._tids, tids)
        place[place == len(self._tids)] = 0
        return np.where(self._tids[place] == tids, place, _UNKNOWN)

    def lookup(self, batch: EventBatch) -> tuple[npt.NDArray[np.int32], list[bytes]]:
        """Names of a batch's tasks.

        Returns:
            ``(codes, names)``: the name of row ``i`` is ``names[codes[i]]``. The list only grows from call to call.
            A task without a known name is ``b":<tid>"``.
        """
        if "tid" not in batch.columns:
            return np.full(batch.count, self._code_of_unknown(-1), np.int32), self.names
        tids = batch.columns["tid"].astype(np.int64)
        times = batch.columns.get("ts_ns", np.full(batch.count, np.iinfo(np.int64).max))
        times = np.where(times < 0, np.iinfo(np.int64).max, times)
        # Samples come in runs of one tid. When its name is the same at both ends of a run, it is so within.
        firsts = np.flatnonzero(np.append(True, tids[1:] != tids[:-1])) if len(tids) else np.empty(0, np.int64)
        lasts = np.append(firsts[1:], len(tids)) - 1 if len(tids) else firsts
        begin = self._lookup(tids[firsts], times[firsts])
        codes = np.repeat(begin, lasts - firsts + 1)
        changing = self._lookup(tids[lasts], times[lasts]) != begin
        if changing.any():
            rows = np.flatnonzero(np.repeat(changing, lasts - firsts + 1))
            codes[rows] = self._lookup(tids[rows], times[rows])
        return codes.astype(np.int32), self.names

    def _lookup(self, tids: Index, times: Index) -> Index:
        row = self._latest(tids, times, self._times, inclusive=True)
        codes = np.where(row >= 0, np.take(self._codes, row, mode="clip"), _UNKNOWN) if len(self._codes) else row
        codes = np.where(tids == 0, 0, codes)
        missing = np.unique(tids[codes == _UNKNOWN])
        for tid in missing.tolist():
            codes[(tids == tid) & (codes == _UNKNOWN)] = self._code_of_unknown(tid)
        return codes

    def _code_of_unknown(self, tid: int) -> int:
        if tid not in self._unknown:
            self._unknown[tid] = len(self.names)
            self.names.append(b":%d" % tid)
        return self._unknown[tid]


def _column(frame: pl.DataFrame, name: str) -> Index:
    return frame[name].cast(pl.Int64).to_numpy()


def _rank_table(tids: Index) -> npt.NDArray[np.int32] | None:
    if not len(tids) or tids[0] < 0 or tids[-1] >= _TABLE_TIDS:
        return None
    table = np.full(int(tids[-1]) + 1, _UNKNOWN, np.int32)
    table[tids] = np.arange(len(tids), dtype=np.int32)
    return table
