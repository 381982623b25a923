"""/proc/meminfo (fs/proc/meminfo.c): ``Name:   value kB``; the HugePages_* lines are plain counts."""

from __future__ import annotations

import re

from cowtrace.parsers.procfs.counters import CounterFormat
from cowtrace.parsers.procfs.sniffing import content_lines
from cowtrace.schema.other import MEMINFO

FORMAT = CounterFormat("meminfo", MEMINFO, b":", re.compile(rb"[A-Za-z][A-Za-z0-9_()]*"), units=True)

# Active(anon):       1096 kB
_LINE = re.compile(rb"[A-Z][A-Za-z0-9_()]*:\s+\d+(?: kB)?")


def sniff(head: bytes) -> bool:
    """True for meminfo from its first line on; a part of it looks like a part of smaps."""
    lines = content_lines(head)
    return bool(lines) and lines[0].startswith(b"MemTotal:") and all(_LINE.fullmatch(line) for line in lines[:3])
