"""Is a frame behind a private file mapping the file's own page or a private copy? Told by where else the frame shows up.

Without error codes and counters a first touch of a private file page may be a read (which maps the page-cache page) or a write
(which copies it at once). But a frame that two address spaces map by faults of their own is the page cache's, one that a read-only
mapping shows is too, and one that was made writable in place is a private copy (mm/memory.c: do_cow_fault, do_wp_page).
"""

from __future__ import annotations

import numpy as np

from cowtrace.attribution import facts as F
from cowtrace.attribution.asof import Int
from cowtrace.attribution.facts import NO, YES
from cowtrace.attribution.mappings import FILE_PRIVATE, FILE_SHARED, Mappings
from cowtrace.attribution.observe import Observed

#: Physical frame numbers: 52-bit addresses in 4 KiB pages (x86-64 and arm64 limits).
_FRAME_BITS = 40
#: Page numbers within a file: 48-bit offsets.
_FILE_SHIFT = 36


class PageCache:
    """What is known of frames of file pages, over the batches of a recording.

    Args:
        mappings: What was mapped.
    """

    def __init__(self, mappings: Mappings) -> None:
        self._mappings = mappings
        self._history = mappings.history
        self._pages = np.empty(0, np.int64)
        self._cached = np.empty(0, np.int64)
        self._private = np.empty(0, np.int64)

    def classify(self, seen: Observed, space: Int, untouched: np.ndarray) -> Int:
        """CACHE_UNKNOWN, CACHE_PAGE or PRIVATE_COPY for the frame that each fault found (or, where nothing was mapped, got).

        Args:
            seen: Direct facts with page tables before and after.
            space: Address space of each fault, -1 unknown.
            untouched: bool: no earlier fault on the page in an address space watched from its start: what is mapped came by fault-around.
        """
        result = np.full(len(space), F.CACHE_UNKNOWN)
        rows = np.flatnonzero(((seen.vma == FILE_PRIVATE) | (seen.vma == FILE_SHARED)) & (space >= 0) & (seen.exited == YES))
        rows = rows[~self._came_from_disk(seen, rows)]
        if not len(rows):
            return result
        file_page = self._file_page(seen, rows)
        before, after, same, found, got, writable = (
            np.broadcast_to(column, len(space))[rows]
            for column in (seen.before, seen.after, seen.same_frame, seen.frame_before, seen.frame_after, seen.writable)
        )
        first = (before == F.NONE) & (after == F.PAGE)
        replaced = (before == F.PAGE) & (same == NO)
        reused = (seen.vma[rows] == FILE_PRIVATE) & (before == F.PAGE) & (same == YES)
        shown = np.where(first | reused, got, found)
        pair = self._pair(file_page, shown)
        surely = first & ((writable == NO) | (seen.vma[rows] == FILE_SHARED)) | (replaced & untouched[rows])
        self._cached = np.union1d(
            self._cached,
            np.concatenate(
                [
                    pair[surely],
                    _in_two_spaces(
                        pair[first], space[rows][first], seen.ts_ns[rows][first], self._history.lives.end_ns[space[rows][first]]
                    ),
                ]
            ),
        )
        self._private = np.union1d(self._private, pair[reused])
        cached, private = np.isin(pair, self._cached), np.isin(pair, self._private)
        # the cache holds one page for a file page: where it is known, any other frame is a copy
        other = ~cached & np.isin(pair >> _FRAME_BITS, self._cached >> _FRAME_BITS)
        result[rows] = np.where(private & ~cached | other, F.PRIVATE_COPY, np.where(cached, F.CACHE_PAGE, F.CACHE_UNKNOWN))
        return result

    def _came_from_disk(self, seen: Observed, rows: Int) -> np.ndarray:
        """bool: the file had a major fault in this batch. Then its cached pages changed, and an old frame may have become anything."""
        file = self._mappings.path[seen.record[rows]]
        major = np.broadcast_to(seen.major, len(seen.record))[rows] == YES
        read = np.unique(file[major])
        if len(read) and len(self._cached):
            stale = np.isin(self._pages[self._cached >> _FRAME_BITS] >> _FILE_SHIFT, read)
            self._cached = self._cached[~stale]
        return np.isin(file, read)

    def _file_page(self, seen: Observed, rows: Int) -> Int:
        """A number for each (file, page of the file)."""
        mappings, record = self._mappings, seen.record[rows]
        page = (seen.addr[rows] - mappings.start[record] + mappings.pgoff[record]) >> 12
        number: Int = (mappings.path[record] << _FILE_SHIFT) | (page & ((1 << _FILE_SHIFT) - 1))
        return number

    def _pair(self, file_page: Int, frame: Int) -> Int:
        """A number for each (file page, frame); file pages are numbered in order of their appearance over all batches."""
        fresh = np.setdiff1d(file_page, self._pages)
        self._pages = np.concatenate([self._pages, fresh])
        order = np.argsort(self._pages)
        number = order[np.searchsorted(self._pages, file_page, sorter=order)]
        return (number << _FRAME_BITS) | frame


def _in_two_spaces(pair: Int, space: Int, ts: Int, end: Int) -> Int:
    """Pairs that faults of two address spaces mapped while both lived: a frame freed in between may come back for anything.

    Args:
        pair: (file page, frame) of each fault.
        space: Its address space.
        ts: Its time.
        end: When that address space ended.
    """
    order = np.lexsort((ts, pair))
    first, second = order[:-1], order[1:]
    both = (pair[first] == pair[second]) & (space[first] != space[second]) & (end[first] > ts[second])
    shared: Int = pair[second[both]]
    return shared
