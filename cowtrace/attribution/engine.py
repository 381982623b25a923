"""Attribution of a recording, batch by batch, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cowtrace.attribution import facts as F
from cowtrace.attribution import roles as R
from cowtrace.attribution.asof import Int
from cowtrace.attribution.calls import CloneCalls
from cowtrace.attribution.facts import NO, UNKNOWN, YES, Facts, encode
from cowtrace.attribution.hidden import huge_first_touches
from cowtrace.attribution.history import VFORKED, History
from cowtrace.attribution.lookup import VerdictTable
from cowtrace.attribution.mappings import Mappings
from cowtrace.attribution.observe import Observed, made_by, observe
from cowtrace.attribution.pages import ANON_FRAME, BLOCK_SHIFT, HUGE_FRAME, UNSEEN, Frame, PageHistory, frame_of
from cowtrace.attribution.pairing import Faults, pair
from cowtrace.attribution.roles import assign_roles
from cowtrace.attribution.rows import Rows, decode_rows
from cowtrace.attribution.sharing import Sharing
from cowtrace.attribution.stacks import StackTable
from cowtrace.parsers.base import EventBatch, EventDesc, SideBand, SourceInfo

_CLONE_VM, _CLONE_THREAD = 0x100, 0x10000  # include/uapi/linux/sched.h
_CHARGED = ("cow_copy", "cow_reuse", "thp_split", "thp_reuse", "hugetlb_cow")


@dataclass(slots=True)
class Attributed:
    """Faults of a batch with their verdicts; arrays of one value a fault, in order of entry time."""

    faults: Faults
    seen: Observed
    comm: Int
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
    """

    def __init__(self, info: SourceInfo, events: Sequence[EventDesc], side: SideBand) -> None:
        self.events = list(events)
        self.roles = assign_roles(self.events)
        self.history = History(side)
        self.mappings = Mappings(self.history, side.mmap)
        self.verdicts = VerdictTable()
        self.stacks = StackTable()
        self.calls = CloneCalls()
        bits = self.mappings.page_bits
        self.pages = PageHistory(bits)
        # keys of whole huge blocks: page keys without their low bits
        self.blocks, self.splits = PageHistory(bits - BLOCK_SHIFT), PageHistory(bits - BLOCK_SHIFT)
        self.space_of = np.arange(len(self.history.lives.tgid))
        self._sharing: Sharing | None = None
        self._uffd_tgids: set[int] = set()
        self._waiting: Rows | None = None
        self._old_thp = YES if _release(info.kernel_release) < (5, 8) else NO
        self._folios_copy = _release(info.kernel_release) < (6, 15)
        self._trusts_rss = _release(info.kernel_release) >= (6, 2)
        self._has_chains = any(event.has_callchain for event in self.events)

    def decode(self, batch: EventBatch) -> Rows:
        """The columns of a batch that attribution needs; may run ahead of ``feed`` in another thread."""
        return decode_rows(batch, self.roles, self.events, self.stacks.assign if self._has_chains else None)

    def feed(self, rows: Rows | None) -> Attributed | None:
        """Attribute the rows of a batch; None at the end of the recording, for what still waits.

        Returns:
            The faults that can be told now; those still open wait for the next call.
        """
        final = rows is None
        waiting, self._waiting = self._waiting, None
        if rows is None or waiting is not None:
            rows = waiting if rows is None else rows.after(waiting) if waiting is not None else rows
        if rows is None or not len(rows):
            return None
        self._learn(rows)
        faults, self._waiting = pair(rows, self.roles, final=final)
        if not len(faults.start):
            return None
        comm, mm = self.history.fill_tasks(rows.tid[faults.start], faults.start, rows.ts_ns)
        seen = observe(faults, self.roles, self.mappings, mm)
        verdict, fork_id, side = self._judge(faults, seen, mm)
        order = np.argsort(faults.start, kind="stable")
        return _in_order(Attributed(faults, seen, comm, mm, verdict, fork_id, side), order)

    def prune(self, now_ns: int) -> None:
        """Forget the pages of address spaces that nobody can share any more."""
        for log in (self.pages, self.blocks, self.splits):
            log.prune(self.history.lives, now_ns)

    def _learn(self, rows: Rows) -> None:
        """Threads that only samples mention, vfork children, userfaultfd users, clone calls."""
        self.history.ensure(*_threads(rows))
        known = len(self.history.lives.tgid)
        if known != len(self.space_of):
            self.space_of = np.r_[self.space_of, np.arange(len(self.space_of), known)]
            self._sharing = None
        if rows.first is not None and rows.second is not None:
            task = np.flatnonzero((rows.role == R.NEWTASK) & ((rows.second & (_CLONE_VM | _CLONE_THREAD)) == _CLONE_VM))
            child = self.history.life_at(rows.first[task], rows.ts_ns[task])
            lives = self.history.lives
            child = child[(child >= 0)]
            child = child[lives.parent[child] >= 0]
            if len(child):
                lives.how[child] = VFORKED
                self.space_of[child] = self.space_of[lives.parent[child]]
                self._sharing = None
        for tgid in np.unique(rows.tgid[rows.role == R.UFFD]).tolist():
            self._uffd_tgids.add(tgid)
        self.calls.add(rows)

    def sharing(self) -> Sharing:
        """The sharing questions over all that is known by now."""
        if self._sharing is None:
            self._sharing = Sharing(self.history.lives, self.space_of, self.pages, self.blocks)
        return self._sharing

    def _judge(self, faults: Faults, seen: Observed, mm: Int) -> tuple[Int, Int, Int]:
        count = len(mm)
        sharing = self.sharing()
        known = (mm >= 0) & (seen.addr >= 0) & seen.has_addr & (seen.addr < 1 << (self.pages.page_bits + 12))
        space = np.where(known, self.space_of[np.maximum(mm, 0)], 0)
        page = np.where(known, seen.addr >> 12, 0)
        key = (space << self.pages.page_bits) | page
        rss = np.where(faults.order != -2, faults.rss, F.RSS_UNKNOWN) if self.roles.has_rss and self._trusts_rss else np.full(count, F.RSS_UNKNOWN)
        if self.roles.has_rss and not self.roles.has_alloc and self._trusts_rss:
            rss = np.where(seen.exited == YES, faults.rss, F.RSS_UNKNOWN)
        order = np.lexsort((seen.ts_ns, key))
        lost_race = _lost_races(seen, faults, key, order)
        made = np.where(known & (lost_race == NO), made_by(seen, rss), UNSEEN)
        neighbours = _neighbours(seen, key, order, known)
        betrayer = np.flatnonzero(known & (seen.present == YES) & (seen.before == F.NOT_RECORDED) & (seen.alloc == F.ALLOC_UNKNOWN))
        self._remember(order, key, seen, made)
        if len(betrayer):
            self._uncover(betrayer, order, key, space, page, seen, made, neighbours)
        facts = Facts(
            before=seen.before, after=seen.after, same_frame=seen.same_frame, exited=seen.exited, write=seen.write,
            present=seen.present, major=seen.major, vma=seen.vma, writable=seen.writable, can_be_huge=seen.can_be_huge,
            alloc=seen.alloc, rss=rss, lost_race=lost_race, old_thp=self._old_thp, uffd=self._uses_uffd(mm),
            complete=np.where(known & sharing.watched[space], YES, NO),
        )  # fmt: skip
        no_tables = seen.same_frame == UNKNOWN
        asked = np.flatnonzero(known & (seen.present != NO) & (seen.exited != NO))
        frame = frame_of(self.pages, self.history.lives, self.space_of, space[asked], page[asked], seen.ts_ns[asked])
        frame = self._with_blocks(frame, space[asked], page[asked], seen.ts_ns[asked])
        origin = np.zeros(count, np.int64)
        origin[asked] = frame.made
        state = np.zeros(count, np.int64)
        decides = no_tables[asked] & (seen.present[asked] == YES) & (seen.alloc[asked] == F.ALLOC_UNKNOWN)
        for holders in (False, True):
            part = np.flatnonzero(decides == holders)
            at = asked[part]
            state[at] = sharing.state(frame.take(part), space[at], page[at], seen.ts_ns[at], holders=holders)
        if self._folios_copy:
            # up to 6.14 a base page of a split huge page is copied even by its last owner
            split = asked[frame.by_block & (frame.made == ANON_FRAME)]
            state[split] = np.where(state[split] == F.LAST_OWNER, F.SHARED, state[split])
        facts = replace(facts, origin=origin, sharing=state, neighbours=neighbours)
        verdict = self.verdicts.lookup(encode(facts, count))
        fork_id, side = np.full(count, -1, np.int64), np.zeros(count, np.int64)
        charged = self.verdicts.kind_in(_CHARGED)[verdict[asked]]
        at = asked[charged]
        owed = frame.take(np.flatnonzero(charged))
        copied = ~self.verdicts.kind_in(("cow_reuse", "thp_reuse"))[verdict[at]]
        fork_id[at], side[at] = sharing.charge(owed, space[at], seen.ts_ns[at], copied)
        return verdict, fork_id, side

    def _uses_uffd(self, mm: Int) -> Int | int:
        if not self._uffd_tgids:
            return NO
        tgid = self.history.lives.tgid[np.maximum(mm, 0)]
        return np.where(np.isin(tgid, list(self._uffd_tgids)) & (mm >= 0), YES, NO)

    def _remember(self, order: Int, key: Int, seen: Observed, made: Int) -> None:
        small = order[(made[order] != UNSEEN) & (made[order] != HUGE_FRAME)]
        self.pages.add(key[small], seen.ts_ns[small], made[small])
        huge = order[made[order] == HUGE_FRAME]
        block = key >> BLOCK_SHIFT
        self.blocks.add(block[huge], seen.ts_ns[huge], made[huge])
        if self.blocks.used:
            self._remember_splits(order, block, seen, made)

    def _remember_splits(self, order: Int, block: Int, seen: Observed, made: Int) -> None:
        split = order[(made[order] == ANON_FRAME) & (seen.present[order] == YES)]
        split = split[np.lexsort((seen.ts_ns[split], block[split]))]
        self.splits.add(block[split], seen.ts_ns[split], made[split])

    def _uncover(
        self, betrayer: Int, order: Int, key: Int, space: Int, page: Int, seen: Observed, made: Int, neighbours: Int
    ) -> None:
        """Find the first touches that must have mapped huge pages, and remember them as such."""
        lives, block = self.history.lives, key >> BLOCK_SHIFT
        frame = frame_of(self.pages, lives, self.space_of, space[betrayer], page[betrayer], seen.ts_ns[betrayer])
        watched = self.sharing().watched[space[betrayer]]
        huge = huge_first_touches(seen, block, self.blocks.page_bits, betrayer, frame, watched, neighbours)
        if not len(huge):
            return
        seen.after[huge] = F.BIG
        first = huge[np.lexsort((seen.ts_ns[huge], block[huge]))]
        self.blocks.add(block[first], seen.ts_ns[first], np.full(len(first), HUGE_FRAME))
        self._remember_splits(order, block, seen, made)

    def _with_blocks(self, frame: Frame, space: Int, page: Int, ts: Int) -> Frame:
        """Let a huge page that came later than the page's own frame (or alone) take its place, unless it was split since."""
        if not self.blocks.used or not len(space):
            return frame
        block = page >> BLOCK_SHIFT
        lives = self.history.lives
        blocks = frame_of(self.blocks, lives, self.space_of, space, block, ts)
        splits = frame_of(self.splits, lives, self.space_of, space, block, ts)
        wins = (blocks.made == HUGE_FRAME) & ((frame.made == UNSEEN) | (blocks.ts > frame.ts))
        made = np.where((splits.made != UNSEEN) & (splits.ts > blocks.ts), ANON_FRAME, HUGE_FRAME)
        return Frame(
            np.where(wins, blocks.owner, frame.owner), np.where(wins, blocks.ts, frame.ts), np.where(wins, made, frame.made), wins
        )


