"""Texts of ``pid name`` lines: saved_cmdlines and saved_tgids.

Source: kernel/trace/trace_sched_switch.c (saved_cmdlines_show, saved_tgids_show). A comm may hold a newline or be empty, and nothing is
escaped: a line that does not start with a pid belongs to the comm of the line before.
"""

from __future__ import annotations

import re

_LINE = re.compile(rb"^(\d{1,10}) (.*)$")
_COMM_MAX = 15


def parse_cmdlines(text: bytes) -> dict[int, bytes]:
    """The last known comm by tid; of a tid that stands twice, the later line."""
    names: dict[int, bytes] = {}
    last: int | None = None
    for line in text.split(b"\0", 1)[0].removesuffix(b"\n").split(b"\n"):
        match = _LINE.match(line)
        if match is not None:
            last = int(match[1])
            names[last] = match[2][:_COMM_MAX]
        elif last is not None:
            names[last] = (names[last] + b"\n" + line)[:_COMM_MAX]
    return names


def parse_tgids(text: bytes) -> dict[int, int]:
    """tgid by tid; lines of other form say nothing."""
    found = (_LINE.match(line) for line in text.split(b"\0", 1)[0].split(b"\n"))
    return {int(match[1]): int(match[2]) for match in found if match is not None and match[2].strip().isdigit() and len(match[2]) <= 10}
