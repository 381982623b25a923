"""/proc/vmstat (mm/vmstat.c, vmstat_show): ``name value``, one counter a line, unsigned.

``nr_*`` are levels in pages, the others count since boot. A level that is negative for a moment, since the CPUs add up
late, shows as a number near 2**64; it is kept as printed.
"""

from __future__ import annotations

import re

from cowtrace.parsers.procfs.counters import CounterFormat
from cowtrace.parsers.procfs.sniffing import content_lines
from cowtrace.schema.other import VMSTAT

FORMAT = CounterFormat("vmstat", VMSTAT, b" ", re.compile(rb"[A-Za-z][A-Za-z0-9_]*"), units=False)

# nr_free_pages 2285953
_LINE = re.compile(rb"[a-z][a-z0-9_]* \d{1,20}")
# How the names of the file start; memory.stat of a cgroup has the same form, but starts with "anon" or "cache".
_PREFIX = re.compile(rb"(?:nr|pg|thp|numa|pswp|compact|workingset|ksm|cow|zswp|swap|allocstall|htlb|balloon|drop)_?[a-z0-9_]* ")


def sniff(head: bytes) -> bool:
    """True for vmstat, also for some lines of it (``grep thp_ /proc/vmstat``)."""
    lines = content_lines(head)
    return bool(lines) and _PREFIX.match(lines[0]) is not None and all(_LINE.fullmatch(line) for line in lines[:3])
