"""Copies of /proc files into the tables ``smaps``, ``vmstat`` and ``meminfo``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cowtrace.errors import InputError
from cowtrace.ingest.spool import Gather, Spool
from cowtrace.parsers.base import Note, SourceInfo
from cowtrace.parsers.procfs.fields import FieldNames
from cowtrace.parsers.procfs.formats import format_of, open_counters
from cowtrace.parsers.procfs.marks import SnapshotOptions
from cowtrace.parsers.procfs.mountinfo import read_mountinfo
from cowtrace.parsers.procfs.naming import place_of
from cowtrace.parsers.procfs.overlay import read_listing
from cowtrace.parsers.procfs.smaps import SmapsReader
from cowtrace.store.writer import StoreWriter

_RECORDING_JSON_MAX_BYTES = 16 << 20


def ingest_procfs(
    paths: Sequence[Path],
    writer: StoreWriter,
    *,
    wall_offset_ns: int | None = None,
    tgid: int | None = None,
    wall_ns: int | None = None,
    strict: bool = False,
) -> list[SourceInfo]:
    """Write all snapshots, in the order of the times in their paths; call it once per store.

    Args:
        paths: Files, plain or zstd.
        writer: The store.
        wall_offset_ns: Taken from the times of the snapshots, to get the clock of a recording in the same store. None:
            they stay nanoseconds since 1970.
        tgid: Process of all of them; None: by the naming scheme of ``cowtrace.parsers.procfs``.
        wall_ns: Time of the first snapshot of each, likewise.
        strict: When no file at all can be read, raise instead of telling it in the result.

    Returns:
        One ``SourceInfo`` for each path, in their order: ``records_read`` counts rows; a file that can't be read has
        the format ``unreadable`` and the reason as its note.

    Raises:
        InputError: With ``strict``: what is wrong with the first file.
    """
    names, spool = FieldNames(), Spool(writer.folder)
    sinks = {
        "smaps": Gather(spool.append),
        "vmstat": Gather(writer.table("vmstat").write),
        "meminfo": Gather(writer.table("meminfo").write),
    }
    snapshot_counts = dict.fromkeys(sinks, 0)
    infos: dict[int, SourceInfo] = {}
    errors: dict[int, InputError] = {}
    for number in _by_time(paths):
        path = paths[number]
        try:
            form = format_of(path)
            options = SnapshotOptions(
                tgid=tgid,
                wall_ns=wall_ns,
                wall_offset_ns=wall_offset_ns or 0,
                first_snapshot_id=snapshot_counts.get(form, 0),
            )
            if form == "overlay":
                # listings and mount tables were read before the recordings, whose copy-ups they explain
                infos[number] = read_listing(path)[1]
                continue
            if form == "mountinfo":
                known = replace(options, wall_ns=_recorded_at(path)) if wall_ns is None else options
                infos[number] = read_mountinfo(path, known)[1]
                continue
            reader = SmapsReader(path, options, names) if form == "smaps" else open_counters(path, form, options)
            for batch in reader.batches():
                sinks[form].append(batch)
            snapshot_counts[form] += reader.snapshot_count
            infos[number] = reader.info
        except InputError as error:
            errors[number] = error
            infos[number] = SourceInfo(str(path), "unreadable", notes=[Note(str(error))])
    if strict and errors and len(errors) == len(paths):
        raise errors[min(errors)]
    for sink in sinks.values():
        sink.flush()
    for rows in spool.drain(names.schema()):
        writer.table("smaps").write(rows)
    return [infos[number] for number in range(len(paths))]


def _recorded_at(path: Path) -> int | None:
    """When ``cowtrace record`` copied a mount table, ns since 1970: as it began, which it wrote beside. None for any other file."""
    file = path.parent.parent / "recording.json"
    if path.parent.name != "mountinfo":
        return None
    try:
        began = json.loads(file.read_text("utf-8"))["start"]["unix_ns"] if file.stat().st_size <= _RECORDING_JSON_MAX_BYTES else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        # whether the file should have been readable is not asked here
        return None
    return began if type(began) is int and 0 < began < 1 << 63 else None


def _by_time(paths: Sequence[Path]) -> list[int]:
    """Numbers of the paths in the order of their times; those without one come last, as given."""
    times = [place_of(path).wall_ns for path in paths]
    return sorted(range(len(paths)), key=lambda number: (times[number] is None, times[number] or 0, number))
