"""Everything that was found into the tables of one store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from cowtrace.attribution.thread_groups import regrouped
from cowtrace.errors import InputError
from cowtrace.ingest.copyup_rows import surroundings
from cowtrace.ingest.discover import Found, name_files
from cowtrace.ingest.fault_rows import Offsets, labels, nullable, text_labels
from cowtrace.ingest.joined_side import shifted
from cowtrace.ingest.manifest import source_entry
from cowtrace.ingest.names import kernel_maps, write_names
from cowtrace.ingest.progress import Progress
from cowtrace.ingest.recordings import group_recordings, ingest_group, with_calls
from cowtrace.parsers.base import Note, Recording, SideBand, SourceInfo
from cowtrace.parsers.registry import open_recording
from cowtrace.schema import TABLES
from cowtrace.store.writer import StoreWriter


def write_tables(found: Found, writer: StoreWriter, *, quiet: bool) -> list[dict[str, Any]]:
    """Fill all tables but ``source``.

    Args:
        found: The inputs.
        writer: The store in the making.
        quiet: No progress bar.

    Returns:
        Facts about each input for the manifest, recordings first.

    Raises:
        InputError: No input can be read at all.
    """
    opened: list[tuple[int, Recording, SideBand]] = []
    failed: dict[int, SourceInfo] = {}
    errors: list[InputError] = []
    for source_id, path in enumerate(found.recordings):
        try:
            recording = open_recording(path)
            opened.append((source_id, *regrouped(recording, recording.side_band())))
        except InputError as error:
            # one bad file among good ones is told and left out; alone it is the answer
            errors.append(error)
            failed[source_id] = SourceInfo(str(path), "unreadable", notes=[Note(str(error))])
    if errors and not opened and not found.snapshots:
        raise errors[0]
    offsets = Offsets()
    total = sum(recording.info.records_by_type.get("SAMPLE", 0) for _, recording, _ in opened) or None
    groups, shifts = group_recordings([r for _, r, _ in opened], [s for _, _, s in opened], [i for i, _, _ in opened])
    beside = [*found.record_folders, *dict.fromkeys(path.parent for path in found.recordings)]
    around, listed = surroundings(found.snapshots, beside), with_calls(groups)
    with Progress("ingest", total, quiet=quiet) as progress:
        for group in groups:
            # listings belong to one recording
            mine = around if group is listed else replace(around, listings=[])
            offsets = ingest_group(group, writer, offsets, progress, mine)
    by_id = {source_id: source_entry(source_id, recording.info, recording.events, side) for source_id, recording, side in opened}
    by_id |= {source_id: source_entry(source_id, info, (), None) for source_id, info in failed.items()}
    for source_id, recording, side in opened:
        _write_side(writer, source_id, recording, shifted(side, shifts.get(source_id, 0)))
        by_id[source_id]["kernel_maps"] = kernel_maps(side)
    name_notes = write_names(name_files(found), [recording for _, recording, _ in opened], writer)
    if opened:
        by_id[opened[0][0]]["notes"] += name_notes
    wall_offset = next((r.info.wall_offset_ns for _, r, _ in opened if r.info.wall_offset_ns is not None), None)
    if found.snapshots:
        from cowtrace.ingest.procfs import ingest_procfs

        infos = ingest_procfs(found.snapshots, writer, wall_offset_ns=wall_offset, strict=not opened)
        for source_id, info in enumerate(infos, start=len(found.recordings)):
            by_id[source_id] = source_entry(source_id, info, (), None)
    return [by_id[source_id] for source_id in sorted(by_id)]


def _write_side(writer: StoreWriter, source_id: int, recording: Recording, side: SideBand) -> None:
    names = [event.name for event in recording.events]
    lost = side.lost
    if len(lost):
        ts, event, cpu = (lost[name].fill_null(-1).to_numpy() for name in ("ts_ns", "event", "cpu"))
        writer.table("loss").write(
            {
                "source_id": pa.array(np.full(len(lost), source_id)),
                "ts_ns": nullable(ts, ts >= 0, pa.int64()),
                "lost_events": lost["lost_events"].to_arrow(),
                "reason": text_labels(lost["reason"].to_list()),
                "event": labels(event.astype(np.int64), names),
                "cpu": nullable(cpu, cpu >= 0, pa.int32()),
            }
        )
    other = side.other
    if len(other):
        ts = other["ts_ns"].fill_null(-1).to_numpy()
        writer.table("raw_record").write(
            {
                "source_id": pa.array(np.full(len(other), source_id)),
                "ts_ns": nullable(ts, ts >= 0, pa.int64()),
                "offset": other["offset"].to_arrow(),
                "type": pa.array(other["type"].to_numpy().astype(np.int32)),
                "type_name": text_labels(other["type_name"].to_list()),
                "misc": pa.array(other["misc"].to_numpy().astype(np.int32)),
                "payload": pa.array(other["payload"].to_list(), pa.binary()),
            }
        )


def write_sources(writer: StoreWriter, entries: Sequence[dict[str, Any]]) -> None:
    """Fill table ``source`` with the finished facts."""
    schema = TABLES["source"].arrow()
    rows = [
        {**{name: entry.get(name) for name in ("source_id", "path", "format", "sha256")}, "facts": json.dumps(entry, sort_keys=True)}
        for entry in entries
    ]
    writer.table("source").write(pa.Table.from_pylist(rows, schema=schema))
