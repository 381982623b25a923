"""Readers of copies of /proc files: ``smaps``, ``smaps_rollup``, ``vmstat``, ``meminfo``, ``mountinfo``; plain or zstd.

A copy does not say which process it is of, nor when it was taken. Both are looked for in this order:

1. The caller's options.
2. Lines within the file, each for what follows it: ``# time <when>``, ``# pid <tgid>``, the line
   ``==> /proc/1234/smaps <==`` of ``head`` and ``tail``, and a line that is nothing but a time. A time holds until the
   next one, over any number of ``# pid`` lines.
3. The layout that ``cowtrace record`` writes: ``smaps/<tgid>/<unix_ns>.smaps``, ``smaps/<tgid>/<unix_ns>.rollup``,
   ``vmstat/<unix_ns>.vmstat``, ``meminfo/<unix_ns>.meminfo``, ``mountinfo/<tgid>.mountinfo``, each also with ``.zst``.
4. A copied /proc tree: ``1234/smaps``, ``1234/smaps_rollup``, ``1234/task/1240/smaps``, below a folder that may be
   named by a time.
5. File names that people give: ``smaps.1234``, ``1234.smaps``, ``smaps-1234-1700000000.txt``,
   ``vmstat-2023-11-14T22:13:20Z``.

A time is a number since 1970, in s, ms, µs or ns told apart by its 10, 13, 16 or 19 digits (seconds may have decimals),
or ISO 8601 with its zone. Anything else stays NULL and is noted: the modification time of a copy is never taken for the
time of the snapshot, a date without a zone is no time, and a name with two numbers that could be the tgid gives none.

Several snapshots in one file are told apart by those lines, by a mapping that lies below its predecessor, and by a
counter that starts over. Where nothing but the content says so, the time is known for the first of them only.
"""

from __future__ import annotations

from cowtrace.parsers.procfs.formats import SNIFFERS, ProcFormat, format_of, is_snapshot, sniff

__all__ = ["SNIFFERS", "ProcFormat", "format_of", "is_snapshot", "sniff"]
