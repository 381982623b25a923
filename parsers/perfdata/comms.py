"""The comm of a task at a time: what its name was when something happened.

Source: tools/perf/util/machine.c and thread.c (thread__set_comm, thread__fork). COMM sets the name of a tid, FORK gives the child the
parent's name of that moment and ends whatever an earlier task of the same tid was called; EXIT changes nothing. tid 0 is the idle task.

Records without a time were made up by the recorder for what already ran: they hold from the start. Some recorders write them at the
end (``--tail-synthesize``, ``--overwrite``): they tell the last name then, and count only for a tid that never got another one.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from cowtrace.parsers.base import EventBatch, SideBand
from cowtrace.parsers.perfdata.batch import PerfBatch
from cowtrace.parsers.words import Index

_UNKNOWN = -1
#: Code of tid 0.
_SWAPPER = 0
#: tids below this are looked up in a table (the kernel's limit is 2^22).
_TABLE_TIDS = 1 << 22


class CommTable:
    """All names of a recording.

    Args:
        side_band: The tables ``comm`` and ``fork`` are used.

    Attributes:
        names: Name by code; grows when a lookup meets a task without a name.
    """

    def __init__(self, side_band: SideBand) -> None:
        comm = side_band.comm
        self.names: list[bytes] = [b"swapper", *comm["comm"].unique(maintain_order=True).to_list()]
        # A task that calls itself swapper has a code of its own: 0 stays the idle task's.
        codes = pl.DataFrame({"comm": self.names[1:], "code": range(1, len(self.names))}, {"comm": pl.Binary, "code": pl.Int64})
        sets = comm.join(codes, on="comm", how="left", maintain_order="left").select(
            "seq", "ts_ns", "tid", "code", parent=pl.lit(_UNKNOWN, pl.Int64), is_fork=pl.lit(False)
        )
        forks = side_band.fork.select(
            "seq", "ts_ns", "tid", pl.lit(_UNKNOWN, pl.Int64).alias("code"), parent="parent_tid", is_fork=pl.lit(True)
        )
        self._rows = pl.concat([sets, forks], how="vertical_relaxed")
        self._unknown: dict[int, int] = {}

    @cached_property
    def _by_time(self) -> _Names:
        timed = pl.col("ts_ns") >= 0
        is_late = ~timed & (pl.col("seq") > pl.col("seq").filter(timed).min().over("tid"))
        return _Names(self._rows.filter(~is_late.fill_null(False)).sort("ts_ns", "seq"), "ts_ns")

    @cached_property
    def _by_position(self) -> _Names:
        return _Names(self._rows.sort("seq"), "seq")

    def lookup(self, batch: EventBatch) -> tuple[npt.NDArray[np.int32], list[bytes]]:
        """Names of a batch's tasks.

        Returns:
            ``(codes, names)``: the name of row ``i`` is ``names[codes[i]]``. The list only grows from call to call.
            A task without a known name is ``b":<tid>"``.
        """
        tids = batch.columns["tid"].astype(np.int64) if "tid" in batch.columns else np.full(batch.count, -1)
        names, moments = self._by_time, batch.columns.get("ts_ns")
        if moments is None and isinstance(batch, PerfBatch) and batch.seq is not None:
            names, moments = self._by_position, batch.seq
        if moments is None:
            moments = np.full(batch.count, np.iinfo(np.int64).max)
        # Samples come in runs of one tid. When its name is the same at both ends of a run, it is so within.
        firsts = np.flatnonzero(np.diff(tids, prepend=tids[:1] - 1))
        lasts = np.append(firsts, len(tids))[1:] - 1
        codes = names.codes(tids[firsts], moments[firsts])
        changes = names.codes(tids[lasts], moments[lasts]) != codes
        codes = np.repeat(codes, lasts - firsts + 1)
        if changes.any():
            rows = np.flatnonzero(np.repeat(changes, lasts - firsts + 1))
            codes[rows] = names.codes(tids[rows], moments[rows])
        self._name_unknown(codes, tids)
        return codes.astype(np.int32), self.names

    def _name_unknown(self, codes: Index, tids: Index) -> None:
        rows = np.flatnonzero(codes == _UNKNOWN)
        distinct, place = np.unique(tids[rows], return_inverse=True)
        for tid in distinct.tolist():
            if tid not in self._unknown:
                self._unknown[tid] = len(self.names)
                self.names.append(b":%d" % tid)
        codes[rows] = np.array([self._unknown[tid] for tid in distinct.tolist()], np.int64)[place]


class _Names:
    """Codes by tid and moment.

    Args:
        rows: Changes of name, in order.
        moment: Column with the moments that lookups use.
    """

    def __init__(self, rows: pl.DataFrame, moment: str) -> None:
        tid, parent, code = (rows[name].cast(pl.Int64).to_numpy() for name in ("tid", "parent", "code"))
        # Grouped by tid, in order within. ``rank`` is a row's place among all of them: it tells what was first where times are equal.
        rank = np.argsort(tid, kind="stable")
        self._tids, starts = np.unique(tid[rank], return_index=True)
        self._starts = np.append(starts, len(tid))
        self._moments = rows[moment].to_numpy()[rank]
        self._table = _place_table(self._tids)
        self._codes = self._inherited(parent[rank], code[rank], rows["is_fork"].to_numpy()[rank], rank)

    def codes(self, tids: Index, moments: Index) -> Index:
        """Code of each tid at its moment; ``_UNKNOWN`` without one."""
        row = self._latest(tids, moments, self._moments, inclusive=True)
        known = np.append(self._codes, _UNKNOWN)[row]
        return np.where(tids == 0, _SWAPPER, known)

    def _inherited(self, parent: Index, code: Index, is_fork: npt.NDArray[np.bool_], rank: Index) -> Index:
        """Code of every row: that of a FORK is the one its parent's latest row before it has."""
        source = np.arange(len(code))
        forks = np.flatnonzero(is_fork)
        before = self._latest(parent[forks], rank[forks], rank, inclusive=False)
        source[forks] = np.where(before == _UNKNOWN, forks, before)
        code = np.where(is_fork & (parent == 0), _SWAPPER, code)
        source[is_fork & (parent == 0)] = np.flatnonzero(is_fork & (parent == 0))
        while True:
            # Each round doubles the length of the chains of forks that are followed.
            further = source[source]
            if (further == source).all():
                return code[source]
            source = further

    def _latest(self, tids: Index, moments: Index, keys: Index, *, inclusive: bool) -> Index:
        """Last row of each tid whose key is below, or at, its moment; ``_UNKNOWN`` without one."""
        place = self._place(tids)
        low = np.append(self._starts[:-1], 0)[place]
        high = np.append(self._starts[1:], 0)[place]
        first = low
        for _ in range(int((high - low).max(initial=0)).bit_length()):
            middle = (low + high) >> 1
            key = keys.take(middle, mode="clip")
            ahead = (low < high) & ((key <= moments) if inclusive else (key < moments))
            low, high = np.where(ahead, middle + 1, low), np.where(ahead, high, middle)
        return np.where(low > first, low - 1, _UNKNOWN)

    def _place(self, tids: Index) -> Index:
        """Index of each tid, -1 for one without rows."""
        if self._table is not None:
            # Negative and large tids meet the table's last entry, which is nobody's.
            outside = (tids < 0) | (tids >= len(self._table))
            return self._table[np.where(outside, -1, tids)]
        place = np.searchsorted(self._tids, tids)
        known = np.append(self._tids, np.iinfo(np.int64).max)[place] == tids
        return np.where(known, place, _UNKNOWN)


def _place_table(tids: Index) -> Index | None:
    some = tids[tids >= 0]
    if len(some) < len(tids) or (len(some) and some[-1] >= _TABLE_TIDS):
        return None
    table = np.full(int(some.max(initial=0)) + 2, _UNKNOWN, np.int64)
    table[some] = np.arange(len(some))
    return table
