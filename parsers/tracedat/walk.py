"""Events of ring buffer pages, all pages of a block at once: step ``n`` visits event ``n`` of every page.

Source: include/linux/ring_buffer.h (enum ring_buffer_type), kernel/trace/ring_buffer.c (rb_event_length, rb_update_read_stamp).
An event is a word with 5 bits of type and 27 bits of time since the event before, then its data:

    1-28    data of that many words
    0       the next word is 4 more than the bytes of data, which follow
    29      nothing; the next word counts the bytes that follow it and itself; with time 0: the rest of the page is empty
    30      nothing; the next word holds bits 27 and up of the time since the event before
    31      nothing; the same bits of a time stamp, without its top 5 bits
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.tracedat.layout import PageLayout
from cowtrace.parsers.tracedat.pieces import Pages
from cowtrace.parsers.words import Index, Words

_DATA_LONG, _PADDING, _TIME_EXTEND, _TIME_STAMP = 0, 29, 30, 31
_DELTA_BITS = np.uint64(27)
_TOP_BITS = np.uint64(0xF8 << 56)

# Of the long that holds the number of used bytes.
_USED_MASK = np.uint64((1 << 27) - 1)
_LOST, _LOST_STORED = np.uint64(1 << 31), np.uint64(1 << 30)

#: Words of an event by type; 0 for the types whose next word says it.
_WORDS = np.array([0, *range(2, 30), 0, 2, 2], np.int64)
#: A payload's first word and its bytes are kept in one number; no page has more bytes than this.
_SIZE_BITS = 24
_SIZE_MASK = (1 << _SIZE_BITS) - 1
_NOWHERE = 1 << 34


@dataclass(frozen=True, slots=True)
class Events:
    """Events in the order of their pages.

    Attributes:
        start: Byte of each payload.
        size: Bytes of each payload.
        stamp: Time stamp.
        page: Number of the page in the block.
        damaged_count: Pages whose events do not fill them as they say; what came before the damage is kept.
        lost_page: Pages before which events were lost.
        lost_events: How many; -1 = the kernel could not say.
        lost_stamp: Time stamp of the first event behind the loss.
    """

    start: Index
    size: Index
    stamp: npt.NDArray[np.uint64]
    page: Index
    damaged_count: int
    lost_page: Index
    lost_events: Index
    lost_stamp: npt.NDArray[np.uint64]


def walk(pages: Pages, layout: PageLayout) -> Events:
    """Find all events of a block."""
    words = pages.words
    stamp = words.take64(pages.start >> 3)
    commit = words.take64((pages.start >> 3) + 1) if layout.long_size == 8 else words.take32((pages.start >> 2) + 2).astype(np.uint64)
    used = (commit & _USED_MASK).astype(np.int64)
    fits = used <= pages.size - layout.data_offset
    used = np.where(fits, used, 0)
    first = (pages.start + layout.data_offset) >> 2
    found = _Lockstep(words, first, used >> 2, stamp)
    found.run()
    start, size, stamps = found.in_page_order()
    page = np.repeat(np.arange(len(first)), found.count)
    begins = np.cumsum(found.count) - found.count
    lost_page = np.flatnonzero((commit & _LOST != 0) & fits)
    has_event = found.count[lost_page] > 0
    lost_stamp = stamp[lost_page]
    lost_stamp[has_event] = stamps[begins[lost_page[has_event]]]
    lost_events = _lost_events(pages, layout, lost_page, used[lost_page], commit[lost_page])
    damaged = int((~fits).sum()) + found.damaged_count
    return Events(start, size, stamps, page, damaged, lost_page, lost_events, lost_stamp)


def _lost_events(pages: Pages, layout: PageLayout, lost_page: Index, used: Index, commit: npt.NDArray[np.uint64]) -> Index:
    """The number behind the used bytes of some pages, where there is one."""
    words, end = pages.words, layout.data_offset + used
    at = pages.start[lost_page] + end
    halves = words.take32(at >> 2), words.take32((at >> 2) + 1)
    number = halves[0].astype(np.int64)
    if layout.long_size == 8:
        low, high = halves if words.order == "<" else halves[::-1]
        number = low.astype(np.int64) + (high.astype(np.int64) << 32)
    stored = (commit & _LOST_STORED != 0) & (end + layout.long_size <= pages.size[lost_page]) & (number >= 0)
    return np.where(stored, number, -1)


class _Lockstep:
    """State of the walk: one entry a page, pages that are done drop out.

    Attributes:
        count: Events of each page.
        damaged_count: Pages that were left at an event that does not fit.

    Args:
        words: Buffer.
        first: Word of each page's first event.
        used: Words of each page's events.
        stamp: Time stamp of each page.
    """

    def __init__(self, words: Words, first: Index, used: Index, stamp: npt.NDArray[np.uint64]) -> None:
        self.count = np.zeros(len(first), np.int64)
        self.damaged_count = 0
        self._words = words
        self._page = np.flatnonzero(used)
        self._at = first[self._page]
        self._end = self._at + used[self._page]
        self._now = stamp[self._page]
        self._done = np.zeros(len(self._page), np.int64)
        # Of each step: pages, the number of the event in its page, its place and size, its time.
        self._found: list[tuple[Index, Index, Index, npt.NDArray[np.uint64]]] = []

    def run(self) -> None:
        """Visit all events."""
        little = self._words.order == "<"
        low27, high5 = np.uint32((1 << 27) - 1), np.uint32(27)
        while len(self._at):
            word = self._words.take32(self._at)
            kind = (word & np.uint32(31) if little else word >> high5).astype(np.int64)
            delta = (word >> np.uint32(5) if little else word & low27).astype(np.uint64)
            following = self._at + _WORDS.take(kind, mode="clip")
            place = ((self._at + 1) << _SIZE_BITS) + (kind << 2)
            self._now = self._now + delta
            # 1-28 without the others: one comparison of unsigned numbers
            special = np.flatnonzero((kind - 1).view(np.uint64) >= np.uint64(_PADDING - 1))
            if len(special):
                self._special(special, kind[special], delta[special], following, place)
            fits = following <= self._end
            if len(special) or not fits.all():
                has_data = np.flatnonzero((kind < _PADDING) & fits & (place & _SIZE_MASK > 0))
                self._found.append((self._page[has_data], self._done[has_data], place[has_data], self._now[has_data]))
                self._done = self._done.copy()
                self._done[has_data] += 1
            else:
                self._found.append((self._page, self._done, place, self._now))
                self._done = self._done + 1
            self._advance(following, fits)

    def in_page_order(self) -> tuple[Index, Index, npt.NDArray[np.uint64]]:
        """Payload byte, payload size and time stamp of all events, page after page."""
        if not self._found:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint64)
        page, number, place, now = (np.concatenate(column) for column in zip(*self._found, strict=True))
        self._found = []
        number += (np.cumsum(self.count) - self.count).take(page, mode="clip")
        places, stamps = np.empty(len(number), np.int64), np.empty(len(number), np.uint64)
        places[number], stamps[number] = place, now
        return (places >> _SIZE_BITS) << 2, places & _SIZE_MASK, stamps

    def _special(self, rows: Index, kind: Index, delta: npt.NDArray[np.uint64], following: Index, place: Index) -> None:
        """Events whose second word matters."""
        at = self._at[rows]
        second = self._words.take32(at + 1).astype(np.int64)
        inside = at + 1 < self._end[rows]
        length = np.where(kind >= _TIME_EXTEND, 2, 1 + ((second + 3) >> 2))
        # An event that is cut, or shorter than its length word, ends nowhere.
        length[~inside | ((kind == _DATA_LONG) & (second < 4))] = _NOWHERE
        empty_rest = (kind == _PADDING) & (delta == 0)
        following[rows] = np.where(empty_rest, self._end[rows], at + length)
        long = kind == _DATA_LONG
        place[rows[long]] = ((at[long] + 2) << _SIZE_BITS) + np.minimum(np.maximum(second[long] - 4, 0), _SIZE_MASK)
        high = second.astype(np.uint64) << _DELTA_BITS
        extend = kind == _TIME_EXTEND
        self._now[rows[extend]] += high[extend]
        absolute = kind == _TIME_STAMP
        before = self._now[rows[absolute]] - delta[absolute]
        self._now[rows[absolute]] = (high + delta)[absolute] | (before & _TOP_BITS)

    def _advance(self, following: Index, fits: npt.NDArray[np.bool_]) -> None:
        """Go to the next events; pages without one are done."""
        going = following < self._end
        self._at = following
        if going.all():
            return
        self.damaged_count += len(fits) - int(np.count_nonzero(fits))
        done, keep = np.flatnonzero(~going), np.flatnonzero(going)
        self.count[self._page[done]] = self._done[done]
        self._page, self._at, self._end = self._page[keep], self._at[keep], self._end[keep]
        self._now, self._done = self._now[keep], self._done[keep]
