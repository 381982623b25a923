"""Which function each kprobe event is at, from a copy of ``/sys/kernel/tracing/kprobe_events`` beside a recording.

Lines are ``p:group/event function[+offset] …`` and ``r[N]:group/event function …``. Source: Documentation/trace/kprobetrace.rst.
"""

from __future__ import annotations

import re
from pathlib import Path

from cowtrace.errors import InputError

#: Names under which the copy is looked for.
COMPANIONS = ("kprobe_events", "kprobe_events.txt")
_LINE = re.compile(r"^[prf]\d*:(?:([\w-]+)/)?([\w-]+) +(?:[\w-]+:)?([A-Za-z_][\w.]*)", re.MULTILINE)
_BYTES_MAX = 16 << 20


def beside(path: str) -> dict[str, str]:
    """Function of each event, by ``group:event`` and by the event's name alone; empty without a copy.

    Raises:
        InputError: The copy can't be read.
    """
    found: dict[str, str] = {}
    for name in COMPANIONS:
        file = (Path(path) if Path(path).is_dir() else Path(path).parent) / name
        if not file.is_file():
            continue
        try:
            with open(file, encoding="utf-8", errors="replace") as stream:
                text = stream.read(_BYTES_MAX)
        except OSError as error:
            raise InputError(file, error.strerror or str(error)) from error
        for group, event, function in _LINE.findall(text):
            found[event] = function
            found[f"{group or 'kprobes'}:{event}"] = function
    return found
