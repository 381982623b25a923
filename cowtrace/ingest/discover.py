"""From what a user names to what there is to read: recordings, /proc snapshots, and the folders of ``cowtrace record``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cowtrace.errors import InputError, UsageError

#: What is looked for in the current folder when no input is named, in this order.
DEFAULTS = ("cowtrace.rec", "perf.data", "trace.dat")

#: Files that ``record`` writes and that are read through their folder, not as inputs of their own.
_COMPANIONS = {"recording.json", "kallsyms", "kallsyms.zst"}


@dataclass(slots=True)
class Found:
    """Inputs by what they are, each list in a fixed order."""

    recordings: list[Path] = field(default_factory=list)
    snapshots: list[Path] = field(default_factory=list)
    record_folders: list[Path] = field(default_factory=list)


def default_input(folder: Path) -> Path:
    """The recording that a command without inputs reads.

    Raises:
        UsageError: There is none.
    """
    for name in DEFAULTS:
        if (folder / name).exists():
            return folder / name
    raise UsageError(f"no input given, and none of {', '.join(DEFAULTS)} is here; record one with: cowtrace record -- COMMAND")


def discover(inputs: Sequence[Path]) -> Found:
    """Sort inputs into kinds; folders are searched.

    Raises:
        InputError: An input does not exist, or a folder holds nothing that can be read.
    """
    from cowtrace.parsers.registry import is_snapshot, is_trace

    found = Found()
    for path in inputs:
        if not path.exists():
            raise InputError(path, "no such file or folder")
        if path.is_dir() and not is_trace(path):
            before = len(found.recordings) + len(found.snapshots)
            if (path / "recording.json").is_file():
                found.record_folders.append(path)
            for file in _files(path):
                if is_trace(file):
                    found.recordings.append(file)
                elif is_snapshot(file):
                    found.snapshots.append(file)
            if len(found.recordings) + len(found.snapshots) == before:
                raise InputError(path, "the folder holds no perf.data and no /proc snapshot", hint="name the recording itself")
        elif not is_trace(path) and is_snapshot(path):
            found.snapshots.append(path)
        else:
            found.recordings.append(path)
    return found


def name_files(found: Found) -> list[Path]:
    """Files with names in the folders of ``cowtrace record`` that are read or whose recording is."""
    folders = {*found.record_folders, *(path.parent for path in found.recordings if (path.parent / "recording.json").is_file())}
    patterns = ("kallsyms", "kallsyms.zst", "perf-*.map", "perf-*.map.zst")
    return sorted(path for folder in folders for pattern in patterns for path in folder.glob(pattern) if path.is_file())


def _files(folder: Path) -> Iterable[Path]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and path.name not in _COMPANIONS and not any(part.startswith(".") for part in parts):
            yield path
