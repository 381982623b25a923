"""The whole ingest, from paths to a finished store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cowtrace.errors import InputError, UsageError
from cowtrace.ingest.background import InOrder
from cowtrace.ingest.digest import sha256_of
from cowtrace.ingest.discover import Found, discover
from cowtrace.ingest.fault_rows import Offsets, labels, nullable
from cowtrace.ingest.manifest import manifest, source_entry
from cowtrace.ingest.progress import Progress
from cowtrace.ingest.recordings import group_recordings, ingest_group
from cowtrace.parsers.base import Note, Recording, SideBand, SourceInfo
from cowtrace.schema import TABLES
from cowtrace.store.reader import Store
from cowtrace.store.writer import StoreWriter

_RECORDING_JSON_MAX_BYTES = 16 << 20


def ingest(
    inputs: Sequence[str | PathLike[str]],
    store: str | PathLike[str],
    *,
    force: bool = False,
    quiet: bool = False,
    digests: dict[Path, str] | None = None,
) -> Store:
    """Read recordings and snapshots into a store.

    Args:
        inputs: perf.data files or folders, smaps/vmstat/meminfo snapshots, folders of them, folders made by ``cowtrace record``.
        store: The store folder to make.
        force: Replace an existing store.
        quiet: No progress bar.
        digests: SHA-256 of inputs that are known already.

    Returns:
        The finished store.

    Raises:
        InputError: No input can be read at all.
        UsageError: The store exists, or nothing was given.
    """  # fmt: skip
    if not inputs:
        raise UsageError("nothing to ingest; name a recording")
    found = discover([Path(path) for path in inputs])
    target = Path(store)
    with StoreWriter(target, force=force) as writer:
        hashing = InOrder(depth=1 << 30)
        sums: dict[Path, str] = dict(digests or {})
        for path in [*found.recordings, *found.snapshots]:
            if path not in sums:
                hashing.submit(lambda path=path: sums.__setitem__(path, sha256_of(path)))
        try:
            entries = _ingest_all(found, writer, quiet)
            hashing.drain()
        finally:
            hashing.close()
        for entry, path in zip(entries, [*found.recordings, *found.snapshots], strict=True):
            entry["sha256"] = sums[path]
        _write_sources(writer, entries)
        writer.finish(manifest(entries, _record_facts(found)))
    return Store(target)


def _ingest_all(found: Found, writer: StoreWriter, quiet: bool) -> list[dict[str, Any]]:
    from cowtrace.parsers.registry import open_recording

    opened: list[tuple[int, Recording, SideBand]] = []
    failed: dict[int, SourceInfo] = {}
    errors: list[InputError] = []
    for source_id, path in enumerate(found.recordings):
        try:
            recording = open_recording(path)
            opened.append((source_id, recording, recording.side_band()))
        except InputError as error:
            # one bad file among good ones is told and left out; alone it is the answer
            errors.append(error)
            failed[source_id] = SourceInfo(str(path), "unreadable", notes=[Note(str(error))])
    if errors and not opened and not found.snapshots:
        raise errors[0]
    offsets = Offsets()
    total = sum(recording.info.records_by_type.get("SAMPLE", 0) for _, recording, _ in opened) or None
    groups = group_recordings([r for _, r, _ in opened], [s for _, _, s in opened], [i for i, _, _ in opened])
    with Progress("ingest", total, quiet=quiet) as progress:
        for group in groups:
            offsets = ingest_group(group, writer, offsets, progress)
    by_id = {source_id: source_entry(source_id, recording.info, recording.events, side) for source_id, recording, side in opened}
    by_id |= {source_id: source_entry(source_id, info, (), None) for source_id, info in failed.items()}
    for source_id, recording, side in opened:
        _write_side(writer, source_id, recording, side)
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
        reasons = lost["reason"].to_list()
        writer.table("loss").write(
            {
                "source_id": pa.array(np.full(len(lost), source_id)),
                "ts_ns": nullable(ts, ts >= 0, pa.int64()),
                "lost_events": lost["lost_events"].to_arrow(),
                "reason": pa.array(reasons, pa.string()).dictionary_encode(),
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
                "type": other["type"].to_arrow().cast(pa.int32()),
                "type_name": pa.array(other["type_name"].to_list(), pa.string()).dictionary_encode(),
                "misc": other["misc"].to_arrow().cast(pa.int32()),
                "payload": pa.array(other["payload"].to_list(), pa.binary()),
            }
        )


def _write_sources(writer: StoreWriter, entries: Sequence[dict[str, Any]]) -> None:
    schema = TABLES["source"].arrow()
    rows = [
        {**{name: entry.get(name) for name in ("source_id", "path", "format", "sha256")}, "facts": json.dumps(entry, sort_keys=True)}
        for entry in entries
    ]
    writer.table("source").write(pa.Table.from_pylist(rows, schema=schema))


def _record_facts(found: Found) -> dict[str, Any] | None:
    """What ``cowtrace record`` wrote about the first folder it made."""
    for folder in found.record_folders:
        file = folder / "recording.json"
        try:
            if file.stat().st_size > _RECORDING_JSON_MAX_BYTES:
                raise InputError(file, f"{file.stat().st_size} bytes, expected a few KiB of JSON")
            facts = json.loads(file.read_text("utf-8"))
        except (ValueError, OSError) as error:
            raise InputError(file, f"not readable as JSON ({error})", hint="remove it to read the recording without it") from None
        return facts if isinstance(facts, dict) else None
    return None
