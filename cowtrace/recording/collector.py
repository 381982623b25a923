"""What runs beside perf: one class per thing collected, each writing its own files into the recording's folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Scene:
    """What is recorded, for collectors.

    Attributes:
        folder: The recording's folder.
        pids: The command, or the processes of ``-p``; empty for ``-a`` without a command.
        is_command: ``pids`` is a command that has not begun yet when collectors start.
    """

    folder: Path
    pids: Sequence[int]
    is_command: bool


class Collector:
    """Collects something before, during and after a recording. What the host lacks is noted, never raised.

    Attributes:
        notes: What could not be collected, one sentence each; stored in recording.json and printed.
        stop_reason: Set when the recording is to end because of this collector.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.stop_reason: str | None = None

    def start(self, scene: Scene) -> None:
        """perf is ready; a command has not begun."""
        self.scene = scene

    def tick(self, now_s: float) -> float | None:
        """Called when due and at other times; returns when it is due next (``time.monotonic``), None for never."""
        return None

    def cease(self) -> None:
        """The recording is about to end, perf still runs: what must not outlast perf stops now."""

    def stop(self) -> None:
        """The recording ends; processes may be gone."""

    def close(self) -> None:
        """Give back what was taken from the host. Called in the end whatever happened, also when ``start`` was not or failed."""

    def facts(self) -> dict[str, Any]:
        """Entries for recording.json."""
        return {}

    def note(self, sentence: str) -> None:
        """Remember a lack, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)
