"""Collects the mount table of each recorded process: which paths lie on overlayfs, which on tmpfs."""

from __future__ import annotations

import os
from pathlib import Path

from cowtrace.recording.collector import Collector, Scene


class Mounts(Collector):
    """``mountinfo/<tgid>.mountinfo``; for ``-a`` that of cowtrace itself, the mounts of the host's own processes.

    Args:
        proc: Where to read.
    """

    def __init__(self, proc: Path = Path("/proc")) -> None:
        super().__init__()
        self._proc = proc

    def start(self, scene: Scene) -> None:
        folder = scene.folder / "mountinfo"
        folder.mkdir(exist_ok=True)
        for pid in scene.pids or [os.getpid()]:
            try:
                text = (self._proc / str(pid) / "mountinfo").read_bytes()
            except OSError as error:
                self.note(f"mountinfo of process {pid} can't be read: {error.strerror}")
                continue
            (folder / f"{pid}.mountinfo").write_bytes(text)
