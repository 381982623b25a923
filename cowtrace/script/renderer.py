"""What a format of ``cowtrace script`` must do, and what it is told about the inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Protocol

import polars as pl

from cowtrace.parsers.base import EventBatch, Recording

#: Rows that are written at once: the unit of memory of finished text.
ROWS_AT_ONCE = 1 << 16


@dataclass(frozen=True, slots=True)
class Setting:
    """What all inputs have in common.

    Attributes:
        has_instances: An input is of ftrace, whose events belong to instances.
    """

    has_instances: bool = False


class Input(Protocol):
    """Makes the rows of one recording."""

    def rows(self, batch: EventBatch) -> pl.DataFrame:
        """The visible events of a batch; the first column is ``ts_ns``, null without a time."""
        ...


class Renderer(Protocol):
    """One format, for one run.

    ``Renderer(out, setting)`` may write a head at once.
    """

    def __init__(self, out: BinaryIO, setting: Setting) -> None: ...

    def open(self, recording: Recording) -> Input:
        """Get ready for the events of a recording."""
        ...

    def write(self, rows: pl.DataFrame) -> None:
        """Write rows that ``Input.rows`` made, of any inputs."""
        ...

    def close(self) -> None:
        """Write the end."""
        ...
