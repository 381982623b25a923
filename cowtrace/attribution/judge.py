"""Page state and verdicts of a batch: what each page went through, who shares it, what the kernel did, which fork is charged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cowtrace.attribution import facts as F
from cowtrace.attribution.aftermath import ALLOC_UNKNOWN
from cowtrace.attribution.asof import Int
from cowtrace.attribution.facts import NO, UNKNOWN, YES, Facts, encode
from cowtrace.attribution.hidden import huge_first_touches, neighbours
from cowtrace.attribution.history import NEVER, History
from cowtrace.attribution.lookup import VerdictTable
from cowtrace.attribution.mappings import Mappings
from cowtrace.attribution.observe import Column, Observed, made_by
from cowtrace.attribution.pagecache import PageCache
from cowtrace.attribution.pages import (
    ANON_FRAME,
    BLOCK_PAGES,
    BLOCK_SHIFT,
    HUGE_FRAME,
    HUGE_ZERO_FRAME,
    UNSEEN,
    ZERO_FRAME,
    Frame,
    PageHistory,
    frame_of,
    previous_in_batch,
)
from cowtrace.attribution.pairing import Faults
from cowtrace.attribution.roles import Roles
from cowtrace.attribution.sharing import Sharing
from cowtrace.attribution.spans import functions as C
from cowtrace.attribution.version import release as kernel_release

#: Kinds that a fork's sharing causes; the first group copies, the second reuses.
_CHARGED_COPIES = ("cow_copy", "thp_split", "hugetlb_cow")
_CHARGED_REUSES = ("cow_reuse", "thp_reuse")


class Judge:
    """The page history of a recording and the questions asked of it.

    Args:
        roles: The recording's roles.
        history: Who lived when.
        mappings: What was mapped.
        verdicts: Where verdicts are numbered.
        release: Kernel release of the recording.
    """

    def __init__(self, roles: Roles, history: History, mappings: Mappings, verdicts: VerdictTable, release: str | None) -> None:
        self._roles = roles
        self._history = history
        self._verdicts = verdicts
        page_bits = mappings.page_bits
        self._bits = page_bits
        self._mapping_mm = mappings.mm
        self.pages = PageHistory(page_bits)
        # keys of whole huge blocks: page keys without their low bits
        self.blocks, self.splits = PageHistory(page_bits - BLOCK_SHIFT), PageHistory(page_bits - BLOCK_SHIFT)
        self.space_of = np.arange(len(history.lives.tgid))
        self.uffd_tgids: set[int] = set()
        self._cache = PageCache(mappings)
        # without page tables and error codes, replaying each page could not tell more than its mapping does
        self._replays = roles.has_page_size or roles.has_error_code or roles.has_spans
        self._sharing: Sharing | None = None
        version = kernel_release(release)
        self._old_thp = YES if version < (5, 8) else NO
        self._order = F.ORDER_BASE if version < (6, 8) else F.ORDER_UNKNOWN
        self._folios_copy = version < (6, 15)
        self._trusts_rss = version >= (6, 2)

    def grow(self) -> None:
        """Take in address spaces that became known."""
        known = len(self._history.lives.tgid)
        if known != len(self.space_of):
            self.space_of = np.r_[self.space_of, np.arange(len(self.space_of), known)]
            self._sharing = None

    def share_space(self, child: Int) -> None:
        """These address spaces are their parents' (vfork, CLONE_VM)."""
        self.space_of[child] = self.space_of[self._history.lives.parent[child]]
        self._sharing = None

    def sharing(self) -> Sharing:
        """The sharing questions over all that is known by now."""
        if self._sharing is None:
            self._sharing = Sharing(self._history.lives, self.space_of, self.pages, self.blocks)
        return self._sharing

    def prune(self, now_ns: int) -> None:
        """Forget the pages of address spaces that nobody can share any more."""
        for log in (self.pages, self.blocks, self.splits):
            log.prune(self._history.lives, now_ns)

    def places(self, faults: Faults, mm: Int) -> tuple[Int, Int, Int]:
        """Where each fault was.

        Returns:
            (space, page, by_page): address space with its own page tables (-1 unknown), page number, and the fault numbers ordered
            by (space, page, time); by thread where pages are not replayed, which is near enough for looking up mappings.
        """
        addr, count = faults.rows.addr, len(mm)
        if addr is None:
            return np.full(count, -1, np.int64), np.zeros(count, np.int64), np.arange(count)
        addr = addr if count == len(faults.rows) else addr[faults.start]
        known = (mm >= 0) & (addr >= 0) & (addr < 1 << (self._bits + 12))
        space = np.where(known, np.append(self.space_of, -1).take(mm, mode="wrap"), -1)
        page = np.where(known, addr >> 12, 0)
        if not self._replays:
            return space, page, faults.by_thread
        key = (space << self._bits) | page
        # within a thread pages mostly ascend, which a merge sort likes; time order within a page is mended where threads mix
        thread = faults.by_thread
        by_page = thread[np.argsort(key[thread], kind="stable")]
        sorted_key = key[by_page]
        mixed = np.flatnonzero((sorted_key[1:] == sorted_key[:-1]) & (by_page[1:] < by_page[:-1]))
        if len(mixed):
            part = np.flatnonzero(np.isin(sorted_key, sorted_key[mixed]))
            rows = by_page[part]
            by_page[part] = rows[np.lexsort((rows, key[rows]))]
        return space, page, by_page

    def judge(self, faults: Faults, seen: Observed, mm: Int, space: Int, page: Int, by_page: Int) -> tuple[Int, Int, Int]:
        """Verdict row, fork charged (-1: none) and side of each fault."""
        count = len(mm)
        sharing = self.sharing()
        key = (space << self._bits) | page
        rss = self._rss(faults, seen)
        lost_race = _lost_races(seen, faults, key, by_page)
        facts = Facts(
            before=seen.before, after=seen.after, same_frame=seen.same_frame, exited=seen.exited, write=seen.write,
            present=seen.present, major=seen.major, vma=seen.vma, writable=seen.writable, can_be_huge=seen.can_be_huge,
            alloc=seen.alloc, rss=rss, lost_race=lost_race, old_thp=self._old_thp, uffd=self._uses_uffd(mm),
            complete=np.append(sharing.watched, False).take(space, mode="wrap").view(np.int8), path=seen.path, alloc_order=self._order,
            shows_new=int(bool(seen.shown >> C.NEW_ANON & 1)),
            shows_shmem=int(bool(seen.shown >> C.SHMEM & 1)), forked=self._forked(seen),
            has_addr=(space >= 0).view(np.int8) if self._roles.has_spans else YES,
        )  # fmt: skip
        nobody, parent = np.full(count, -1, np.int64), np.zeros(count, np.int64)
        if not self._replays:
            facts = replace(facts, sharing=np.where(self._may_share(seen, mm), np.int8(F.SHARING_UNKNOWN), np.int8(F.EXCLUSIVE)))
            return self._verdicts.lookup(encode(facts, count)), nobody, parent
        near = neighbours(seen, key, by_page, space) if isinstance(seen.before, int) else NO
        made = made_by(seen, rss)
        made[space < 0] = UNSEEN
        if not isinstance(lost_race, int):
            made[lost_race == YES] = UNSEEN
        sorted_key, sorted_made = key[by_page], made[by_page]
        previous = previous_in_batch(sorted_key, sorted_made)
        self._remember(by_page, sorted_key, seen, sorted_made)
        asked = (space >= 0) & (seen.present != NO) & (seen.exited != NO)
        place = np.flatnonzero(asked[by_page])
        at = by_page[place]
        frame = self._frames(at, previous[place], by_page, seen.ts_ns, made, space, page)
        if isinstance(seen.before, int) and isinstance(seen.alloc, int):
            frame = self._uncover(at, frame, seen, made, space, page, key, by_page, near)
        origin = np.zeros(count, np.int64)
        origin[at] = frame.made
        if not isinstance(near, int):
            near[at] = np.where(frame.by_block | self._came_alone(frame, page[at]), YES, NO)
        state = self._states(at, frame, seen, space, page, count)
        facts = replace(facts, after=seen.after, neighbours=near, origin=origin, sharing=state)
        if self._roles.has_frames and not self._roles.has_error_code and isinstance(rss, int):
            facts = replace(facts, cache=self._cache.classify(seen, space, (origin == UNSEEN) & (facts.complete == YES)))
        verdict = self._verdicts.lookup(encode(facts, count))
        charged = np.flatnonzero(self._verdicts.charged(_CHARGED_COPIES + _CHARGED_REUSES)[verdict[at]])
        owed, at = frame.take(charged), at[charged]
        copied = ~self._verdicts.charged(_CHARGED_REUSES)[verdict[at]]
        nobody[at], parent[at] = sharing.charge(owed, space[at], seen.ts_ns[at], copied)
        return verdict, nobody, parent

    def _came_alone(self, frame: Frame, page: Int) -> np.ndarray:
        """bool: other pages of the page's huge block got frames of their own, and none was there without."""
        first = page >> BLOCK_SHIFT << BLOCK_SHIFT
        others = self.pages.count_from(frame.owner, first, BLOCK_PAGES) - self.pages.count_from(frame.owner, page, 1)
        block = (frame.owner << self._bits) | first
        result: np.ndarray = (others > 0) & ~np.isin(block, block[frame.made == UNSEEN])
        return result

    def _forked(self, seen: Observed) -> Column:
        if not self._roles.has_spans:
            return NO
        if seen.shown >> C.DUPLICATE & 1:
            return YES
        first = self.sharing().first_fork_ns
        return (seen.ts_ns > (int(first.min()) if len(first) else NEVER)).view(np.int8)

    def _may_share(self, seen: Observed, mm: Int) -> np.ndarray:
        """bool: the mapping was inherited, or its address space has forked: pages in it may be shared."""
        owner = np.append(self._mapping_mm, -1).take(seen.record, mode="wrap")
        shared: np.ndarray = (owner != mm) | (np.append(self.sharing().first_fork_ns, NEVER).take(mm, mode="wrap") < seen.ts_ns)
        return shared

    def _frames(self, at: Int, previous: Int, by_page: Int, ts: Int, made: Int, space: Int, page: Int) -> Frame:
        """Frame behind each asked page just before its fault: from this batch, else from the log, else inherited."""
        own = previous >= 0
        before = by_page[np.maximum(previous, 0)]
        known = (np.where(own, ts[before], 0), np.where(own, made[before], UNSEEN))
        first_ns = int(ts[0]) if len(ts) else 0
        frame = frame_of(self.pages, self._history.lives, self.space_of, space[at], page[at], ts[at], known=known, since_ns=first_ns)
        return self._with_blocks(frame, space[at], page[at], ts[at])

    def _states(self, at: Int, frame: Frame, seen: Observed, space: Int, page: Int, count: int) -> Int:
        """Sharing of the asked pages; holders are searched only where nothing else decides."""
        state = np.zeros(count, np.int64)
        # without exits what was allocated must agree with who shared the page
        decides = (seen.same_frame == UNKNOWN) & (seen.present == YES) & ((seen.alloc == F.ALLOC_UNKNOWN) | self._roles.until_next)
        decides = np.full(len(at), decides) if isinstance(decides, bool) else decides[at]
        for holders in (False, True):
            part = np.flatnonzero(decides == holders)
            rows = at[part]
            state[rows] = self.sharing().state(frame.take(part), space[rows], page[rows], seen.ts_ns[rows], holders=holders)
        if self._folios_copy and frame.by_block.any():
            # up to 6.14 a base page of a split huge page is copied even by its last owner
            split = at[frame.by_block & (frame.made == ANON_FRAME)]
            state[split] = np.where(state[split] == F.LAST_OWNER, F.SHARED, state[split])
        return state

    def _rss(self, faults: Faults, seen: Observed) -> Column:
        if faults.rss is None or not self._roles.has_rss or not self._trusts_rss:
            return F.RSS_UNKNOWN
        if self._roles.until_next:
            return np.where(faults.rss >= 0, faults.rss, F.RSS_UNKNOWN)
        told = (faults.order != ALLOC_UNKNOWN) if self._roles.has_alloc else (seen.exited == YES)
        return np.where(told, faults.rss, F.RSS_UNKNOWN)

    def _uses_uffd(self, mm: Int) -> Column:
        if not self.uffd_tgids:
            return NO
        tgid = np.append(self._history.lives.tgid, -1).take(mm, mode="wrap")
        return np.where(np.isin(tgid, list(self.uffd_tgids)) & (mm >= 0), YES, NO)

    def _remember(self, by_page: Int, key: Int, seen: Observed, made: Int) -> None:
        """Add what a batch made to the logs; ``key`` and ``made`` are ordered by page."""
        is_huge = (made == HUGE_FRAME) | (made == HUGE_ZERO_FRAME)
        small = np.flatnonzero((made != UNSEEN) & ~is_huge)
        self.pages.add(key[small], seen.ts_ns[by_page[small]], made[small])
        huge = np.flatnonzero(is_huge)
        if len(huge):
            order = huge[np.lexsort((by_page[huge], key[huge] >> BLOCK_SHIFT))]
            self.blocks.add(key[order] >> BLOCK_SHIFT, seen.ts_ns[by_page[order]], made[order])
        if self.blocks.used:
            self._remember_splits(by_page, key, seen, made)

    def _remember_splits(self, by_page: Int, key: Int, seen: Observed, made: Int) -> None:
        present = seen.present == YES
        split = np.flatnonzero((made == ANON_FRAME) & (present if isinstance(present, bool) else present[by_page]))
        split = split[np.lexsort((by_page[split], key[split] >> BLOCK_SHIFT))]
        self.splits.add(key[split] >> BLOCK_SHIFT, seen.ts_ns[by_page[split]], made[split])

    def _uncover(
        self, at: Int, frame: Frame, seen: Observed, made: Int, space: Int, page: Int, key: Int, by_page: Int, near: Column
    ) -> Frame:
        """Find the first touches that must have mapped huge pages, remember them as such, and look again."""
        tells = np.flatnonzero(seen.present[at] == YES) if not isinstance(seen.present, int) else at[:0]
        block = key >> BLOCK_SHIFT
        watched = self.sharing().watched[space[at[tells]]]
        huge = huge_first_touches(seen, block, self.blocks.page_bits, at[tells], frame.take(tells), watched, near)
        if not len(huge):
            return frame
        after = np.full(len(space), seen.after) if isinstance(seen.after, int) else seen.after
        after[huge] = F.BIG
        seen.after = after
        order = huge[np.lexsort((huge, block[huge]))]
        first_use = not self.blocks.used
        self.blocks.add(block[order], seen.ts_ns[order], np.full(len(order), HUGE_FRAME))
        if first_use:
            self._remember_splits(by_page, key[by_page], seen, made[by_page])
        return self._with_blocks(frame, space[at], page[at], seen.ts_ns[at])

    def _with_blocks(self, frame: Frame, space: Int, page: Int, ts: Int) -> Frame:
        """Let a huge page that came later than the page's own frame (or alone) take its place, unless it was split since."""
        if not self.blocks.used or not len(space):
            return frame
        block, lives = page >> BLOCK_SHIFT, self._history.lives
        blocks = frame_of(self.blocks, lives, self.space_of, space, block, ts)
        splits = frame_of(self.splits, lives, self.space_of, space, block, ts)
        is_huge = (blocks.made == HUGE_FRAME) | (blocks.made == HUGE_ZERO_FRAME)
        # a fault that turned out to have mapped a whole block is in both logs
        wins = is_huge & ((frame.made == UNSEEN) | (blocks.ts >= frame.ts))
        part = np.where(blocks.made == HUGE_ZERO_FRAME, ZERO_FRAME, ANON_FRAME)
        made = np.where((splits.made != UNSEEN) & (splits.ts > blocks.ts), part, blocks.made)
        return Frame(np.where(wins, blocks.owner, frame.owner), np.where(wins, blocks.ts, frame.ts), np.where(wins, made, frame.made), wins)


def _lost_races(seen: Observed, faults: Faults, key: Int, by_page: Int) -> Column:
    """Faults of two threads on one page at one time that saw the same outcome: only the first to finish did the work."""
    frames, ends = seen.frame_after, seen.exit_ns
    if isinstance(frames, int) or isinstance(ends, int) or len(key) < 2:
        return NO
    first, second = by_page[:-1], by_page[1:]
    twice = np.flatnonzero(key[first] == key[second])
    first, second = first[twice], second[twice]
    overlap = (seen.ts_ns[second] < ends[first]) & (frames[first] == frames[second]) & (frames[first] != 0)
    overlap &= faults.rows.tid[faults.start[first]] != faults.rows.tid[faults.start[second]]
    first, second = first[overlap], second[overlap]
    lost = np.full(len(key), NO)
    lost[np.where(ends[second] >= ends[first], second, first)] = YES
    return lost
