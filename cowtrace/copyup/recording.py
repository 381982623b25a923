"""The copy-ups of one recording: events, listings and mount tables in, rows out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cowtrace.attribution.stacks import StackTable
from cowtrace.copyup.chains import ChainMarks, FunctionRanges
from cowtrace.copyup.collect import CallCollector, Calls
from cowtrace.copyup.copies import copies_of, dev_number
from cowtrace.copyup.ledger import TICK_NS, Ledger
from cowtrace.copyup.marks import MarkReader
from cowtrace.copyup.rows import CopyUp
from cowtrace.copyup.unlisted import unlisted
from cowtrace.parsers.base import EventDesc, SourceInfo
from cowtrace.parsers.procfs.overlay import Listing


@dataclass(slots=True)
class Surroundings:
    """What lies beside a recording.

    Attributes:
        listings: Of upper layers.
        mounts: Rows of mount tables (``cowtrace.parsers.procfs.mountinfo.SCHEMA``).
        functions: Kernel functions by address; None when not saved.
    """

    listings: list[Listing] = field(default_factory=list)
    mounts: list[dict[str, Any]] = field(default_factory=list)
    functions: FunctionRanges | None = None


class CopyUps:
    """Finds the copy-ups of a recording.

    Args:
        info: Facts about it.
        events: Its events.
        stacks: Its call chains.
        around: What lies beside it.
    """

    def __init__(self, info: SourceInfo, events: Sequence[EventDesc], stacks: StackTable, around: Surroundings) -> None:
        self._around = around
        self._reader = MarkReader(events, info.arch)
        self._copies = copies_of(around.listings, wall_offset(info, around.listings))
        births = np.array(sorted(copy.birth_ns for copy in self._copies if copy.birth_ns is not None), np.int64)
        inodes = np.array(sorted({copy.inode for copy in self._copies}), np.int64)
        self.collector = CallCollector(self._reader, ChainMarks(stacks, around.functions), births=births, inodes=inodes, tick_ns=TICK_NS)

    @property
    def has_listing(self) -> bool:
        """True when an upper layer was listed."""
        return bool(self._around.listings)

    @property
    def sees_calls(self) -> bool:
        """True when system calls were recorded from begin to end."""
        return self._reader.usable

    def finish(self) -> tuple[Calls, list[CopyUp]]:
        """The calls and the rows, in order of time; ``CopyUp.call`` counts in the calls."""
        calls = self.collector.calls()
        ledger = Ledger(calls, self.collector.inside(calls), self._copies)
        rows = ledger.match()
        rows += unlisted(
            ledger,
            overlay_devs=_upper_devs(self._around),
            sees_inodes=self._reader.sees_inodes,
            on_tmpfs=_on_tmpfs(self._around),
        )
        return calls, rows


def wall_offset(info: SourceInfo, listings: Sequence[Listing]) -> int | None:
    """What lies between times since 1970 and the recording's clock."""
    own = next((offset for listing in listings if (offset := listing.wall_offset_ns()) is not None), None)
    if info.clock in (None, "mono") and own is not None:
        return own
    return info.wall_offset_ns


def _upper_devs(around: Surroundings) -> list[int] | None:
    """Devices of the upper layers; None when it is not known which there are."""
    devs = [dev_number(listing.mount.get("upper_dev")) for listing in around.listings]
    if not around.mounts:
        return devs or None
    for row in around.mounts:
        if row["fs_type"] == "overlay" and (home := _home(row, around.mounts)):
            devs.append(dev_number(home["dev"]))
    return sorted(set(devs))


def _on_tmpfs(around: Surroundings) -> bool:
    homes = [_home(row, around.mounts) for row in around.mounts if row["fs_type"] == "overlay"]
    return any(home is not None and home["fs_type"] in ("tmpfs", "ramfs") for home in homes)


def _home(row: dict[str, Any], mounts: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The mount that holds an overlay's upper layer."""
    from cowtrace.parsers.procfs.mountinfo import split_options

    upper = dict(split_options(row["super_options"])).get("upperdir")
    if not upper:
        return None
    above = [mount for mount in mounts if (upper + "/").startswith(mount["mount_point"].rstrip("/") + "/")]
    return max(above, key=lambda mount: len(mount["mount_point"]), default=None)
