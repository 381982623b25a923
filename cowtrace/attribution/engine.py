"""Attribution of a recording, batch by batch, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cowtrace.attribution import roles as R
from cowtrace.attribution.asof import Int
from cowtrace.attribution.calls import CloneCalls
from cowtrace.attribution.history import VFORKED, History
from cowtrace.attribution.judge import Judge
from cowtrace.attribution.lookup import VerdictTable
from cowtrace.attribution.mappings import Mappings
from cowtrace.attribution.memory_calls import MemoryCalls
from cowtrace.attribution.moves import MoveCalls
from cowtrace.attribution.observe import Observed, observe
from cowtrace.attribution.pairing import Faults, Pending, pair
from cowtrace.attribution.roles import assign_roles
from cowtrace.attribution.rows import Rows, decode_rows
from cowtrace.attribution.spans.builder import Built
from cowtrace.attribution.spans.calls import CallsSeen
from cowtrace.attribution.spans.join import in_order
from cowtrace.attribution.stacks import StackTable
from cowtrace.parsers.base import EventBatch, EventDesc, SideBand, SourceInfo

_CLONE_VM, _CLONE_THREAD = 0x100, 0x10000  # include/uapi/linux/sched.h


@dataclass(slots=True)
class Attributed:
    """Faults of a batch with their verdicts; arrays of one value a fault, in order of entry time."""

    faults: Faults
    seen: Observed
    comm: np.ndarray  # int32
    mm: Int
    verdict: Int  # row of VerdictTable
    fork_id: Int  # -1: none
    fork_side: Int  # 0 parent, 1 child


class Engine:
    """Turns batches of events into attributed faults.

    Args:
        info: Facts about the source (kernel release).
        events: Events of the recording.
        side: Its side band.
        has_spans: Calls of fault handlers are recorded: ``feed`` gets them with each batch.
    """

    def __init__(self, info: SourceInfo, events: Sequence[EventDesc], side: SideBand, *, has_spans: bool = False) -> None:
        self.events = list(events)
        self.roles = assign_roles(self.events)
        self.roles.has_spans = has_spans
        #: Evidence of verdicts from calls: stacks of the function tracer are call chains.
        self.evidence_of_calls = "span"
        # a lost event looks like none
        self.roles.until_next &= not len(side.lost)
        self.history = History(side)
        self.mappings = Mappings(self.history, side.mmap)
        self.verdicts = VerdictTable()
        self.stacks = StackTable()
        self.calls = CloneCalls()
        self.memory_calls = MemoryCalls()
        self._moves = MoveCalls()
        self._judge = Judge(self.roles, self.history, self.mappings, self.verdicts, info.kernel_release)
        self._calls = CallsSeen(info.kernel_release, bool(len(side.lost)))
        self._waiting: Rows | None = None
        self._has_chains = any(event.has_callchain for event in self.events)

    def decode(self, batch: EventBatch) -> Rows:
        """The columns of a batch that attribution needs; may run ahead of ``feed`` in another thread."""
        return decode_rows(batch, self.roles, self.events, self.stacks.assign if self._has_chains else None)

    def feed(self, rows: Rows | None, built: Built | None = None) -> Attributed | None:
        """Attribute the rows of a batch; None at the end of the recording, for what still waits.

        Args:
            rows: As ``decode`` gave them, with the handler calls that the batch completed among them (``spans.join``).
            built: The calls that the batch completed.

        Returns:
            The faults that can be told now; those still open wait for the next call.
        """
        final = rows is None
        waiting, self._waiting = self._waiting, None
        if rows is None:
            rows = waiting
        elif waiting is not None:
            rows = in_order(rows.after(waiting))
        if rows is None or not len(rows):
            return None
        self._learn(rows)
        pending = None if built is None else Pending(built.open_tids, built.first_seq)
        faults, self._waiting = pair(rows, self.roles, final=final, pending=pending)
        if not len(faults.start):
            return None
        comm, mm = self._who(faults)
        space, page, by_page = self._judge.places(faults, mm)
        calls = None if faults.marks is None else self._calls.see(faults, built)
        seen = observe(faults, self.roles, self.mappings, mm, by_page, calls)
        verdict, fork_id, side = self._judge.judge(faults, seen, mm, space, page, by_page)
        return Attributed(faults, seen, comm, mm, verdict, fork_id, side)

    def prune(self, now_ns: int) -> None:
        """Forget the pages of address spaces that nobody can share any more."""
        self._judge.prune(now_ns)

    def _who(self, faults: Faults) -> tuple[np.ndarray, Int]:
        rows, order = faults.rows, faults.by_thread
        start = order if len(order) == len(rows) else faults.start[order]
        comm, mm = np.empty(len(start), np.int32), np.empty(len(start), np.int64)
        comm[order], mm[order] = self.history.fill_tasks(rows.tid[start], start, rows.ts_ns)
        nameless = np.flatnonzero(comm < 0)
        if len(nameless):
            # first seen before whatever names it: its number is all there is
            comm[nameless] = self.history.number_names(rows.tid[faults.start[nameless]])
        return comm, mm

    def _learn(self, rows: Rows) -> None:
        """Threads that only samples mention, vfork children, userfaultfd users, clone calls."""
        self.history.ensure(*_threads(rows))
        self._judge.grow()
        if rows.first is not None and rows.second is not None and self.roles.names(R.NEWTASK):
            task = np.flatnonzero((rows.role == R.NEWTASK) & ((rows.second & (_CLONE_VM | _CLONE_THREAD)) == _CLONE_VM))
            child = self.history.life_at(rows.first[task], rows.ts_ns[task])
            lives = self.history.lives
            child = child[child >= 0]
            child = child[lives.parent[child] >= 0]
            if len(child):
                lives.how[child] = VFORKED
                self._judge.share_space(child)
        if self.roles.names(R.UFFD):
            self._judge.uffd_tgids.update(np.unique(rows.tgid[rows.role == R.UFFD]).tolist())
        if self.roles.names(R.CLONE_ENTER):
            self.calls.add(rows)
        if self.roles.names(R.MUNMAP) or self.roles.names(R.MADVISE) or self.roles.names(R.MREMAP_EXIT):
            self.memory_calls.add(rows)
        if self.roles.until_next:
            self.roles.alloc_seen |= bool((rows.role == R.ALLOC).any())
            self.roles.rss_seen |= bool((rows.role == R.RSS).any())
        if self.roles.names(R.MREMAP_EXIT):
            moves = self._moves.completed(rows)
            if len(moves.ts_ns):
                self.mappings.move(moves)


def _threads(rows: Rows) -> tuple[Int, Int]:
    """The distinct threads of a batch: (tid, tgid)."""
    # threads run for a while: their changes are far fewer than rows
    change = np.flatnonzero(np.r_[True, (rows.tid[1:] != rows.tid[:-1]) | (rows.tgid[1:] != rows.tgid[:-1])])
    tid, first = np.unique(rows.tid[change], return_index=True)
    return tid, rows.tgid[change][first]
