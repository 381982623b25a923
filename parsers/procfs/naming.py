"""What the path of a copy says: the kind of file, the process, the time. The scheme is in the package's docstring."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

from cowtrace.parsers.procfs.when import cut_times, parse_time

#: include/linux/threads.h, PID_MAX_LIMIT on 64 bits.
MAX_PID = 1 << 22

_KINDS = r"smaps[._-]rollup|smaps|rollup|vmstat|meminfo|mountinfo"
# smaps/1234/1700000000123456789.smaps · vmstat/1700000000123456789.vmstat · mountinfo/1234.mountinfo
_RECORDED = re.compile(
    r"(?:^|/)(?:smaps/(?P<tgid>\d{1,7})/(?P<ns>\d{1,19})\.(?P<kind>smaps|rollup)"
    r"|(?P<folder>vmstat|meminfo)/(?P<ns2>\d{1,19})\.(?P=folder)"
    r"|mountinfo/(?P<tgid2>\d{1,7})\.mountinfo)$"
)
# 1700000000/proc/1234/task/1240/smaps
_TREE = re.compile(rf"(?:^|/)(?P<tgid>\d{{1,7}})/(?:task/\d+/)?(?P<kind>{_KINDS})(?:\.txt)?$")
# parent-smaps.txt, SMAPS_1234: the word stands alone
_WORD = re.compile(rf"(?:^|[^a-z])(?P<kind>{_KINDS})(?![a-z])", re.IGNORECASE)
_INTEGER = re.compile(r"(?<![A-Za-z0-9])(?:pid|tgid)?(\d+)(?![A-Za-z0-9])")


@dataclass(frozen=True, slots=True)
class Place:
    """Facts from a path; None where it says nothing.

    Attributes:
        kind: ``smaps``, ``rollup``, ``vmstat``, ``meminfo`` or ``mountinfo``. A name only: content decides.
        tgid: Process.
        wall_ns: Time of the (first) snapshot, ns since 1970.
    """

    kind: str | None = None
    tgid: int | None = None
    wall_ns: int | None = None


def place_of(path: PurePath) -> Place:
    """What a path says by the naming scheme."""
    parts = path.parts[-5:]
    text = "/".join(parts).removesuffix(".zst")
    if match := _RECORDED.search(text):
        nanoseconds = match["ns"] or match["ns2"]
        wall_ns = int(nanoseconds) if nanoseconds else None
        kind = match["kind"] or match["folder"] or "mountinfo"
        return Place(kind, _pid(match["tgid"] or match["tgid2"]), wall_ns if wall_ns is None or wall_ns < 1 << 63 else None)
    name = text.rpartition("/")[2]
    if match := _TREE.search(text):
        return Place(_kind(match["kind"]), _pid(match["tgid"]), _tree_time(text, name))
    word = _WORD.search(name)
    if word is None:
        return Place()
    times, rest = cut_times(name)
    pids = [pid for pid in (_pid(digits) for digits in _INTEGER.findall(rest)) if pid is not None]
    kind = _kind(word["kind"])
    return Place(
        kind,
        pids[0] if len(pids) == 1 and kind not in {"vmstat", "meminfo"} else None,
        times[0] if len(times) == 1 else None,
    )


def _tree_time(text: str, name: str) -> int | None:
    folders = [folder for folder in text.removesuffix(name).split("/") if folder]
    times = [time for time in map(parse_time, folders) if time is not None]
    return times[0] if len(times) == 1 else None


def _kind(word: str) -> str:
    return "rollup" if word.lower().endswith("rollup") else word.lower()


def _pid(digits: str | None) -> int | None:
    value = int(digits) if digits and len(digits) <= 7 else 0
    return value if 0 < value <= MAX_PID else None
