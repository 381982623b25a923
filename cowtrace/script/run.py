"""From paths to rows in a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from cowtrace.errors import UsageError
from cowtrace.ingest.discover import default_input, discover
from cowtrace.parsers.ahead import ahead
from cowtrace.parsers.base import Recording
from cowtrace.script.csv import CsvRenderer
from cowtrace.script.merge import Stream, merged
from cowtrace.script.parquet import ParquetRenderer
from cowtrace.script.renderer import Renderer, Setting
from cowtrace.script.text import TextRenderer

#: Format -> its renderer. The module of a format says how its rows look.
FORMATS: dict[str, Callable[[BinaryIO, Setting], Renderer]] = {
    "text": TextRenderer,
    "csv": CsvRenderer,
    "parquet": ParquetRenderer,
}


def open_inputs(inputs: Sequence[Path]) -> list[Recording]:
    """The recordings among the inputs; without inputs the one in the current folder.

    Raises:
        InputError: An input can't be read.
        UsageError: There is no recording among them.
    """
    from cowtrace.parsers.registry import open_recording

    found = discover(list(inputs) or [default_input(Path())])
    if not found.recordings:
        raise UsageError(f"{inputs[0]}: a snapshot of /proc holds no events; name a recording")
    return [open_recording(path) for path in found.recordings]


def script(recordings: Sequence[Recording], form: str, out: BinaryIO) -> None:
    """Write every event of recordings in time order.

    Args:
        recordings: At least one.
        form: Key of ``FORMATS``.
        out: Binary stream.
    """
    setting = Setting(has_instances=any(recording.info.format.startswith(("trace", "ftrace")) for recording in recordings))
    renderer = FORMATS[form](out, setting)
    streams = []
    for recording in recordings:
        rows = renderer.open(recording).rows
        batches = ahead(recording.batches())
        streams.append(Stream((rows(batch) for batch in batches), recording.info.first_ns or 0))
    for frame in merged(streams):
        renderer.write(frame)
    renderer.close()


def warnings(recordings: Sequence[Recording]) -> Iterator[str]:
    """What a reader of the rows should know: losses, repairs, clocks that do not agree. Reads the side bands."""
    for recording in recordings:
        info, lost = recording.info, recording.side_band().lost
        # the ring buffer's and the counter's view of one loss: never added
        dropped = max((int(rows["lost_events"].sum()) for rows in lost.partition_by("reason")), default=0)
        if dropped:
            yield f"{info.path}: {dropped} events were lost while recording and are missing here"
        yield from (f"{info.path}: {note.text}{f' ({note.count})' if note.count > 1 else ''}" for note in info.notes)
    clocks = {(recording.info.hostname, recording.info.clock) for recording in recordings}
    if len(clocks) > 1:
        yield "the inputs are of different hosts or clocks: their order in time means nothing"
