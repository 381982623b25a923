"""Which call made which copy: the listing of the upper layer matched with the system calls of the recording.

Strongest first: the inode that a call created, made dirty or filled is that of the copy; the copy was born while the call ran; among
several such calls, those that explain what changed. What stays ambiguous between processes or kinds of call stays unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from cowtrace.copyup.chains import COPY_UP, DATA
from cowtrace.copyup.collect import Calls, Inside
from cowtrace.copyup.copies import Copy
from cowtrace.copyup.rows import CopyUp
from cowtrace.copyup.triggers import (
    CALLS,
    CHMOD,
    CHOWN,
    CREATE,
    DATA_TRIGGERS,
    LINK,
    METADATA_TRIGGERS,
    O_CREAT,
    O_TRUNC,
    OPEN_WRITE,
    RENAME,
    TRUNCATE,
    UNKNOWN,
    UNLINK,
    UTIMES,
)

#: The kernel's coarse clock, which stamps births: at most one tick of CONFIG_HZ=100 behind.
TICK_NS = 10_000_000
#: Between the two readings of the clocks that tie births to events.
SLACK_NS = 100_000
_PAGE_BYTES = 4096
_TRIGGER_OF = np.array([call.trigger for call in CALLS.values()])
#: Kind of call -> what it leaves behind. A folder's time of change says nothing: everything below moves it.
_EXPLAINS = {
    CHMOD: {"mode"},
    CHOWN: {"owner", "mode"},
    UTIMES: {"mtime"},
    OPEN_WRITE: {"size", "content", "mtime", "new"},
    TRUNCATE: {"size", "mtime"},
    CREATE: {"new"},
    UNLINK: {"whiteout"},
    RENAME: {"new", "whiteout"},
    LINK: {"new"},
}


class Ledger:
    """Matches copies with calls.

    Args:
        calls: Those kept.
        inside: Files that they touched.
        copies: What the listings show, in order of birth.
    """

    def __init__(self, calls: Calls, inside: Inside, copies: Sequence[Copy]) -> None:
        self.calls, self.copies = calls, copies
        self.trigger = _TRIGGER_OF[calls.code] if len(calls) else np.zeros(0, np.int64)
        self._position = {number: place for place, number in enumerate(calls.number.tolist())}
        #: inode -> (call, device, pages added to the page cache), in order of time
        self.touching: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for number, inode, dev, pages in zip(
            *(column.tolist() for column in (inside.number, inside.inode, inside.dev, inside.pages)), strict=True
        ):
            self.touching[inode].append((self._position[number], dev, pages))
        for touches in self.touching.values():
            touches.sort()
        self.used: set[int] = set()
        self._with_file: set[int] = set()
        self._longest_ns = int((calls.end_ns - calls.start_ns).max()) if len(calls) else 0
        self.rows: list[CopyUp] = []

    def match(self) -> list[CopyUp]:
        """One row for each copy, and one more where its data followed later."""
        made = [copy for copy in self.copies if not copy.data_only]
        # folders last: the call that copied a file copied the folders above it first, and pays once
        for folders in (False, True):
            waiting = []
            for copy in made:
                if (copy.type == "dir") == folders:
                    call = self._by_inode(copy)
                    if call is None:
                        waiting.append(copy)
                    else:
                        self._enter(copy, call, "chain" if self.calls.chain[call] & COPY_UP else "inode")
            for copy in waiting:
                self._by_birth(copy)
        self._data_later()
        return self.rows

    def _by_inode(self, copy: Copy) -> int | None:
        """The first call that touched the copy's inode while it was born."""
        for call, dev, _ in self.touching.get(copy.inode, ()):
            at_birth = copy.birth_ns is None or self._spans(call, copy.birth_ns)
            if dev in (-1, copy.dev) and at_birth and self._can_make(call, copy):
                return call
        return None

    def _spans(self, call: int, birth_ns: int) -> bool:
        start, end = int(self.calls.start_ns[call]), int(self.calls.end_ns[call])
        return start - TICK_NS - SLACK_NS <= birth_ns <= end + SLACK_NS

    def _can_make(self, call: int, copy: Copy) -> bool:
        if copy.type == "dir":
            return True
        kinds = METADATA_TRIGGERS if copy.metacopy or copy.type != "file" else METADATA_TRIGGERS | DATA_TRIGGERS
        return int(self.trigger[call]) in kinds

    def _by_birth(self, copy: Copy) -> None:
        if copy.birth_ns is None:
            self._unknown(copy)
            return
        if copy.type == "dir" and (call := self._with_a_file_below(copy)) is not None:
            self._enter(copy, call, "parent")
            return
        first = int(np.searchsorted(self.calls.start_ns, copy.birth_ns - self._longest_ns - SLACK_NS))
        last = int(np.searchsorted(self.calls.start_ns, copy.birth_ns + TICK_NS + SLACK_NS, side="right"))
        near = np.flatnonzero(self.calls.end_ns[first:last] >= copy.birth_ns - SLACK_NS) + first
        # a call copies one file; folders may be made by a call that made another folder before
        taken = self._with_file if copy.type == "dir" else self.used
        possible = [call for call in near.tolist() if call not in taken and self._can_make(call, copy)]
        possible = self._with_enough_pages(possible, copy)
        if not possible:
            self._unknown(copy)
            return
        if not self._alike(possible):
            seen = (copy.differs - {"mtime"} if copy.type == "dir" else copy.differs) | copy.below
            fitting = [call for call in possible if seen & _EXPLAINS.get(int(self.trigger[call]), set())]
            if fitting and self._alike(fitting):
                self._enter(copy, fitting[0], "differs")
            else:
                self._unknown(copy, possible)
            return
        self._enter(copy, possible[0], "birth" if len(possible) == 1 else "order")

    def _with_a_file_below(self, folder: Copy) -> int | None:
        """The call that copied a file below a folder, and so the folder before; None when another call may have made the folder earlier."""
        assert folder.birth_ns is not None
        rows = [row for row in self.rows if row.call >= 0 and row.copy and row.copy.path.startswith(folder.path + "/")]
        rows = sorted((row for row in rows if self._spans(row.call, folder.birth_ns or 0)), key=lambda row: row.call)
        if not rows:
            return None
        call = rows[0].call
        # numbers in a row: the folder, those between, and the file, made by one call
        depth = folder.path.count("/")
        if any(row.call == call and row.copy and row.copy.inode - folder.inode == row.copy.path.count("/") - depth for row in rows):
            return call
        first = int(np.searchsorted(self.calls.start_ns, folder.birth_ns - self._longest_ns - SLACK_NS))
        earlier = [other for other in range(first, call) if other not in self._with_file and self._spans(other, folder.birth_ns)]
        return None if any(self._changes_a_folder(other) for other in earlier) else call

    def _changes_a_folder(self, call: int) -> bool:
        flags, trigger = int(self.calls.flags[call]), int(self.trigger[call])
        return bool(flags & O_CREAT) if trigger == OPEN_WRITE else trigger in (CREATE, UNLINK, RENAME, LINK)

    def _with_enough_pages(self, possible: list[int], copy: Copy) -> list[int]:
        """Without those that allocated too little for the data, where allocations were recorded."""
        if copy.type != "file" or copy.may_skip_data or not self.calls.pages.any() or (copy.data_bytes or 0) < 16 * _PAGE_BYTES:
            return possible
        least = (copy.data_bytes or 0) // _PAGE_BYTES // 2
        return [call for call in possible if self.calls.pages[call] >= least or self._truncates(call)]

    def _alike(self, calls: Iterable[int]) -> bool:
        """All of one process and one kind: whichever it was, process and trigger are right."""
        return len({(int(self.calls.tgid[call]), int(self.trigger[call])) for call in calls}) == 1

    def _truncates(self, call: int) -> bool:
        flags = int(self.calls.flags[call])
        return int(self.trigger[call]) == OPEN_WRITE and flags >= 0 and bool(flags & O_TRUNC)

    def _enter(self, copy: Copy, call: int, how: str) -> None:
        """Book a copy under a call."""
        trigger = int(self.trigger[call])
        if copy.type == "dir":
            pays = call not in self.used
            self.used.add(call)
            if trigger == OPEN_WRITE and call not in self._with_file:
                trigger = CREATE
            self.rows.append(CopyUp(call, copy, trigger, how, 0, True, pays))
            return
        self.used.add(call)
        self._with_file.add(call)
        row = CopyUp(call, copy, trigger, how, copy.data_bytes, False)
        if copy.type != "file" or self._truncates(call) or copy.data_bytes == 0:
            row.copied_bytes, row.metadata_only = 0, True
        elif copy.metacopy:
            row.copied_bytes, row.metadata_only, row.data_later = 0, True, False
        elif trigger in METADATA_TRIGGERS and copy.may_skip_data and not self._moved_data(copy, call):
            row.copied_bytes, row.metadata_only, row.data_later = 0, True, True
        if not row.metadata_only:
            row.written_bytes = copy.changed_bytes
            if trigger in METADATA_TRIGGERS:
                row.data_later = copy.written_later
        self.rows.append(row)

    def _moved_data(self, copy: Copy, call: int) -> bool:
        """A metadata operation that copied the data all the same; only the mount's option being unknown leaves that open."""
        if copy.mount.get("metacopy") is True:
            return False
        pages = sum(pages for touched, _, pages in self.touching.get(copy.inode, ()) if touched == call)
        return bool(self.calls.chain[call] & DATA) or pages * _PAGE_BYTES >= (copy.data_bytes or 0) // 2 > 0

    def _unknown(self, copy: Copy, possible: Sequence[int] = ()) -> None:
        """A copy that no call is known to have made; the process, when only one comes into question."""
        data = 0 if copy.metacopy or copy.type != "file" else copy.data_bytes
        owners = {int(self.calls.tgid[call]) for call in possible}
        call = possible[0] if len(owners) == 1 else -1
        row = CopyUp(call, copy, UNKNOWN, "none", data, data == 0, pays=False)
        row.written_bytes = copy.changed_bytes if data else None
        self.rows.append(row)

    def _data_later(self) -> None:
        """Data that followed a copy of metadata: an open or truncate that filled the inode, or allocated as many pages."""
        for copy in [row.copy for row in self.rows if row.metadata_only and row.data_later and row.copy]:
            self._enter_data(copy)
        for copy in self.copies:
            if copy.data_only:
                self._enter_data(copy)

    def _enter_data(self, copy: Copy) -> None:
        calls = [call for call, dev, pages in self.touching.get(copy.inode, ()) if pages and dev in (-1, copy.dev)]
        after = copy.birth_ns if copy.birth_ns is not None and not copy.data_only else -1
        fits = [call for call in calls if self._fills(call, after)]
        how = "inode"
        if not fits:
            least = (copy.data_bytes or 0) // _PAGE_BYTES
            many = np.flatnonzero((self.calls.pages >= max(least, 1)) & (self.calls.end_ns >= after))
            fits = [call for call in many.tolist() if call not in self.used and self._fills(call, after)]
            fits.sort(key=lambda call: int(self.calls.pages[call]))
            fits = [call for call in fits if self.calls.pages[call] == self.calls.pages[fits[0]]]
            how = "pages"
            if not fits or not self._alike(fits):
                self.rows.append(CopyUp(-1, copy, UNKNOWN, "none", copy.data_bytes, False, False, None, copy.changed_bytes))
                return
        call = fits[0]
        self.used.add(call)
        self.rows.append(CopyUp(call, copy, int(self.trigger[call]), how, copy.data_bytes, False, written_bytes=copy.changed_bytes))
        if how == "inode" and self.calls.chain[call] & COPY_UP:
            self.rows[-1].matched_by = "chain"

    def _fills(self, call: int, after_ns: int) -> bool:
        return int(self.trigger[call]) in DATA_TRIGGERS and not self._truncates(call) and int(self.calls.end_ns[call]) >= after_ns
