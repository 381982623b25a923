"""Pairing: which entry, exit, exception and inner events are one fault.

Faults of one task do not nest (the handler never touches user memory), so per thread the fault events come as
``[exception] entry [exit]``; what lies between entry and exit happened inside. An entry without exit failed (or its exit was lost), an exit
without entry was under way when the recording began (or its entry was lost).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cowtrace.attribution import roles as R
from cowtrace.attribution.aftermath import ALLOC_UNKNOWN, HORIZON_NS, NO_ALLOC, closed_rows, join_aftermath
from cowtrace.attribution.asof import Int
from cowtrace.attribution.roles import Roles
from cowtrace.attribution.rows import Rows
from cowtrace.attribution.spans import marks as M
from cowtrace.attribution.spans.join import gather, repeats, within_one_fault

Bool = npt.NDArray[np.bool_]

#: Rows inside one unfinished fault that are kept for the next batch; a thread that stopped faulting must not pile up others.
_CARRIED_INNER = 64

# include/linux/gfp_types.h: ___GFP_MOVABLE has been bit 3 and ___GFP_ZERO bit 8 since 4.19 (bit 15 before)
_GFP_MOVABLE, _GFP_ZERO = 0x8, 0x100


@dataclass(slots=True)
class Faults:
    """Faults of one batch in time order; int64[n] unless said.

    Attributes:
        start: Row (in ``rows``) that dates the fault, ascending.
        by_thread: The faults' numbers in thread order.
        exit: Row of its exit, -1 without.
        exception: Row of its exception, -1 without.
        order: Largest order of a movable page allocated inside; NO_ALLOC; ALLOC_UNKNOWN when not recorded; ALLOC_UNCLEAR.
            This and what follows is None when neither allocations nor counters can be joined.
        zeroed: bool[n], that allocation asked for zeroed memory.
        alloc_count: Movable allocations inside.
        rss: Bit set of counters changed inside (1 file, 2 anon, 4 swap, 8 shmem), -1 where that can't be told.
        marks: What calls of the fault handler showed (spans.marks), 0 without; None when none are recorded.
        end_ns: When the last of them returned, -1 without.
    """

    rows: Rows
    start: Int
    by_thread: Int
    exit: Int
    exception: Int
    order: Int | None
    zeroed: Bool | None
    alloc_count: Int | None
    rss: Int | None
    marks: Int | None = None
    end_ns: Int | None = None


def thread_order(tid: Int) -> Int:
    """Stable order by thread."""
    starts = np.flatnonzero(np.r_[True, tid[1:] != tid[:-1]]) if len(tid) else np.empty(0, np.int64)
    # threads run for a while: their stretches are far fewer than rows
    by_thread = _order(tid[starts])
    lengths = np.diff(starts, append=len(tid))[by_thread]
    order = np.repeat(starts[by_thread] - (np.cumsum(lengths) - lengths), lengths)
    order += np.arange(len(tid))
    return order


def _order(tid: Int) -> Int:
    """Stable order. Radix sort on dense 16-bit numbers where they suffice."""
    span = int(tid.max()) - int(tid.min()) + 1 if len(tid) else 0
    if len(tid) < 1 << 14 or span > 1 << 24:
        return np.argsort(tid, kind="stable")
    at = tid - int(tid.min())
    table = np.zeros(span, np.int64)
    table[at] = 1
    dense = (np.cumsum(table) - 1)[at]
    return np.argsort(dense.astype(np.uint16) if dense.max() < 1 << 16 else dense, kind="stable")


def pair(rows: Rows, roles: Roles, *, final: bool, pending: Pending | None = None) -> tuple[Faults, Rows | None]:
    """Find the faults of a batch.

    Args:
        rows: Events in time order, with what the last batch left over in front.
        roles: The recording's roles.
        final: No batch follows: nothing is left over.
        pending: Where handler calls are recorded: which of them did not end yet.

    Returns:
        The faults, and the rows that wait for the next batch.
    """
    order = thread_order(rows.tid)
    if not roles.has_spans and set(roles.events) <= {R.ENTRY, R.OTHER} and not (rows.role == R.OTHER).any():
        # entries alone: every row is a fault
        none = np.full(len(rows), -1, np.int64)
        return Faults(rows, np.arange(len(rows)), order, none, none, None, None, None, None), None
    role = rows.role.take(order, mode="clip")
    tid = rows.tid.take(order, mode="clip")
    at = np.flatnonzero(_is_fault_event(roles).take(role, mode="clip"))
    if roles.only_spans and rows.first is not None:
        at = at[rows.first[order[at]] & M.WITHOUT_EXCEPTION == 0]
    if roles.foreign_exceptions:
        at = at[_belongs(rows, order[at], role[at], tid[at], roles, final=final)]
    every = len(at) == len(order)
    row, kind, thread = (order, role, tid) if every else (order[at], role[at], tid[at])
    same_next = np.r_[thread[1:] == thread[:-1], False] if len(at) else np.empty(0, np.bool_)
    is_exit = (kind == R.MINOR) | (kind == R.MAJOR)
    is_entry = kind == R.ENTRY
    is_exc, matched_exc = _exceptions(rows, row, kind, kind == R.ENTRY, same_next)
    opens = is_entry | (is_exc & ~matched_exc)
    if roles.only_spans:
        opens = _first_tries(rows, row, thread)
    can_close = is_entry if roles.has_entry else is_exc
    matched_exit = np.zeros(len(at), np.bool_)
    matched_exit[1:] = is_exit[1:] & can_close[:-1] & same_next[:-1]
    starts = np.flatnonzero(opens | (is_exit & ~matched_exit))
    closed = np.zeros(len(starts), np.bool_)
    follows = np.minimum(starts + 1, max(len(at) - 1, 0))
    if len(at):
        closed = matched_exit[follows] & (follows > starts)
    all_starts = at[starts]
    left_over, keep = _left_over(rows, order, tid, at, starts, closed, is_exit, is_exc, matched_exc, roles, final, pending)
    starts, closed = starts[keep], closed[keep]
    follows = follows[keep]
    exit_at = np.where(closed, at[follows] if len(at) else 0, -1)
    own_exit = is_exit[starts]
    had_exc = np.where(starts > 0, matched_exc[np.maximum(starts - 1, 0)], False)
    exc_row = np.where(had_exc, row[np.maximum(starts - 1, 0)], np.where(is_exc[starts], row[starts], -1)) if len(at) else starts
    exit_row = np.where(closed, order[np.maximum(exit_at, 0)], np.where(own_exit, row[starts], -1)) if len(at) else starts
    faults = _in_time_order(rows, row[starts], exit_row, exc_row, roles)
    if roles.has_exit and faults.order is not None:
        unseen = faults.exit < 0
        if roles.foreign_inner:
            unseen |= (faults.exception < 0) | (not roles.watched_by_exception)
        faults.order[unseen & (faults.order == NO_ALLOC)] = ALLOC_UNKNOWN
        _join_inner(faults, rows, order, role, at[starts], exit_at)
    if roles.until_next and not roles.has_spans:
        _join_aftermath(faults, rows, order, at[starts], roles)
    if roles.has_spans:
        _join_calls(faults, rows, order, role, all_starts, keep, exit_at, roles)
    return faults, left_over


@dataclass(slots=True)
class Pending:
    """Which threads are inside a fault handler, or may enter it next.

    Attributes:
        open_tids: Threads with a call that did not end yet.
        first_seq: Number of the batch's first event: what was before it has waited already.
    """

    open_tids: Int
    first_seq: int

    def wait(self, rows: Rows, order: Int, tid: Int, start_at: Int, roles: Roles) -> Bool:
        """bool for each start: its fault handler runs, was not entered yet, or is to be entered again."""
        row = order[start_at]
        result: Bool
        inside = np.isin(rows.tid[row], self.open_tids)
        if roles.only_spans:
            assert rows.first is not None
            last = order[np.searchsorted(tid, tid[start_at], side="right") - 1]
            inside = inside & (rows.first[last] & (M.RETRY | M.UNFINISHED) != 0)
            result = inside | (rows.first[last] & M.RETRY != 0)
            return result
        is_last = np.append(tid, -2)[start_at + 1] != tid[start_at]
        fresh = np.zeros(len(row), np.bool_) if rows.seq is None else rows.seq[row] >= self.first_seq
        result = inside | (is_last & fresh)
        return result


def _first_tries(rows: Rows, row: Int, thread: Int) -> Bool:
    """bool for each handler call in thread order: it begins a fault."""
    if rows.first is None or not len(row):
        return np.zeros(len(row), np.bool_)
    marks = rows.first[row]
    begins = np.ones(len(row), np.bool_)
    begins[1:] = (thread[1:] != thread[:-1]) | ~repeats(marks, None if rows.addr is None else rows.addr[row])
    return begins


def _join_calls(faults: Faults, rows: Rows, order: Int, role: Int, start_at: Int, keep: Bool, exit_at: Int, roles: Roles) -> None:
    """What the calls of the fault handler showed that belong to each fault; those of faults that wait, wait with them.

    Args:
        faults: Gets the marks.
        rows: Events.
        order: Their order by thread.
        role: In that order.
        start_at: Place in it of every fault.
        keep: Which of them are among ``faults``.
        exit_at: Place of the exit of those.
        roles: The recording's roles.
    """
    count = len(faults.start)
    faults.marks, faults.end_ns = np.zeros(count, np.int64), np.full(count, -1, np.int64)
    if rows.first is None or rows.second is None or not count:
        return
    calls = np.flatnonzero(role == R.SPAN)
    calls = calls[rows.first[order[calls]] & M.WITHOUT_EXCEPTION == 0]
    start = np.searchsorted(start_at, calls, side="right") - 1
    inside = (start >= 0) & (rows.tid[order[calls]] == rows.tid[order[start_at[np.maximum(start, 0)]]])
    inside &= keep[np.maximum(start, 0)]
    calls, owner = calls[inside], (np.cumsum(keep) - 1)[start[inside]]
    if roles.has_exit:
        within = exit_at[owner] > calls
        calls, owner = calls[within], owner[within]
    if not roles.only_spans:
        kept = within_one_fault(owner, rows.first[order[calls]])
        calls, owner = calls[kept], owner[kept]
    row = order[calls]
    marks, ends = gather(owner, rows.first[row], rows.second[row], count)
    faults.marks[faults.by_thread], faults.end_ns[faults.by_thread] = marks, ends


def _exceptions(rows: Rows, row: Int, kind: Int, owns: Bool, same_next: Bool) -> tuple[Bool, Bool]:
    """Which fault events are exceptions on user addresses, and which of them belong to the next event: one that ``owns`` exceptions."""
    is_exc = (kind == R.EXC_USER) | (kind == R.EXC_KERNEL)
    matched = np.zeros(len(row), np.bool_)
    if len(row) and is_exc.any():
        address = rows.addr[row] if rows.addr is not None else np.zeros(len(row), np.int64)
        is_exc &= address >= 0
        matched[:-1] = is_exc[:-1] & owns[1:] & same_next[:-1] & ((address[:-1] == address[1:]) | (address[1:] == 0))
    return is_exc, matched


def _belongs(rows: Rows, row: Int, kind: Int, thread: Int, roles: Roles, *, final: bool) -> Bool:
    """Fault events without the exceptions that no fault of the other recorder follows: they must neither count nor part entry from exit."""
    if not len(row):
        return np.empty(0, np.bool_)
    same_next = np.r_[thread[1:] == thread[:-1], False]
    # exits alone: an exception is the entry of the fault whose exit follows
    owns = kind == R.ENTRY if roles.has_entry else (kind == R.MINOR) | (kind == R.MAJOR)
    _, matched = _exceptions(rows, row, kind, owns, same_next)
    after_entry = np.r_[False, (kind[:-1] == R.ENTRY) & same_next[:-1]]
    # the last event of a thread may be an exception whose entry the next batch brings
    waits = ~same_next & ~after_entry & (not final)
    belongs: Bool = ((kind != R.EXC_USER) & (kind != R.EXC_KERNEL)) | matched | waits
    return belongs


def _in_time_order(rows: Rows, start: Int, exit_row: Int, exc_row: Int, roles: Roles) -> Faults:
    count = len(start)
    if count == len(rows):
        number = start
    else:
        is_start = np.zeros(len(rows), np.int64)
        is_start[start] = 1
        number = np.cumsum(is_start)[start] - 1

    def placed(column: Int) -> Int:
        result = np.empty(count, np.int64)
        result[number] = column
        return result

    joins = roles.has_exit and (roles.has_alloc or roles.has_rss)
    return Faults(
        rows,
        placed(start),
        number,
        placed(exit_row),
        placed(exc_row),
        np.full(count, NO_ALLOC if roles.has_alloc else ALLOC_UNKNOWN) if joins else None,
        np.zeros(count, np.bool_) if joins else None,
        np.zeros(count, np.int64) if joins else None,
        np.zeros(count, np.int64) if joins else None,
    )


def _is_fault_event(roles: Roles) -> Bool:
    """bool per role: does it mark a fault."""
    if roles.only_spans:
        chosen = [R.SPAN]
    elif roles.sampled:
        # sampled events can't be paired, and entry and exit count the same fault: take one of them
        chosen = [R.ENTRY] if roles.has_entry else [R.MINOR, R.MAJOR]
    else:
        chosen = [R.ENTRY, R.MINOR, R.MAJOR, R.EXC_USER, R.EXC_KERNEL]
    return np.isin(np.arange(R.OTHER + 1), chosen)


def _left_over(
    rows: Rows, order: Int, tid: Int, at: Int, starts: Int, closed: Bool, is_exit: Bool, is_exc: Bool, matched: Bool,
    roles: Roles, final: bool, pending: Pending | None,
) -> tuple[Rows | None, Bool]:  # fmt: skip
    """Faults still open at the end of the batch, with everything of their thread since; and which starts are not among them."""
    keep = np.ones(len(starts), np.bool_)
    until_next = roles.until_next and not roles.has_spans
    may_wait = roles.has_exit or (roles.has_entry and roles.has_error_code) or until_next or pending is not None
    if final or not len(starts) or not may_wait:
        return None, keep
    thread = tid[at[starts]]
    last_start = np.r_[thread[1:] != thread[:-1], True]
    waiting = roles.has_exit | (is_exc[starts] & roles.has_entry)
    if until_next:
        waiting = waiting | (~closed_rows(rows, order, tid, at[starts]) & (rows.ts_ns[order[at[starts]]] > rows.ts_ns[-1] - HORIZON_NS))
    if pending is not None:
        waiting = waiting | pending.wait(rows, order, tid, at[starts], roles)
    which = np.flatnonzero(last_start & ~closed & ~is_exit[starts] & waiting)
    # nothing of the fault roles may follow: the start is the thread's last fault event
    thread_end = np.searchsorted(tid, thread[which], side="right")
    if not roles.only_spans:
        waits = np.append(at, len(tid))[starts[which] + 1] >= thread_end
        which, thread_end = which[waits], thread_end[waits]
    keep[which] = False
    if not len(which):
        return None, keep
    begin = at[np.maximum(starts[which] - (matched[np.maximum(starts[which] - 1, 0)] & (starts[which] > 0)), 0)]
    length = np.minimum(thread_end - begin, _CARRIED_INNER)
    index = np.repeat(begin - (np.cumsum(length) - length), length) + np.arange(int(length.sum()))
    return rows.take(np.sort(order[index])), keep


def _join_aftermath(faults: Faults, rows: Rows, order: Int, start_at: Int, roles: Roles) -> None:
    """What was allocated and counted after exceptions without an exit."""
    joined = join_aftermath(rows, order, start_at, roles)
    place = np.empty_like(faults.by_thread)
    place[faults.by_thread] = np.arange(len(place))
    faults.order, faults.zeroed, faults.rss = joined.order[place], joined.zeroed[place], joined.rss[place]


def _join_inner(faults: Faults, rows: Rows, order: Int, role: Int, start_at: Int, exit_at: Int) -> None:
    """What was allocated and counted between entry and exit."""
    if rows.first is None or rows.second is None or not len(start_at):
        return
    if faults.order is None or faults.zeroed is None or faults.alloc_count is None or faults.rss is None:
        return
    inner = np.flatnonzero((role == R.ALLOC) | (role == R.RSS))
    owner = np.searchsorted(start_at, inner) - 1
    inside = (owner >= 0) & (exit_at[np.maximum(owner, 0)] > inner)
    inner, owner = inner[inside], faults.by_thread[owner[inside]]
    row = order[inner]
    is_alloc = role[inner] == R.ALLOC
    gfp = rows.second[row]
    movable = is_alloc & ((gfp & _GFP_MOVABLE) != 0)
    order_of = rows.first[row[movable]]
    np.maximum.at(faults.order, owner[movable], order_of)
    np.add.at(faults.alloc_count, owner[movable], 1)
    largest = order_of == faults.order[owner[movable]]
    zero = (gfp[movable] & _GFP_ZERO) != 0
    faults.zeroed[owner[movable][largest & zero]] = True
    own_mm = ~is_alloc & (gfp == 1)
    np.bitwise_or.at(faults.rss, owner[own_mm], 1 << np.clip(rows.first[row[own_mm]], 0, 3))