def _threads(rows: Rows) -> tuple[Int, Int]:
    """The distinct threads of a batch: (tid, tgid)."""
    # threads run for a while: their changes are far fewer than rows
    change = np.flatnonzero(np.r_[True, (rows.tid[1:] != rows.tid[:-1]) | (rows.tgid[1:] != rows.tgid[:-1])])
    tid, first = np.unique(rows.tid[change], return_index=True)
    return tid, rows.tgid[change][first]


def _lost_races(seen: Observed, faults: Faults, key: Int, order: Int) -> Int:
    """Faults of two threads on one page at one time that saw the same outcome: only the first to finish did the work."""
    lost = np.full(len(key), NO)
    if len(key) < 2 or not (seen.frame_after != 0).any():
        return lost
    first, second = order[:-1], order[1:]
    overlap = (key[first] == key[second]) & (seen.ts_ns[second] < seen.exit_ns[first])
    overlap &= (seen.frame_after[first] == seen.frame_after[second]) & (seen.frame_after[first] != 0)
    overlap &= faults.rows.tid[faults.start[first]] != faults.rows.tid[faults.start[second]]
    first, second = first[overlap], second[overlap]
    late = np.where(seen.exit_ns[second] >= seen.exit_ns[first], second, first)
    lost[late] = YES
    return lost


