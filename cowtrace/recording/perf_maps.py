"""Collects the names that just-in-time compilers wrote down: ``perf-PID.map``, which lie in /tmp only until somebody cleans up."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from cowtrace.recording.collector import Collector, Scene

_NAME = re.compile(r"perf-(\d{1,9})\.map")
#: Of one file; those of large Java programs are about 20 MiB.
_MAX_BYTES = 256 << 20
_MAX_FILES = 1000


class PerfMaps(Collector):
    """``perf-PID.map.zst`` of the recorded processes, and of any that wrote while the recording ran.

    Args:
        folder: Where compilers write.
    """

    def __init__(self, folder: Path = Path("/tmp")) -> None:
        super().__init__()
        self._folder = folder
        self._started_s = 0.0

    def start(self, scene: Scene) -> None:
        super().start(scene)
        # the clock of the file system ticks at its own pace: a file made in this instant may bear an earlier time
        probe = scene.folder / ".now"
        probe.touch()
        self._started_s = probe.stat().st_mtime
        probe.unlink()

    def stop(self) -> None:
        import zstandard

        compressor = zstandard.ZstdCompressor(level=3)
        for name in self._names():
            content = self._content(name)
            if content:
                (self.scene.folder / f"{name}.zst").write_bytes(compressor.compress(content))

    def _names(self) -> list[str]:
        try:
            names = sorted(entry.name for entry in os.scandir(self._folder) if _NAME.fullmatch(entry.name))
        except OSError:
            return []
        return names[:_MAX_FILES]

    def _content(self, name: str) -> bytes:
        """A map that belongs to this recording; /tmp is open to everybody, so no link is followed and no pipe waited for."""
        found = _NAME.fullmatch(name)
        assert found is not None
        try:
            descriptor = os.open(self._folder / name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return b""
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or (int(found[1]) not in self.scene.pids and status.st_mtime < self._started_s):
                return b""
            if status.st_size > _MAX_BYTES:
                self.note(f"{name} is larger than {_MAX_BYTES >> 20} MiB and was left out: compiled code of that process has no names")
                return b""
            return file.read(_MAX_BYTES)
