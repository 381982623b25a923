"""The formats of this package, each recognised by its content alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cowtrace.errors import InputError
from cowtrace.parsers.procfs import meminfo, mountinfo, overlay, smaps, vmstat
from cowtrace.parsers.procfs.blocks import plain_head, read_head
from cowtrace.parsers.procfs.counters import CounterReader
from cowtrace.parsers.procfs.marks import SnapshotOptions
from cowtrace.parsers.procfs.naming import place_of


@dataclass(frozen=True, slots=True)
class ProcFormat:
    """One format: its name, and how its first bytes as text are recognised."""

    name: str
    sniff_text: Callable[[bytes], bool]

    def sniff(self, head: bytes) -> bool:
        """True when the first bytes (up to 4 KiB, as they are in the file, perhaps zstd) are of this format."""
        return self.sniff_text(plain_head(head))


SNIFFERS: tuple[ProcFormat, ...] = (
    ProcFormat("overlay", overlay.sniff),
    ProcFormat("smaps", smaps.sniff),
    ProcFormat("mountinfo", mountinfo.sniff),
    ProcFormat("meminfo", meminfo.sniff),
    ProcFormat("vmstat", vmstat.sniff),
)


_COUNTERS = {form.name: form for form in (vmstat.FORMAT, meminfo.FORMAT)}


def sniff(head: bytes) -> str | None:
    """Name of the format that the first bytes are of, or None."""
    text = plain_head(head)
    return next((form.name for form in SNIFFERS if form.sniff_text(text)), None)


def format_of(path: Path) -> str:
    """Name of the format of a file: by content; only an empty file (a kernel thread's, a process gone) by its name.

    Raises:
        InputError: It can't be opened, or is none of them.
    """
    head = read_head(path)
    found = sniff(head)
    if found is None and not plain_head(head):
        found = {"rollup": "smaps"}.get(kind := place_of(path).kind or "", kind) or None
    if found is None:
        what = "an empty file" if not head else f"a file that starts with {head[:16]!r}"
        raise InputError(
            path,
            f"expected smaps, smaps_rollup, vmstat, meminfo or mountinfo, found {what}",
            hint="give a copy of the /proc file as it is",
        )
    return found


def is_snapshot(path: str | os.PathLike[str]) -> bool:
    """Whether a file is of a format of this package, as ``format_of`` sees it."""
    try:
        format_of(Path(path))
    except InputError:
        return False
    return True


def open_counters(path: Path, form: str, options: SnapshotOptions | None = None) -> CounterReader:
    """A reader for ``vmstat`` or ``meminfo``."""
    return CounterReader(path, _COUNTERS[form], options)
