"""What the recording shows of each fault itself: page tables before and after, error code, allocations, mapping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cowtrace.attribution import facts as F
from cowtrace.attribution import roles as R
from cowtrace.attribution.aftermath import ALLOC_UNCLEAR, NO_ALLOC
from cowtrace.attribution.asof import Int
from cowtrace.attribution.facts import NO, UNKNOWN, YES
from cowtrace.attribution.mappings import FILE_PRIVATE, FILE_SHARED, HUGETLB, SHMEM, SPECIAL, Mappings
from cowtrace.attribution.mappings import UNKNOWN as UNKNOWN_MAPPING
from cowtrace.attribution.pages import ANON_FRAME, FILE_FRAME, HUGE_FRAME, HUGE_ZERO_FRAME, SOME_FRAME, UNSEEN, ZERO_FRAME
from cowtrace.attribution.pairing import Faults
from cowtrace.attribution.roles import Roles
from cowtrace.attribution.spans import path as P
from cowtrace.attribution.spans.calls import Calls

# arch/x86/include/asm/trap_pf.h
_X86_PROT, _X86_WRITE = 1, 2

#: From this size on a mapping is a huge one; between the base page and this lie contpte ranges (arm64).
_PMD_BYTES = 2 << 20

#: Rows whose mappings are looked up together, so that the steps in between stay in the processor's cache.
_BLOCK_ROWS = 1 << 16

#: A column, or one value for all faults where the recording has no such column.
Column = Int | int


@dataclass(slots=True)
class Observed:
    """Columns in time order, one value a fault; a plain number stands for a column of it."""

    ts_ns: Int
    exit_ns: Column  # -1: none
    addr: Int
    has_addr: bool
    before: Column
    after: Column
    same_frame: Column
    exited: Column
    write: Column
    present: Column
    major: Column
    error_code: Column  # -1: not recorded
    alloc: Column
    record: Int  # mapping record, -1: none
    vma: Int
    writable: Column
    can_be_huge: Column
    frame_before: Column
    frame_after: Column
    path: Column = P.NO_CALL
    shown: int = 0  # marks of all calls of the recording so far


def observe(faults: Faults, roles: Roles, mappings: Mappings, mm: Int, by_page: Int, calls: Calls | None = None) -> Observed:
    """Read the direct facts off the rows of each fault.

    Args:
        faults: Paired faults.
        roles: The recording's roles.
        mappings: What was mapped.
        mm: Address space of each fault.
        by_page: Fault numbers by (address space, page): the order in which looking up mappings is fast.
        calls: What calls of the fault handler show; None where they are not recorded.
    """
    rows, start, leave = faults.rows, faults.start, faults.exit
    count = len(start)
    closes = roles.has_exit or not roles.has_entry
    has_exit = leave >= 0
    exit_row = np.maximum(leave, 0)
    whole = count == len(rows)
    ts = rows.ts_ns if whole else rows.ts_ns[start]
    addr = np.zeros(count, np.int64) if rows.addr is None else rows.addr if whole else rows.addr[start]
    before, after, same, frame_before, frame_after = _page_tables(faults, roles, has_exit)
    code: Column = -1
    write: Column = UNKNOWN
    present: Column = UNKNOWN
    if roles.has_error_code and rows.first is not None:
        code = np.where(faults.exception >= 0, rows.first[np.maximum(faults.exception, 0)], -1)
        write = np.where(code >= 0, np.where(code & _X86_WRITE, YES, NO), UNKNOWN)
        present = np.where(code >= 0, np.where(code & _X86_PROT, YES, NO), UNKNOWN)
    if not isinstance(before, int):
        from_tables = np.where(before == F.NOT_RECORDED, UNKNOWN, np.where(before == F.NONE, NO, YES))
        present = from_tables if isinstance(present, int) else np.where(present == UNKNOWN, from_tables, present)
    if calls is not None:
        write, present = calls.access(write, present)
    record, vma, writable, fits = _mapping(mappings, mm, addr, ts, by_page if rows.addr is not None else by_page[:0])
    if not isinstance(writable, int):
        # a fault that succeeded on a mapping without write permission was no write
        write = np.where((write == UNKNOWN) & (writable == NO) & has_exit, NO, write) if closes else write
    exited = np.where(has_exit, YES, NO) if roles.has_exit else UNKNOWN
    major = np.where(has_exit, np.where(rows.role[exit_row] == R.MAJOR, YES, NO), UNKNOWN) if closes else UNKNOWN
    exit_ns = np.where(has_exit & (leave != start), rows.ts_ns[exit_row], -1) if closes else -1
    if calls is not None:
        major, exit_ns = calls.outcome(major, exit_ns)
    path, shown = (P.NO_CALL, 0) if calls is None else (calls.path, calls.shown)
    return Observed(
        ts, exit_ns, addr, rows.addr is not None, before, after, same, exited, write, present, major, code,
        _allocation(faults), record, vma, writable, fits, frame_before, frame_after, path, shown,
    )  # fmt: skip


def _mapping(mappings: Mappings, mm: Int, addr: Int, ts: Int, by_page: Int) -> tuple[Int, Int, Column, Column]:
    """Mapping record, kind, writable, covers its huge block; for each fault."""
    count = len(ts)
    record = np.full(count, -1, np.int64)
    if not len(mappings.kind) or not len(by_page):
        return record, np.zeros(count, np.int64), UNKNOWN, UNKNOWN
    for begin in range(0, count, _BLOCK_ROWS):
        part = by_page[begin : begin + _BLOCK_ROWS]
        record[part] = mappings.find(mm[part], addr[part], ts[part])
    return record, *mappings.traits(record, addr)


def _page_tables(faults: Faults, roles: Roles, has_exit: np.ndarray) -> tuple[Column, Column, Column, Column, Column]:
    rows, start, leave = faults.rows, faults.start, np.maximum(faults.exit, 0)
    if not roles.has_page_size or rows.page_size is None:
        return F.NOT_RECORDED, F.NOT_RECORDED, UNKNOWN, 0, 0
    is_entry = rows.role[start] == R.ENTRY
    phys = rows.phys if roles.has_frames else None
    before = np.where(is_entry, _table_code(rows.page_size[start], None if phys is None else phys[start]), F.NOT_RECORDED)
    after = np.where(has_exit, _table_code(rows.page_size[leave], None if phys is None else phys[leave]), F.NOT_RECORDED)
    if phys is None:
        return before, after, UNKNOWN, 0, 0
    old, new = phys[start] >> 12, phys[leave] >> 12
    comparable = is_entry & has_exit & (old != 0) & (new != 0)
    same = np.where(comparable, np.where(old == new, YES, NO), UNKNOWN)
    return before, after, same, old, np.where(has_exit, new, 0)


def _table_code(size: Int, phys: Int | None) -> Int:
    huge = size >= _PMD_BYTES
    if phys is None:
        return np.where(size == 0, F.NONE, np.where(huge, F.BIG, F.BASE))
    mapped = np.where(phys == 0, np.where(huge, F.HUGE_ZERO, F.ZERO), np.where(huge, F.HUGE, F.PAGE))
    return np.where(size == 0, F.NONE, mapped)


def _allocation(faults: Faults) -> Column:
    order = faults.order
    if order is None or faults.zeroed is None:
        return F.ALLOC_UNKNOWN
    base = np.where(faults.zeroed, F.ALLOC_ZEROED, F.ALLOC_PLAIN)
    known = np.where(order >= 9, F.ALLOC_HUGE, np.where(order >= 1, F.ALLOC_MID, base))
    none = np.where(order == NO_ALLOC, F.ALLOC_NONE, np.where(order == ALLOC_UNCLEAR, F.ALLOC_UNCLEAR, F.ALLOC_UNKNOWN))
    return np.where(order >= 0, known, none)


#: What each path leaves at the page; -1: not told by the path.
_MADE_BY_PATH = np.full(P.PATHS, -1, np.int64)
for _paths, _made in (
    (
        (P.ANON_FILLED, P.ANON_LARGE, P.ZERO_REPLACED, P.NEW_PAGE, P.FILE_COPIED, P.WP_COPIED, P.WP_REUSED, P.SWAP),
        ANON_FRAME,
    ),
    ((P.SPLIT, P.SPLIT_COPIED, P.SPLIT_REUSED, P.WP), ANON_FRAME),
    ((P.ZERO_MAPPED,), ZERO_FRAME),
    ((P.FILE_MAPPED,), FILE_FRAME),
    ((P.THP, P.THP_FILLED, P.THP_REUSED, P.THP_ZERO_REPLACED, P.HUGETLB_FILLED, P.HUGETLB_COPIED, P.HUGETLB_REUSED, P.HUGETLB), HUGE_FRAME),
    ((P.NOT_CALLED, P.FAILED, P.NOTHING_DONE, P.FILE_SHARED, P.SHMEM, P.WP_MADE_WRITABLE, P.NUMA), UNSEEN),
):
    _MADE_BY_PATH[list(_paths)] = _made


def made_by(seen: Observed, rss: Column) -> Int:
    """What each fault left at its page, for the page history; UNSEEN: nothing worth remembering (shared, failed)."""
    after, write, vma = seen.after, seen.write, seen.vma
    private_file = vma == FILE_PRIVATE
    # without a mapping it may be the zero page or a page of a file
    read = np.where(private_file, FILE_FRAME, np.where(vma == UNKNOWN_MAPPING, SOME_FRAME, ZERO_FRAME))
    made = np.where(write == YES, ANON_FRAME, np.where(write == NO, read, SOME_FRAME))
    if not isinstance(after, int):
        replaced = (seen.same_frame != UNKNOWN) & (seen.present == YES)
        made = np.where((after == F.PAGE) & ~private_file & (vma != 0), ANON_FRAME, made)
        made = np.where((after == F.PAGE) & private_file & replaced & (write != NO), ANON_FRAME, made)
        made = np.where((after == F.ZERO) | (after == F.HUGE_ZERO), ZERO_FRAME, made)
    if not isinstance(seen.major, int):
        # what had to be read is no zero page
        made = np.where((made == ZERO_FRAME) & (seen.major == YES), ANON_FRAME, made)
    if not isinstance(rss, int):
        told = private_file & (rss != F.RSS_UNKNOWN) & (write == UNKNOWN) & (seen.present == NO)
        made = np.where(told & (rss & F.RSS_FILE != 0), FILE_FRAME, np.where(told & (rss & F.RSS_ANON != 0), ANON_FRAME, made))
        # without a mapping: a first write that no anonymous page came of was to shared memory, or failed
        blind = (vma == UNKNOWN_MAPPING) & (rss != F.RSS_UNKNOWN) & (seen.present == NO)
        made = np.where(blind & (write == NO) & (rss == F.RSS_FILE), FILE_FRAME, made)
        made = np.where(blind & (write == YES) & (rss & (F.RSS_ANON | F.RSS_SWAP) == 0), SOME_FRAME, made)
    huge = (after == F.HUGE) | (after == F.BIG) | (seen.alloc == F.ALLOC_HUGE)
    if not isinstance(huge, bool):
        made = np.where(huge & ~private_file, HUGE_FRAME, made)
    if not isinstance(seen.path, int):
        told = _MADE_BY_PATH[seen.path]
        told = np.where((told == HUGE_FRAME) & (seen.path == P.THP) & (write == NO), HUGE_ZERO_FRAME, told)
        told = np.where((seen.path == P.PLAIN) & (seen.present == NO) & (write == NO), ZERO_FRAME, told)
        made = np.where(told >= 0, told, made)
    dropped = (seen.exited == NO) | (vma == FILE_SHARED) | (vma == SHMEM) | (vma == SPECIAL) | (seen.addr < 0)
    return np.where(dropped & (vma != HUGETLB), UNSEEN, made)
