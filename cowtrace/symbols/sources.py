"""Where code may be looked for."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path


def _perf_cache() -> Path:
    """perf's build-id cache: $PERF_BUILDID_DIR, else ~/.debug (tools/perf/util/config.c: set_buildid_dir)."""
    return Path(os.environ.get("PERF_BUILDID_DIR") or Path(os.environ.get("HOME") or "/nonexistent") / ".debug")


def _debuginfod_urls() -> tuple[str, ...]:
    return tuple(os.environ.get("DEBUGINFOD_URLS", "").split())


@dataclass(frozen=True, slots=True)
class Sources:
    """Where code may be looked for, beside the paths that the recording names.

    Attributes:
        symfs: A folder that holds the recorded machine's files under their paths.
        archives: Files made by ``perf archive``.
        perf_maps: Folders with ``perf-PID.map`` files of just-in-time compilers.
        build_id_cache: perf's cache.
        debug_folder: Debug files as distributions install them.
        debuginfod_urls: Servers to ask for what is missing; none by default.
        debuginfod_seconds: All asking together takes no longer.
        line_seconds: Reading source lines and inlined calls takes no longer, all files together.
    """

    symfs: Path | None = None
    archives: tuple[Path, ...] = ()
    perf_maps: tuple[Path, ...] = ()
    build_id_cache: Path = field(default_factory=_perf_cache)
    debug_folder: Path = Path("/usr/lib/debug")
    debuginfod_urls: tuple[str, ...] = field(default_factory=_debuginfod_urls)
    debuginfod_seconds: float = 10.0
    line_seconds: float = 20.0
