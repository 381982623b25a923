"""Progress of long work: a bar with rate on stderr for people, nothing in pipes."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from cowtrace.units import format_count


def rate(events_s: float | None) -> str:
    """``1.2 million/s``; empty before there is one."""
    if not events_s:
        return ""
    return f"{events_s / 1e6:.1f} million/s" if events_s >= 1e6 else f"{format_count(round(events_s))}/s"


class Progress:
    """A progress bar that shows itself only where a person watches.

    Args:
        label: What is being done.
        total: Events expected; None when unknown.
        quiet: Never show.
    """

    def __init__(self, label: str, total: int | None = None, *, quiet: bool = False) -> None:
        self._bar: Any = None
        self._task: Any = None
        if not quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar
            from rich.text import Text

            class Rate(ProgressColumn):
                def render(self, task: Task) -> Text:
                    return Text(rate(task.finished_speed or task.speed))

            self._bar = Bar(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("events"), Rate(), TimeRemainingColumn(),
                console=Console(stderr=True), transient=True,
            )  # fmt: skip
            self._task = self._bar.add_task(label, total=total)

    def __enter__(self) -> Progress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def advance(self, count: int) -> None:
        """Count ``count`` more."""
        if self._bar:
            self._bar.advance(self._task, count)
