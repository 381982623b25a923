"""One row of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cowtrace.copyup.copies import Copy
from cowtrace.copyup.triggers import TRIGGERS

#: How a row was put together, and how sure that makes it. ``order``: several calls of the same process and kind at about
#: the time of birth, taken in their order.
CONFIDENCE = {
    "chain": 0.99,
    "inode": 0.97,
    "birth": 0.9,
    "parent": 0.9,
    "pages": 0.8,
    "order": 0.75,
    "differs": 0.6,
    "unlisted": 0.5,
    "none": 0.0,
}
#: What each is in terms of ``copyup.evidence``.
EVIDENCE = {
    "chain": "callchain",
    "inode": "join",
    "birth": "state",
    "parent": "state",
    "pages": "join",
    "order": "state",
    "differs": "state",
    "unlisted": "join",
    "none": "none",
}


@dataclass(slots=True)
class CopyUp:
    """One copy-up.

    Attributes:
        call: Position among the calls; -1: no call is known to have made it.
        copy: What the listing says of it; None: not listed.
        trigger: Code of ``TRIGGERS``.
        matched_by: Key of ``CONFIDENCE``.
        copied_bytes: Data copied; None when not known.
        metadata_only: No data was copied; None when not known.
        pays: The call's time is this row's; False for the folders above a file, which the same call copied first.
        data_later: The file's data was needed later all the same; None when not known.
        written_bytes: Bytes of the copy that are not as in the lower file; None when not known or counted elsewhere.
    """

    call: int
    copy: Copy | None
    trigger: int
    matched_by: str
    copied_bytes: int | None
    metadata_only: bool | None
    pays: bool = True
    data_later: bool | None = None
    written_bytes: int | None = None

    @property
    def wasted_ratio(self) -> float | None:
        """Share of the copied bytes that nobody changed: copying them served nothing but the file system."""
        if not self.copied_bytes or self.written_bytes is None:
            return None
        return 1 - min(self.written_bytes, self.copied_bytes) / self.copied_bytes

    def names(self) -> dict[str, Any]:
        """The columns that name what was copied."""
        if self.copy is None:
            return dict.fromkeys(("path", "upper_path", "file_type", "inode", "mount_id", "file_bytes"))
        point = str(self.copy.mount.get("mount_point") or "").rstrip("/")
        upper = str(self.copy.mount.get("upper") or "").rstrip("/")
        return {
            "path": f"{point}/{self.copy.path}",
            "upper_path": f"{upper}/{self.copy.path}",
            "file_type": self.copy.type,
            "inode": self.copy.inode,
            "mount_id": self.copy.mount.get("mount_id"),
            "file_bytes": self.copy.file_bytes,
        }

    @property
    def trigger_name(self) -> str:
        return TRIGGERS[self.trigger]