def _neighbours(seen: Observed, key: Int, order: Int, known: np.ndarray) -> Int:
    """YES where at least two different pages of a huge block were faulted in one by one within this batch.

    Args:
        order: Rows by key.
    """
    result = np.full(len(key), NO)
    touched = order[(known & (seen.present != YES) & (seen.before == F.NOT_RECORDED))[order]]
    if not len(touched):
        return result
    page = key[touched]
    block = page >> BLOCK_SHIFT
    first = np.flatnonzero(np.r_[True, block[1:] != block[:-1]])
    pages = np.add.reduceat(np.r_[True, page[1:] != page[:-1]].astype(np.int64), first)
    result[touched] = np.where(np.repeat(pages, np.diff(np.r_[first, len(touched)])) > 1, YES, NO)
    return result


def _in_order(a: Attributed, order: Int) -> Attributed:
    faults = replace(
        a.faults, start=a.faults.start[order], exit=a.faults.exit[order], exception=a.faults.exception[order], order=a.faults.order[order],
        zeroed=a.faults.zeroed[order], alloc_count=a.faults.alloc_count[order], rss=a.faults.rss[order],
    )  # fmt: skip
    columns: dict[str, Any] = {
        name: value[order] if isinstance(value := getattr(a.seen, name), np.ndarray) else value for name in a.seen.__dataclass_fields__
    }
    return Attributed(
        faults, Observed(**columns), a.comm[order], a.mm[order], a.verdict[order], a.fork_id[order], a.fork_side[order]
    )


def _release(text: str | None) -> tuple[int, int]:
    """``6.18.44-x -> (6, 18)``; unknown kernels count as current."""
    parts = (text or "").split(".")
    try:
        return int(parts[0]), int("".join(c for c in parts[1] if c.isdigit()) or 0)
    except (IndexError, ValueError):
        return (99, 0)
