"""What recorded copy-ups would have cost under other mount options: pure functions over rows of table ``copyup``.

``metacopy=on``: a change of attributes or name copies no data (fs/overlayfs/copy_up.c, ovl_need_meta_copy_up); the data follows when the
file is opened for writing. ``metacopy=off``: it copies the data at once, and nothing follows. A tmpfs over a folder hides the lower files
there: nothing is copied up below it, and what lies in it is memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cowtrace.copyup.costs import NOTHING, CopyCosts, Range
from cowtrace.copyup.triggers import DATA_TRIGGERS, METADATA_TRIGGERS, TRIGGERS

_METADATA = frozenset(TRIGGERS[code] for code in METADATA_TRIGGERS)
_DATA = frozenset(TRIGGERS[code] for code in DATA_TRIGGERS)


@dataclass(frozen=True, slots=True)
class Cost:
    """One copy-up's bytes and nanoseconds, as recorded or predicted; ``memory`` is what it keeps in memory.

    Values are ``Range``; a recorded number is its own interval.
    """

    data_bytes: Range
    time_ns: Range
    memory_bytes: Range = NOTHING


@dataclass(frozen=True, slots=True)
class Copied:
    """A row of ``copyup``, as far as a prediction needs it.

    Attributes:
        row: Column -> value.
        metacopy: The mount copied metadata alone while recording; None when not known.
        recorded: What it cost.
        cost: What it costs under the scenario so far.
        hidden: A tmpfs lies over the file: it is not copied up, whatever else is changed.
    """

    row: Mapping[str, Any]
    metacopy: bool | None
    recorded: Cost
    cost: Cost
    hidden: bool = False

    @property
    def is_file(self) -> bool:
        return self.row.get("file_type") in (None, "file")


def start(rows: Iterable[Mapping[str, Any]], metacopy_of_mount: Mapping[int, bool | None], costs: CopyCosts) -> list[Copied]:
    """The rows as recorded; a time that was not recorded comes from the costs."""
    found = []
    for row in rows:
        data = row["copied_bytes"]
        bytes_ = Range.exact(data) if data is not None else Range(row.get("file_bytes") or 0, 0, row.get("file_bytes") or 0)
        time = Range.exact(row["duration_ns"] or 0)
        if row["duration_ns"] is None and row["trigger"] == "unknown" and data:
            time = costs.data(data)
        cost = Cost(bytes_, time)
        found.append(Copied(row, metacopy_of_mount.get(row.get("mount_id") or -1), cost, cost))
    return found


def metacopy_on(copies: Sequence[Copied], costs: CopyCosts, comm: str | None = None) -> list[Copied]:
    """Attributes and names change without data; the data of files that were written later is copied then, at the recorded cost."""
    return [_without_data(copied, costs) if _meant(copied, comm) else copied for copied in copies]


def _without_data(copied: Copied, costs: CopyCosts) -> Copied:
    row = copied.row
    affected = row["trigger"] in _METADATA and copied.is_file and not row["metadata_only"] and copied.metacopy is not True
    if not affected:
        return copied
    once = Cost(Range.exact(0), costs.metadata)
    later = Cost(copied.cost.data_bytes, copied.cost.time_ns + costs.metadata)
    if row.get("data_later") is True:
        return replace(copied, cost=later)
    if row.get("data_later") is False:
        return replace(copied, cost=once)
    # whether anybody opens it for writing is not known: at least never, at most always
    return replace(copied, cost=Cost(once.data_bytes.up_to(later.data_bytes), once.time_ns.up_to(later.time_ns)))


def metacopy_off(copies: Sequence[Copied], costs: CopyCosts, comm: str | None = None) -> list[Copied]:
    """Every change of attributes or names copies the file's data; the copies of data that followed are gone."""
    at_once = {_identity(copied) for copied in copies if _meant(copied, comm) and _identity(copied) is not None and _was_deferred(copied)}
    found = []
    for copied in copies:
        if not _meant(copied, comm):
            found.append(copied)
        elif _was_deferred(copied):
            size = copied.row.get("file_bytes") or 0
            found.append(replace(copied, cost=Cost(Range.exact(size), costs.data(size))))
        elif copied.row["trigger"] in _DATA | {"unknown"} and not copied.row["metadata_only"] and _identity(copied) in at_once:
            found.append(replace(copied, cost=Cost(Range.exact(0), Range.exact(0))))
        else:
            found.append(copied)
    return found


def _was_deferred(copied: Copied) -> bool:
    """Metadata of a file with data was copied alone, because of ``metacopy=on``."""
    row = copied.row
    return bool(row["metadata_only"]) and row["trigger"] in _METADATA and row.get("file_type") == "file" and bool(row.get("file_bytes"))


def _identity(copied: Copied) -> tuple[Any, Any] | None:
    inode = copied.row.get("inode")
    return None if inode is None else (copied.row.get("mount_id"), inode)


def tmpfs_over(copies: Sequence[Copied], path: str, comm: str | None = None) -> list[Copied]:
    """Nothing is copied up below a path; its files lie in memory instead."""
    found = []
    for copied in copies:
        if _meant(copied, comm) and is_below(copied.row.get("path"), path):
            size = copied.row.get("file_bytes") or 0
            # a copy of metadata and one of data are of the same file: it lies in memory once
            again = bool(copied.row["metadata_only"]) and copied.row.get("data_later") is True
            held = Range.exact(0 if again or not copied.is_file else size)
            found.append(replace(copied, cost=Cost(NOTHING, NOTHING, held), hidden=True))
        else:
            found.append(copied)
    return found


def upper_on_tmpfs(copies: Sequence[Copied], point: str, costs: CopyCosts, comm: str | None = None) -> list[Copied]:
    """The whole upper layer lies on a tmpfs: the same copies, at the speed of memory and without a sync; they stay in memory."""
    found = []
    for copied in copies:
        if _meant(copied, comm) and is_below(copied.row.get("path"), point):
            size = copied.cost.data_bytes
            time = costs.tmpfs_data(size.value) if size.value else costs.tmpfs_metadata.at_most(copied.cost.time_ns)
            found.append(replace(copied, cost=Cost(size, time if copied.cost.time_ns.value else copied.cost.time_ns, size)))
        else:
            found.append(copied)
    return found


def is_below(path: str | None, folder: str) -> bool:
    """Whether a path lies in a folder, or is it."""
    return path is not None and (path + "/").startswith(folder.rstrip("/") + "/")


def _meant(copied: Copied, comm: str | None) -> bool:
    return not copied.hidden and (comm is None or copied.row.get("comm") == comm)
