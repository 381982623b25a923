"""What the calls of fault handlers tell of the faults of a batch: path, access, outcome."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cowtrace.attribution import roles as R
from cowtrace.attribution.asof import Int
from cowtrace.attribution.facts import NO, UNKNOWN, YES
from cowtrace.attribution.pairing import Faults
from cowtrace.attribution.spans import functions as C
from cowtrace.attribution.spans import marks as M
from cowtrace.attribution.spans import path as P
from cowtrace.attribution.spans.builder import Built
from cowtrace.attribution.version import release

_FILE_PATHS = (P.FILE, P.FILE_COPIED, P.FILE_MAPPED, P.FILE_SHARED)
_MINOR_PATHS = (
    P.ANON, P.ANON_FILLED, P.ANON_LARGE, P.ZERO_MAPPED, P.ZERO_REPLACED, P.WP, P.WP_COPIED, P.WP_REUSED, P.WP_MADE_WRITABLE, P.THP,
    P.THP_FILLED, P.THP_WP, P.THP_REUSED, P.THP_ZERO_REPLACED, P.SPLIT, P.SPLIT_COPIED, P.SPLIT_REUSED,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Calls:
    """Columns of one value a fault.

    Attributes:
        path: P.NO_CALL .. P.UFFD.
        marks: Marks of its handler calls.
        end_ns: When the last of them returned, -1 without.
        shown: Marks of all calls of the recording so far.
        retries_are_major: A handler is tried again only after it dropped the mmap lock (before 6.4): such faults count as major.
    """

    path: Int
    marks: Int
    end_ns: Int
    shown: int
    retries_are_major: bool

    def access(self, write: Int | int, present: Int | int) -> tuple[Int, Int]:
        """``write`` and ``present``, filled in where they are UNKNOWN."""
        by_flags = np.where(self.marks & M.WROTE != 0, YES, np.where(self.marks & M.READ != 0, NO, UNKNOWN))
        by_path = np.where(np.isin(self.path, list(P.PRESENT)), YES, np.where(np.isin(self.path, list(P.ABSENT)), NO, UNKNOWN))
        return np.where(np.asarray(write) == UNKNOWN, by_flags, write), np.where(np.asarray(present) == UNKNOWN, by_path, present)

    def outcome(self, major: Int | int, exit_ns: Int | int) -> tuple[Int, Int]:
        """``major`` and ``exit_ns``, filled in where they are not known."""
        returned = self.marks & M.RETURNED != 0
        read = (self.marks >> C.READ_SWAP | self.marks >> C.READ_FILE) & 1 != 0
        retried = self.marks & (M.TRIED_AGAIN | M.TRIED) != 0
        told = returned | (self.marks & M.TRIED != 0)
        is_file = np.isin(self.path, _FILE_PATHS)
        surely = read | (retried & is_file & self.retries_are_major)
        never = ~retried & (np.isin(self.path, _MINOR_PATHS) | (is_file & bool(self.shown >> C.FILEMAP & 1)))
        by_return = np.where(self.marks & (M.MAJOR | M.TRIED) != 0, YES, NO)
        guess = np.where(told, by_return, np.where(surely, YES, np.where(never, NO, UNKNOWN)))
        return np.where(np.asarray(major) == UNKNOWN, guess, major), np.where(np.asarray(exit_ns) < 0, self.end_ns, exit_ns)


class CallsSeen:
    """Over the batches of a recording: which threads are seen calling fault handlers, since when.

    Args:
        kernel: Kernel release.
        lossy: Events were lost: that no call is there does not say that there was none.
    """

    def __init__(self, kernel: str | None, lossy: bool) -> None:
        self._retries_are_major = release(kernel) < (6, 4)
        self._lossy = lossy
        self._since: dict[int, int] = {}
        self._shown = 0

    def see(self, faults: Faults, built: Built | None) -> Calls:
        """The calls of a batch's faults."""
        assert faults.marks is not None and faults.end_ns is not None
        self._shown = self._shown if built is None else built.shown
        path = P.paths(faults.marks, self._shown)
        path[(faults.marks == 0) & self._surely_none(faults)] = P.NOT_CALLED
        return Calls(path, faults.marks, faults.end_ns, self._shown, self._retries_are_major)

    def _surely_none(self, faults: Faults) -> np.ndarray:
        """bool: the thread's calls before and after the fault are recorded, so one of its own would be too."""
        rows, none = faults.rows, np.zeros(len(faults.start), np.bool_)
        if self._lossy or rows.seq is None:
            return none
        call = np.flatnonzero(rows.role == R.SPAN)
        tid, last = np.unique(rows.tid[call][::-1], return_index=True)
        _, first = np.unique(rows.tid[call], return_index=True)
        for thread, seq in zip(tid.tolist(), rows.seq[call[first]].tolist(), strict=True):
            self._since.setdefault(thread, seq)
        if not len(tid):
            return none
        since = np.array([self._since[thread] for thread in tid.tolist()], np.int64)
        until = rows.seq[call[len(call) - 1 - last]]
        place = np.minimum(np.searchsorted(tid, rows.tid[faults.start]), len(tid) - 1)
        seq = rows.seq[faults.start]
        result: np.ndarray = (tid[place] == rows.tid[faults.start]) & (since[place] < seq) & (seq < until[place])
        return result
