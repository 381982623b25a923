"""cowtrace on a host made of files: ``python -m tests.support.on_made_host ROOT record ...``. A process of its own, to be sent signals."""

from __future__ import annotations

import sys
from pathlib import Path

import cowtrace.recording.host
from cowtrace.cli import main
from tests.support.hosts import make_host

if __name__ == "__main__":
    made = make_host(Path(sys.argv[1]), {"proc/vmstat": "pgfault 1", "proc/meminfo": "MemTotal: 8 kB", "proc/kallsyms": "ff T _stext"})
    cowtrace.recording.host.this_host = lambda: made
    main(sys.argv[2:])
