"""The recording's folder: made as ``<folder>.partial``, locked while it grows, renamed when it is whole."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any

from cowtrace.errors import UsageError

RECORDING = "recording.json"
PERF_DATA = "perf.data"
#: perf's messages; only while the folder grows.
PERF_STDERR = "perf.stderr"


def is_recording(path: Path) -> bool:
    """True for a folder that ``cowtrace record`` finished."""
    return (path / RECORDING).is_file()


class RecordingFolder:
    """A recording in the making. Use as a context manager; without ``finish`` nothing is left.

    Args:
        path: The folder to make.
        force: Replace an existing recording (and nothing else: a folder that is not a recording is never removed).

    Raises:
        UsageError: ``path`` exists and is not to be replaced, its parent is missing, or another recording is writing it.
    """

    def __init__(self, path: Path, *, force: bool = False) -> None:
        if path.exists() or path.is_symlink():
            if not is_recording(path):
                raise UsageError(f"{path}: exists and is not a recording, so it is never overwritten; choose another name with -o")
            if not force:
                raise UsageError(f"{path}: exists; --force replaces it, -o FOLDER writes another")
        if not path.absolute().parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.absolute().parent} to write it in")
        self.path = path
        self.folder = path.with_name(path.name + ".partial")

    def __enter__(self) -> RecordingFolder:
        if self.folder.exists():
            # the lock goes with its process: a folder that can be locked was left by one that was killed
            self._lock = self._locked()
            os.close(self._lock)
            shutil.rmtree(self.folder)
        self.folder.mkdir()
        self._lock = self._locked()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)

    def finish(self, recording: dict[str, Any]) -> None:
        """Write recording.json and make the folder visible under its name."""
        text = json.dumps(recording, indent=1, ensure_ascii=True)
        (self.folder / RECORDING).write_text(text + "\n", encoding="utf-8")
        if self.path.exists():
            old = self.path.with_name(self.path.name + ".partial-old")
            shutil.rmtree(old, ignore_errors=True)
            self.path.rename(old)
            os.replace(self.folder, self.path)
            shutil.rmtree(old)
        else:
            os.replace(self.folder, self.path)

    def _locked(self) -> int:
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise UsageError(
                f"{self.path}: another recording is being written there; wait for it, or choose another name with -o"
            ) from error
        return descriptor
