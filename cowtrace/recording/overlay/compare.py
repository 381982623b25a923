"""What a copied file has become: compared with the file of the lower layer that it was copied from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from cowtrace.recording.overlay.tree import Entry, entry_at

_BLOCK_BYTES = 1 << 20


@dataclass(slots=True)
class Budget:
    """How much may still be read to compare contents; bytes."""

    left_bytes: int = 1 << 30


def lower_entry(entry: Entry, layers: Sequence[bytes], left: Mapping[int, bytes]) -> tuple[bytes, Entry] | None:
    """The topmost lower entry of the same kind, as (layer, entry); None when no layer has one.

    Args:
        entry: Of the upper layer; one that was renamed may say where it lay (``redirect``).
        layers: Lower layers, topmost first.
        left: Inode of what lies below each new whiteout -> its path: where renamed files came from.
    """
    path = entry.path
    if entry.origin_inode is not None and not entry.redirect:
        path = left.get(entry.origin_inode, path)
    if entry.redirect:
        absolute = entry.redirect.startswith(b"/")
        path = entry.redirect.lstrip(b"/") if absolute else os.path.join(os.path.dirname(path), entry.redirect)
    if b".." in path.split(b"/"):
        return None
    for layer in layers:
        try:
            below = entry_at(os.path.join(layer, path), path)
        except OSError:
            continue
        return (layer, below) if below.type == entry.type else None
    return None


def left_behind(entries: Sequence[Entry], layers: Sequence[bytes]) -> dict[int, bytes]:
    """Inode of the topmost lower file below each whiteout -> path of the whiteout."""
    found: dict[int, bytes] = {}
    for entry in entries:
        if entry.type == "whiteout":
            for layer in layers:
                try:
                    found.setdefault(entry_at(os.path.join(layer, entry.path), entry.path).inode, entry.path)
                except OSError:
                    continue
                break
    return found


def differences(entry: Entry, below: Entry) -> list[str]:
    """Attributes in which a copy differs from what it was copied from; ``content`` is found by ``changed_bytes``."""
    found = []
    if entry.mode != below.mode:
        found.append("mode")
    if entry.owner != below.owner:
        found.append("owner")
    if entry.type == "file" and entry.size_bytes != below.size_bytes:
        found.append("size")
    if entry.mtime_ns != below.mtime_ns:
        found.append("mtime")
    return found


def changed_bytes(upper: bytes, lower: bytes, budget: Budget) -> int | None:
    """Bytes of a copy that are not as in the lower file: different, or beyond its end. None when that can't be told.

    Bytes that were overwritten with what they were before don't count.
    """
    try:
        with ExitStack() as stack:
            first, second = (_opened(path, stack) for path in (upper, lower))
            sizes = [os.fstat(descriptor).st_size for descriptor in (first, second)]
            common = min(sizes)
            if 2 * common > budget.left_bytes:
                return None
            budget.left_bytes -= 2 * common
            changed = max(sizes[0] - sizes[1], 0)
            for at in range(0, common, _BLOCK_BYTES):
                size = min(_BLOCK_BYTES, common - at)
                blocks = [os.pread(descriptor, size, at) for descriptor in (first, second)]
                if blocks[0] != blocks[1]:
                    changed += _different(*blocks)
            return changed
    except OSError:
        return None


def _opened(path: bytes, stack: ExitStack) -> int:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags | os.O_NOATIME)
    except PermissionError:
        descriptor = os.open(path, flags)
    stack.callback(os.close, descriptor)
    return descriptor


def _different(first: bytes, second: bytes) -> int:
    import numpy as np

    size = min(len(first), len(second))
    same = np.frombuffer(first, np.uint8, size) == np.frombuffer(second, np.uint8, size)
    return max(len(first), len(second)) - int(same.sum())
