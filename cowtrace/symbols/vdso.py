"""The vdso: code that the kernel maps into every process. Read from this process when it is the recorded one, else from perf's cache."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from cowtrace.symbols.elf import Elf, NotElf
from cowtrace.symbols.files import open_regular
from cowtrace.symbols.sources import Sources

_LINE = re.compile(rb"^([0-9a-f]+)-([0-9a-f]+) r.x. .*\[vdso\]$", re.MULTILINE)
_MAX_BYTES = 1 << 20


def find_vdso(build_id: str | None, sources: Sources) -> Elf | None:
    """The vdso with a build-id; None when there is none here, or the recording does not say which it was."""
    if build_id is None:
        return None
    own = _own()
    if own is not None and own.build_id == build_id:
        return own
    opened = open_regular(sources.build_id_cache / ".build-id" / build_id[:2] / build_id[2:] / "vdso")
    try:
        cached = Elf(opened.data) if opened is not None else None
    except NotElf:
        return None
    return cached if cached is not None and cached.build_id == build_id else None


def _own(process: Path = Path("/proc/self")) -> Elf | None:
    try:
        place = _LINE.search((process / "maps").read_bytes())
        if place is None:
            return None
        begin, end = int(place[1], 16), int(place[2], 16)
        with (process / "mem").open("rb", buffering=0) as memory:
            memory.seek(begin)
            return Elf(np.frombuffer(memory.read(min(end - begin, _MAX_BYTES)), np.uint8))
    except (OSError, ValueError, NotElf):
        return None
