"""Instances whose recorder is gone: it was killed with -9, and they go on recording into their buffers."""

from __future__ import annotations

import re
from pathlib import Path

from cowtrace.recording.ftrace.instance import PREFIX
from cowtrace.recording.processes import start_time

_NAME = re.compile(rf"{PREFIX}(\d+)-(\d+)(-\d+)?")


def find_survivors(tracefs: Path, proc: Path = Path("/proc")) -> list[str]:
    """Names of the instances that no living recorder owns, sorted."""
    try:
        names = sorted(path.name for path in (tracefs / "instances").iterdir())
    except OSError:
        return []
    owners = [(name, match) for name in names if (match := _NAME.fullmatch(name))]
    return [name for name, match in owners if start_time(int(match[1]), proc) != int(match[2])]
