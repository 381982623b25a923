"""Copy-ups that no listing shows: nothing was listed, or the copy was removed again. Only what the events alone can prove."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cowtrace.copyup.chains import COPY_UP, DATA
from cowtrace.copyup.collect import MANY_PAGES
from cowtrace.copyup.ledger import Ledger
from cowtrace.copyup.rows import CopyUp
from cowtrace.copyup.triggers import CREATE, DATA_TRIGGERS, METADATA_TRIGGERS, OPEN_WRITE

_PAGE_BYTES = 4096
#: Inode 1 is a file system's own (btrfs keeps its metadata there).
_FIRST_FILE_INODE = 2
_O_CREAT_OR_TRUNC = 0x40 | 0x200


def unlisted(ledger: Ledger, *, overlay_devs: Sequence[int] | None, sees_inodes: bool, on_tmpfs: bool) -> list[CopyUp]:
    """Rows for calls that the ledger has not booked.

    A call chain through the copy-up is proof. Without one: opening a file for writing, or changing its attributes, never fills the page
    cache of a file, unless it is being copied.

    Args:
        ledger: After ``match``.
        overlay_devs: Devices of upper layers; None when no mount table tells; empty when there is no overlay.
        sees_inodes: Page-cache events were recorded.
        on_tmpfs: Some upper layer lies on tmpfs, whose pages show as allocations only.
    """
    calls = ledger.calls
    pages_of = _pages_by_call(ledger, overlay_devs)
    rows = []
    for call in range(len(calls)):
        if call in ledger.used:
            continue
        trigger, chain, cached = int(ledger.trigger[call]), int(calls.chain[call]), pages_of.get(call, 0)
        if chain & COPY_UP:
            moved = bool(chain & DATA) or cached > 0
            filled = cached or (int(calls.pages[call]) if moved and on_tmpfs else 0)
            data = filled * _PAGE_BYTES if moved and filled else None if moved else 0
            known = moved or sees_inodes
            rows.append(CopyUp(call, None, trigger, "chain", data if known else None, not moved if known else None))
            if trigger == OPEN_WRITE and not moved and int(calls.flags[call]) & _O_CREAT_OR_TRUNC:
                rows[-1].trigger = CREATE
        elif overlay_devs == [] or trigger not in DATA_TRIGGERS | METADATA_TRIGGERS:
            continue
        elif cached:
            rows.append(CopyUp(call, None, trigger, "unlisted", cached * _PAGE_BYTES, False))
        elif on_tmpfs and calls.pages[call] >= MANY_PAGES and not ledger.copies:
            rows.append(CopyUp(call, None, trigger, "unlisted", int(calls.pages[call]) * _PAGE_BYTES, False))
    return rows


def _pages_by_call(ledger: Ledger, overlay_devs: Sequence[int] | None) -> dict[int, int]:
    """Pages added to the page cache of one file within each call: the largest, since the lower file may have been read too."""
    allowed = None if overlay_devs is None else frozenset(overlay_devs)
    found: dict[int, int] = {}
    for inode, touches in ledger.touching.items():
        if inode < _FIRST_FILE_INODE:
            continue
        for call, dev, pages in touches:
            # major 0: a device without a disk, such as the one that block devices' own pages belong to
            if pages and (dev in allowed if allowed is not None else dev >> 20 != 0):
                found[call] = max(found.get(call, 0), pages)
    return {call: int(np.int64(pages)) for call, pages in found.items()}
