"""One group of recordings (one machine, one clock, one set of events) through attribution into the tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from cowtrace.attribution.asof import Int
from cowtrace.attribution.engine import Attributed, Engine
from cowtrace.attribution.rows import Rows
from cowtrace.attribution.spans.builder import Built
from cowtrace.attribution.spans.join import with_handled
from cowtrace.attribution.spans.reader import SpanReader
from cowtrace.copyup.marks import MarkReader
from cowtrace.copyup.recording import CopyUps, Surroundings, wall_offset
from cowtrace.ingest.background import InOrder
from cowtrace.ingest.copyup_rows import copyup_rows, write_overlays
from cowtrace.ingest.fault_rows import Context, Offsets, context_of, fault_rows
from cowtrace.ingest.history_rows import cgroup_rows, extent_rows, fork_rows, memory_call_rows, process_rows, vma_rows
from cowtrace.ingest.progress import Progress
from cowtrace.ingest.span_rows import span_rows
from cowtrace.parsers.ahead import ahead
from cowtrace.parsers.base import SIDE_BAND_SCHEMAS, EventDesc, Recording, SideBand
from cowtrace.parsers.kprobe_events import beside
from cowtrace.store.writer import StoreWriter, TableWriter

_DEFAULT_PAGE_BYTES = 4096


@dataclass(slots=True)
class Group:
    """Recordings that belong together, in order of their first event."""

    recordings: list[Recording]
    sides: list[SideBand]
    source_ids: list[int]


def group_recordings(recordings: Sequence[Recording], sides: Sequence[SideBand], source_ids: Sequence[int]) -> list[Group]:
    """Pieces of one recording (same host, clock and events) go together, everything else stands alone."""
    groups: dict[Any, Group] = {}
    for recording, side, source_id in zip(recordings, sides, source_ids, strict=True):
        info = recording.info
        events = tuple((event.name, event.columns, event.fields, event.has_callchain) for event in recording.events)
        group = groups.setdefault((info.hostname, info.clock, events), Group([], [], []))
        group.recordings.append(recording)
        group.sides.append(side)
        group.source_ids.append(source_id)
    for group in groups.values():
        order = sorted(range(len(group.recordings)), key=lambda i: (group.recordings[i].info.first_ns or 0, group.source_ids[i]))
        group.recordings = [group.recordings[i] for i in order]
        group.sides = [group.sides[i] for i in order]
        group.source_ids = [group.source_ids[i] for i in order]
    return list(groups.values())


def ingest_group(group: Group, writer: StoreWriter, offsets: Offsets, progress: Progress, around: Surroundings) -> Offsets:
    """Attribute a group and write its tables; ``around`` is what lies beside it.

    Returns:
        The offsets for the next group.
    """
    lead = group.recordings[0]
    side = _joined(group)
    occurring = _occurring(group)
    calls = SpanReader(
        [event for event in occurring if not event.hidden],
        lead.function_names,
        _lost_times(side),
        probes=beside(lead.info.path),
        has_times=lead.info.clock != "order",
    )
    engine = Engine(lead.info, occurring, side, has_spans=calls.present)
    copyups = CopyUps(lead.info, [event for event in occurring if not event.hidden], engine.stacks, around)
    page_bytes = lead.info.page_size or _DEFAULT_PAGE_BYTES
    faults = writer.table("fault")
    shaping, writing = InOrder(depth=1), InOrder(depth=1)
    try:
        for rows, built in ahead(_rows(group, engine, calls, copyups, progress)):
            part = engine.feed(rows, built)
            if part is not None:
                shaping.submit(_shape_faults, context_of(engine, offsets, page_bytes), part, writing, faults)
            if built is not None and len(built.spans):
                writer.table("span").write(span_rows(built.spans, calls.functions, engine.history, calls.source))
            if rows is not None and len(rows):
                engine.prune(int(rows.ts_ns[-1]))
        _write_history(group, engine, side, writer, offsets)
        _write_copyups(copyups, engine, writer, offsets)
        write_overlays(around.listings, writer, wall_offset(lead.info, around.listings))
        stacks = engine.stacks.table()
        stacks["stack_id"] = pa.array(np.arange(len(stacks["stack_id"])) + offsets.stack)
        writer.table("stack").write(stacks)
        shaping.drain()
        writing.drain()
    finally:
        shaping.close()
        writing.close()
    forks = int((engine.history.lives.how == 0).sum())
    return Offsets(
        offsets.mm + len(engine.history.lives.tgid),
        offsets.fork + forks,
        offsets.vma + engine.mappings.vma_count,
        offsets.stack + len(stacks["stack_id"]),
        offsets.extent + len(engine.mappings.mm),
    )


def with_calls(groups: Sequence[Group]) -> Group | None:
    """The group that recorded the system calls which copy files up; the first one where none did."""
    called = (group for group in groups if MarkReader(_occurring(group), group.recordings[0].info.arch).usable)
    return next(called, groups[0] if groups else None)


def _shape_faults(context: Context, part: Attributed, writing: InOrder, table: TableWriter) -> None:
    writing.submit(table.write, fault_rows(context, part))


def _write_copyups(copyups: CopyUps, engine: Engine, writer: StoreWriter, offsets: Offsets) -> None:
    calls, rows = copyups.finish()
    if rows:
        writer.table("copyup").write(copyup_rows(engine, calls, rows, offsets))


def _rows(
    group: Group, engine: Engine, calls: SpanReader, copyups: CopyUps, progress: Progress
) -> Iterator[tuple[Rows | None, Built | None]]:
    for recording in group.recordings:
        counts = np.zeros(len(recording.events), np.int64)
        for batch in recording.batches():
            counts += np.bincount(batch.event, minlength=len(counts))
            progress.advance(batch.count)
            rows = engine.decode(batch)
            copyups.collector.add(batch, rows.stack)
            built = calls.read(batch) if calls.present else None
            yield rows if built is None else with_handled(rows, built.handled, built.first_seq), built
        recording.info.features["event_counts"] = counts.tolist()
    yield None, calls.finish() if calls.present else None


def _occurring(group: Group) -> list[EventDesc]:
    """Events of the recordings; hidden those that do not occur: a trace.dat describes all that the kernel has."""
    counts = [recording.info.records_by_type for recording in group.recordings]
    lead = group.recordings[0]
    if not any(event.name in count for event in lead.events for count in counts):
        return list(lead.events)
    return [event if any(count.get(event.name) for count in counts) else replace(event, hidden=True) for event in lead.events]


def _lost_times(side: SideBand) -> Int:
    times: Int = side.lost["ts_ns"].to_numpy().astype(np.int64)
    return times[times >= 0]


def _write_history(group: Group, engine: Engine, side: SideBand, writer: StoreWriter, offsets: Offsets) -> None:
    first_ns = min((r.info.first_ns for r in group.recordings if r.info.first_ns is not None), default=0)
    writer.table("process").write(process_rows(engine, offsets, first_ns))
    writer.table("fork").write(fork_rows(engine, offsets))
    writer.table("vma").write(vma_rows(engine, offsets, first_ns, build_ids(group)))
    writer.table("vma_extent").write(extent_rows(engine, offsets, first_ns))
    writer.table("memory_call").write(memory_call_rows(engine, offsets))
    writer.table("cgroup").write(cgroup_rows(side.cgroup))


def build_ids(group: Group) -> dict[str, str]:
    """Build-ids by path from the headers of a group; a path that had several during the recording is left out."""
    found: dict[str, set[str]] = {}
    for recording in group.recordings:
        for entry in recording.info.features.get("build_ids") or ():
            found.setdefault(entry["path"], set()).add(entry["build_id"])
    return {path: ids.pop() for path, ids in found.items() if len(ids) == 1}


def _joined(group: Group) -> SideBand:
    """Side bands one after the other. What a later piece synthesizes at its start holds from that start; its FORKs are no forks."""
    joined = group.sides[0]
    for recording, side in zip(group.recordings[1:], group.sides[1:], strict=True):
        begin = recording.info.first_ns or 0
        shift = 1 + max((int(table["seq"].to_numpy().max()) for table in _tables(joined).values() if len(table)), default=-1)
        merged = {}
        for name, table in _tables(side).items():
            later = table.filter(pl.col("ts_ns") >= 0) if name in ("fork", "exit") else table
            later = later.with_columns(
                pl.col("seq") + shift, pl.when(pl.col("ts_ns") < 0).then(begin).otherwise(pl.col("ts_ns")).alias("ts_ns")
            )
            merged[name] = pl.concat(
                [_tables(joined)[name], later.select(pl.col(column).cast(kind) for column, kind in SIDE_BAND_SCHEMAS[name].items())]
            )
        joined = SideBand(**merged)
    return joined


def _tables(side: SideBand) -> dict[str, pl.DataFrame]:
    return {name: getattr(side, name) for name in side.__dataclass_fields__}
