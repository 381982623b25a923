"""Copies in the upper layer, as the listings show them: what a ledger has to explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cowtrace.parsers.procfs.overlay import Listing

#: Whole blocks that a hole-skipping copy may leave out.
_BLOCK_BYTES = 4096
#: Times beyond are none.
_LATEST_NS = 1 << 62


@dataclass(frozen=True, slots=True)
class Copy:
    """One file, folder or link that came from a lower layer during the recording.

    Attributes:
        mount: The mount, as in the listing.
        path: In the upper layer, without a leading slash.
        type: file, dir, link, other.
        inode, dev: Of the copy; dev in the kernel's encoding, -1 when not known.
        birth_ns: When it was made, on the recording's clock, up to a tick too early; None when the file system doesn't say.
        file_bytes: Size of the file that was copied; None when not known.
        data_bytes: What copying its data moves; None when not known.
        metacopy: Its data is still in the lower layer.
        data_only: It was in the upper layer before, without its data.
        differs: Attributes in which it differs from the lower file.
        changed_bytes: Its bytes that are not as in the lower file; None when not known.
        below: What else is new in a folder: ``whiteout`` (something of the lower layer was removed), ``new`` (something was made).
    """

    mount: dict[str, Any]
    path: str
    type: str
    inode: int
    dev: int
    birth_ns: int | None
    file_bytes: int | None
    data_bytes: int | None
    metacopy: bool
    data_only: bool
    differs: frozenset[str]
    changed_bytes: int | None
    below: frozenset[str] = frozenset()

    @property
    def may_skip_data(self) -> bool:
        """The mount copies metadata alone where that is enough."""
        return self.mount.get("metacopy") is not False

    @property
    def written_later(self) -> bool | None:
        """Its content was changed after it was copied; None when not known."""
        return None if self.changed_bytes is None else self.changed_bytes > 0 or bool(self.differs & {"size", "content"})


def copies_of(listings: Sequence[Listing], wall_offset_ns: int | None) -> list[Copy]:
    """Everything that was copied, in order of birth; hard links to one copy count once.

    Args:
        listings: One for each mount.
        wall_offset_ns: What to subtract from times since 1970 for the recording's clock; None: births are not known.
    """
    found: list[Copy] = []
    for listing in listings:
        by_inode: dict[int, dict[str, Any]] = {}
        for entry in listing.entries.iter_rows(named=True):
            if entry["inode"] is not None and _is_copy(entry):
                kept = by_inode.get(entry["inode"])
                if kept is None or _is_original(entry) > _is_original(kept):
                    by_inode[entry["inode"]] = entry
        below = _made_below(listing)
        found += [_copy(entry, listing.mount, wall_offset_ns, below) for entry in by_inode.values()]
    return sorted(found, key=lambda copy: (copy.birth_ns or 0, copy.inode))


def _is_original(entry: dict[str, Any]) -> int:
    """Of several links to one copy, the one at the place of the lower file ranks highest."""
    redirect = entry["redirect"] or ""
    in_place = redirect in ("", entry["path"].rpartition("/")[2], "/" + entry["path"])
    return 0 if entry["lower_size_bytes"] is None else 1 + in_place


def dev_number(text: str | None) -> int:
    """``major:minor`` in the kernel's own encoding (include/linux/kdev_t.h); -1 when it is none."""
    major, _, minor = (text or "").partition(":")
    return int(major) << 20 | int(minor) if major.isdigit() and minor.isdigit() else -1


def _is_copy(entry: dict[str, Any]) -> bool:
    if entry["type"] == "whiteout":
        return False
    if entry["copied"] is False or (entry["copied"] is None and entry["lower_size_bytes"] is None):
        return False
    return entry["before_inode"] != entry["inode"] or bool(entry["before_metacopy"] and not entry["metacopy"])


def _made_below(listing: Listing) -> dict[str, set[str]]:
    """Folder -> ``whiteout`` and ``new``, as far as they are directly in it."""
    found: dict[str, set[str]] = {}
    for path, kind, copied in listing.entries.select("path", "type", "copied").iter_rows():
        if kind == "whiteout" or copied is False:
            found.setdefault(path.rpartition("/")[0], set()).add("whiteout" if kind == "whiteout" else "new")
    return found


def _copy(entry: dict[str, Any], mount: dict[str, Any], wall_offset_ns: int | None, below: dict[str, set[str]]) -> Copy:
    birth = entry["birth_ns"] if (entry["birth_ns"] or 0) < _LATEST_NS else None
    lower, allocated = entry["lower_size_bytes"], entry["lower_alloc_bytes"]
    data: int | None = 0
    if entry["type"] == "file":
        data = lower
        if lower is not None and allocated is not None and allocated + _BLOCK_BYTES <= lower:
            data = allocated  # holes are not copied
        if data is None and entry["size_bytes"] is not None:
            data = entry["size_bytes"]  # moved away from where its lower file lies
    return Copy(
        mount=mount,
        path=entry["path"],
        type=entry["type"],
        inode=entry["inode"],
        dev=dev_number(entry["dev"]),
        birth_ns=None if birth is None or wall_offset_ns is None else birth - wall_offset_ns,
        file_bytes=lower if lower is not None else entry["size_bytes"],
        data_bytes=data,
        metacopy=bool(entry["metacopy"]),
        data_only=entry["before_inode"] == entry["inode"],
        differs=frozenset((entry["differs"] or "").split("|")) - {""},
        changed_bytes=entry["changed_bytes"],
        below=frozenset(below.get(entry["path"], ())) if entry["type"] == "dir" else frozenset(),
    )
