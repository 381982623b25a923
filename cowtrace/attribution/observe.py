"""What the recording shows of each fault itself: page tables before and after, error code, allocations, mapping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cowtrace.attribution import facts as F
from cowtrace.attribution import roles as R
from cowtrace.attribution.asof import Int
from cowtrace.attribution.facts import NO, UNKNOWN, YES
from cowtrace.attribution.mappings import FILE_PRIVATE, FILE_SHARED, HUGETLB, SHMEM, SPECIAL, Mappings
from cowtrace.attribution.pages import ANON_FRAME, BLOCK_PAGES, FILE_FRAME, HUGE_FRAME, SOME_FRAME, UNSEEN, ZERO_FRAME
from cowtrace.attribution.pairing import NO_ALLOC, Faults
from cowtrace.attribution.roles import Roles

# arch/x86/include/asm/trap_pf.h
_X86_PROT, _X86_WRITE, _X86_INSTR = 1, 2, 16

#: From this size on a mapping is a huge one; between the base page and this lie contpte ranges (arm64).
_PMD_BYTES = 2 << 20


@dataclass(slots=True)
class Observed:
    """Columns, one value a fault."""

    ts_ns: Int
    exit_ns: Int  # -1: none
    addr: Int
    has_addr: bool
    before: Int
    after: Int
    same_frame: Int
    exited: Int
    write: Int
    present: Int
    major: Int
    error_code: Int  # -1: not recorded
    alloc: Int
    record: Int  # mapping record, -1: none
    vma: Int
    writable: Int
    can_be_huge: Int
    frame_before: Int
    frame_after: Int


def observe(faults: Faults, roles: Roles, mappings: Mappings, mm: Int) -> Observed:
    """Read the direct facts off the rows of each fault."""
    rows, start, leave = faults.rows, faults.start, faults.exit
    count = len(start)
    has_exit = leave >= 0
    ts = rows.ts_ns[start]
    exit_row = np.maximum(leave, 0)
    addr = rows.addr[start] if rows.addr is not None else np.zeros(count, np.int64)
    unknown = np.full(count, UNKNOWN)
    before, after, same, frame_before, frame_after = _page_tables(faults, roles, has_exit)
    code = np.full(count, -1, np.int64)
    if roles.has_error_code and rows.first is not None:
        code = np.where(faults.exception >= 0, rows.first[np.maximum(faults.exception, 0)], -1)
    write = np.where(code >= 0, np.where(code & _X86_WRITE, YES, NO), UNKNOWN)
    present = np.where(code >= 0, np.where(code & _X86_PROT, YES, NO), UNKNOWN)
    from_tables = np.where(before == F.NONE, NO, YES)
    present = np.where((present == UNKNOWN) & (before != F.NOT_RECORDED), from_tables, present)
    record = mappings.find(mm, addr, ts) if rows.addr is not None else np.full(count, -1, np.int64)
    hit = np.maximum(record, 0)
    known = record >= 0
    empty = not len(mappings.kind)
    vma = np.zeros(count, np.int64) if empty else np.where(known, mappings.kind[hit], 0)
    writable = unknown if empty else np.where(known, mappings.writable()[hit], -1)
    writable = np.where(writable < 0, UNKNOWN, writable)
    # a fault that succeeded on a mapping without write permission was no write
    write = np.where((write == UNKNOWN) & (writable == NO) & has_exit, NO, write)
    block = BLOCK_PAGES << 12
    low = addr & -block
    fits = unknown if empty else np.where(known, (mappings.start[hit] <= low) & (mappings.end[hit] >= low + block), UNKNOWN)
    exited = np.where(has_exit, YES, NO) if roles.has_exit else unknown
    major = np.where(has_exit, np.where(rows.role[exit_row] == R.MAJOR, YES, NO), UNKNOWN) if roles.has_exit or not roles.has_entry else unknown
    return Observed(
        ts, np.where(has_exit & (leave != start), rows.ts_ns[exit_row], -1), addr, rows.addr is not None, before, after, same, exited,
        write, present, major, code, _allocation(faults), record, vma, writable, fits.astype(np.int64), frame_before, frame_after,
    )  # fmt: skip


def _page_tables(faults: Faults, roles: Roles, has_exit: np.ndarray) -> tuple[Int, Int, Int, Int, Int]:
    rows, start, leave = faults.rows, faults.start, np.maximum(faults.exit, 0)
    count = len(start)
    none = np.full(count, F.NOT_RECORDED)
    zeros = np.zeros(count, np.int64)
    if not roles.has_page_size or rows.page_size is None:
        return none, none, np.full(count, UNKNOWN), zeros, zeros
    is_entry = rows.role[start] == R.ENTRY
    phys = rows.phys if roles.has_frames else None
    before = np.where(is_entry, _table_code(rows.page_size[start], None if phys is None else phys[start]), F.NOT_RECORDED)
    after = np.where(has_exit, _table_code(rows.page_size[leave], None if phys is None else phys[leave]), F.NOT_RECORDED)
    if phys is None:
        return before, after, np.full(count, UNKNOWN), zeros, zeros
    old, new = phys[start] >> 12, phys[leave] >> 12
    comparable = is_entry & has_exit & (old != 0) & (new != 0)
    same = np.where(comparable, np.where(old == new, YES, NO), UNKNOWN)
    return before, after, same, old, new


def _table_code(size: Int, phys: Int | None) -> Int:
    huge = size >= _PMD_BYTES
    if phys is None:
        return np.where(size == 0, F.NONE, np.where(huge, F.BIG, F.BASE))
    mapped = np.where(phys == 0, np.where(huge, F.HUGE_ZERO, F.ZERO), np.where(huge, F.HUGE, F.PAGE))
    return np.where(size == 0, F.NONE, mapped)


def _allocation(faults: Faults) -> Int:
    order = faults.order
    base = np.where(faults.zeroed, F.ALLOC_ZEROED, F.ALLOC_PLAIN)
    known = np.where(order >= 9, F.ALLOC_HUGE, np.where(order >= 1, F.ALLOC_MID, base))
    return np.where(order >= 0, known, np.where(order == NO_ALLOC, F.ALLOC_NONE, F.ALLOC_UNKNOWN))


def made_by(seen: Observed, rss: Int) -> Int:
    """What each fault left at its page, for the page history; UNSEEN: nothing worth remembering (shared, failed)."""
    after, write = seen.after, seen.write
    private_file = seen.vma == FILE_PRIVATE
    replaced = (seen.same_frame != UNKNOWN) & (seen.present == YES)
    made = np.where(write == YES, ANON_FRAME, np.where(write == NO, np.where(private_file, FILE_FRAME, ZERO_FRAME), SOME_FRAME))
    made = np.where((after == F.PAGE) & ~private_file & (seen.vma != 0), ANON_FRAME, made)
    made = np.where((after == F.PAGE) & private_file & replaced & (write != NO), ANON_FRAME, made)
    if (rss != F.RSS_UNKNOWN).any():
        told = private_file & (rss != F.RSS_UNKNOWN) & (write == UNKNOWN) & (seen.present == NO)
        made = np.where(told & (rss & F.RSS_FILE != 0), FILE_FRAME, np.where(told & (rss & F.RSS_ANON != 0), ANON_FRAME, made))
    made = np.where((after == F.ZERO) | (after == F.HUGE_ZERO), ZERO_FRAME, made)
    huge = (after == F.HUGE) | (after == F.BIG) | (seen.alloc == F.ALLOC_HUGE)
    made = np.where(huge & ~private_file, HUGE_FRAME, made)
    dropped = (seen.exited == NO) | np.isin(seen.vma, (FILE_SHARED, SHMEM, SPECIAL)) | (seen.addr < 0)
    return np.where(dropped & (seen.vma != HUGETLB), UNSEEN, made)
