"""Lines between snapshots, and the time and process that each snapshot gets from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

import numpy as np

from cowtrace.parsers.base import Note, SourceInfo
from cowtrace.parsers.procfs.lines import Lines, Mask, byte_set
from cowtrace.parsers.procfs.naming import MAX_PID, Place, place_of
from cowtrace.parsers.procfs.when import parse_time
from cowtrace.text import decode_name

# First bytes of a mark: ``# time``, ``==> name <==``, or the digits of a bare time; the shortest is ``#pid 1``.
_MARK_BYTES = byte_set(b"#=0123456789")
_REMARK_BYTES = byte_set(b"#=")
_MIN_BYTES, _MAX_BYTES = 6, 4096

# # time 1795383715.200634543 pid 1234
_TIME = re.compile(r"\btime\b[ :=]*(?P<time>\d\S*(?: \d\d:\S+)?)")
_PID = re.compile(r"\b(?:pid|tgid)\b[ :=]*(?P<pid>\d{1,7})\b")
# ==> /proc/1234/smaps <==
_BANNER = re.compile(r"==> (?P<path>.+) <==$")


@dataclass(frozen=True, slots=True)
class Mark:
    """One line between snapshots.

    Attributes:
        wall_ns: Its time, ns since 1970.
        tgid: Its process.
        names_time: It has a time, perhaps one that can't be read.
        names_process: It says that another process follows, perhaps without saying which.
    """

    wall_ns: int | None = None
    tgid: int | None = None
    names_time: bool = False
    names_process: bool = False


def parse_mark(line: bytes) -> Mark | None:
    """The mark that a line is, or None: a plain comment, or no mark at all."""
    text = decode_name(line).strip()
    if text.startswith("#"):
        if "time" not in text and "pid" not in text and "tgid" not in text:
            return None
        time, pid = _TIME.search(text), _PID.search(text)
        if time is None and pid is None:
            return None
        tgid = int(pid["pid"]) if pid else 0
        return Mark(
            parse_time(time["time"]) if time else None,
            tgid if 0 < tgid <= MAX_PID else None,
            names_time=time is not None,
            names_process=pid is not None,
        )
    if match := _BANNER.match(text):
        place = place_of(PurePosixPath(match["path"]))
        return Mark(place.wall_ns, place.tgid, names_time=place.wall_ns is not None, names_process=True)
    wall_ns = parse_time(text)
    return Mark(wall_ns, names_time=True) if wall_ns is not None else None


def read_marks(lines: Lines, is_other: Mask) -> tuple[list[tuple[int, Mark]], Mask]:
    """The marks among some lines with their line numbers, and which of these lines are marks or remarks (``# ...``, ``=== ...``).

    Args:
        lines: Lines of any kind.
        is_other: The lines among them that are nothing else.
    """
    first, size = lines.first_bytes(), lines.ends - lines.starts
    is_apart: Mask = is_other & _REMARK_BYTES[first]
    marks: list[tuple[int, Mark]] = []
    for number in np.flatnonzero(is_other & _MARK_BYTES[first] & (size >= _MIN_BYTES) & (size <= _MAX_BYTES)).tolist():
        mark = parse_mark(lines.data[lines.starts[number] : lines.ends[number]])
        if mark is not None:
            marks.append((number, mark))
            is_apart[number] = True
    return marks, is_apart


@dataclass(frozen=True, slots=True)
class SnapshotOptions:
    """What the caller knows about a copy, and how to read it.

    Attributes:
        tgid: Process of all its snapshots; overrides what the file and its name say.
        wall_ns: Time of its first snapshot, ns since 1970; overrides likewise.
        wall_offset_ns: Taken from every time, to get the clock of the recording whose ``SourceInfo`` has it.
        first_snapshot_id: Number of its first snapshot.
        block_bytes: Bytes read at once: the unit of memory.
    """

    tgid: int | None = None
    wall_ns: int | None = None
    wall_offset_ns: int = 0
    first_snapshot_id: int = 0
    block_bytes: int = 1 << 21


@dataclass(frozen=True, slots=True)
class Stamp:
    """One snapshot: its number within the file, its time on the recording's clock and its process, None where unknown."""

    snapshot_id: int
    ts_ns: int | None
    tgid: int | None


class Stamps:
    """Gives time and process to the snapshots of one file as they begin.

    Attributes:
        count: Snapshots so far.
        undated: Those without a time.
        unowned: Those without a process.
        unread_times: Marks whose time can't be read.
        first_ns: Earliest known time.
        last_ns: Latest known time.
    """

    def __init__(self, place: Place, options: SnapshotOptions) -> None:
        self.count = self.undated = self.unowned = self.unread_times = 0
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self._options = options
        self._wall_ns = place.wall_ns
        self._tgid = place.tgid

    def mark(self, mark: Mark) -> None:
        """Take in a line; it speaks for the snapshots that begin after it."""
        if mark.names_time:
            self._wall_ns = mark.wall_ns
            self.unread_times += mark.wall_ns is None
        if mark.names_process:
            self._tgid = mark.tgid

    def begin(self, why: Literal["mark", "form", "repeat"]) -> Stamp:
        """A new snapshot.

        Args:
            why: ``mark``: a line said so, or the file begins. ``form``: a rollup follows the mappings it totals, or the
                reverse: the same moment. ``repeat``: the content started over, nobody knows when.
        """
        if why == "repeat":
            self._wall_ns = None
        wall_ns = self._wall_ns
        if self._options.wall_ns is not None and not self.count:
            wall_ns = self._options.wall_ns
        ts_ns = None if wall_ns is None else wall_ns - self._options.wall_offset_ns
        if ts_ns is not None and not -(1 << 63) <= ts_ns < 1 << 63:
            ts_ns = None
        if ts_ns is not None:
            self.first_ns = ts_ns if self.first_ns is None else min(self.first_ns, ts_ns)
            self.last_ns = ts_ns if self.last_ns is None else max(self.last_ns, ts_ns)
        tgid = self._tgid if self._options.tgid is None else self._options.tgid
        stamp = Stamp(self._options.first_snapshot_id + self.count, ts_ns, tgid)
        self.count += 1
        self.undated += ts_ns is None
        self.unowned += stamp.tgid is None
        return stamp

    def describe(self, info: SourceInfo) -> None:
        """Write clock, times and what is missing into ``info``."""
        offset = self._options.wall_offset_ns
        info.clock, info.wall_offset_ns = (None, offset) if offset else ("realtime", 0)
        info.first_ns, info.last_ns = self.first_ns, self.last_ns
        info.features["snapshots"] = self.count
        if self.unread_times:
            info.notes.append(Note("times that can't be read; a date needs its zone", self.unread_times))
        if self.undated:
            info.notes.append(Note("snapshots without a time: put it in the file name or in '# time' lines", self.undated))
