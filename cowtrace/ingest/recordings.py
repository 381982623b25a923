"""One group of recordings (one machine, one clock, one set of events) through attribution into the tables."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from cowtrace.attribution.asof import Int
from cowtrace.attribution.copyup_spans import CopyUpSpans, SpanCopyUp
from cowtrace.attribution.engine import Attributed, Engine
from cowtrace.attribution.roles import CLONE_ENTER
from cowtrace.attribution.rows import Rows
from cowtrace.attribution.spans.builder import Built
from cowtrace.attribution.spans.functions import FORKS
from cowtrace.attribution.spans.join import with_handled
from cowtrace.attribution.spans.reader import SpanReader
from cowtrace.copyup.marks import MarkReader
from cowtrace.copyup.recording import CopyUps, Surroundings, wall_offset
from cowtrace.ingest.background import InOrder
from cowtrace.ingest.copyup_rows import copyup_rows, write_overlays
from cowtrace.ingest.fault_rows import Context, Offsets, context_of, fault_rows
from cowtrace.ingest.history_rows import cgroup_rows, extent_rows, fork_rows, memory_call_rows, process_rows, vma_rows
from cowtrace.ingest.joined import JoinedRecording
from cowtrace.ingest.joining import Stream, join, occurring
from cowtrace.ingest.progress import Progress
from cowtrace.ingest.span_rows import copyup_rows as span_copyup_rows
from cowtrace.ingest.span_rows import span_rows
from cowtrace.parsers.ahead import ahead
from cowtrace.parsers.base import SIDE_BAND_SCHEMAS, Note, Recording, SideBand
from cowtrace.parsers.kprobe_events import beside
from cowtrace.store.writer import StoreWriter, TableWriter

_DEFAULT_PAGE_BYTES = 4096
EXCEPTIONS = frozenset({"exceptions:page_fault_user", "exceptions:page_fault_kernel"})


@dataclass(slots=True)
class Group:
    """Recordings that belong together, in order of their first event.

    Attributes:
        recordings: Their recordings.
        side: Their side bands as one.
        sources: What was read: the recordings themselves, or those that were joined.
    """

    recordings: list[Recording]
    side: SideBand
    sources: list[Recording]


def group_recordings(
    recordings: Sequence[Recording], sides: Sequence[SideBand], source_ids: Sequence[int]
) -> tuple[list[Group], dict[int, int]]:
    """Pieces of one recording (same host, clock and events) go together, and so do recordings of one run; everything else stands alone.

    Returns:
        The groups that fill the tables; and what is added to the times of sources, by source.
    """
    pieces: dict[Any, list[int]] = {}
    for number, recording in enumerate(recordings):
        info = recording.info
        events = tuple((event.name, event.columns, event.fields, event.has_callchain) for event in recording.events)
        pieces.setdefault((info.hostname, info.clock, events), []).append(number)
    streams = []
    for numbers in pieces.values():
        order = _without_copies(recordings, sorted(numbers, key=lambda i: (recordings[i].info.first_ns or 0, source_ids[i])))
        own = [recordings[i] for i in order]
        side = _in_a_row(own, [sides[i] for i in order])
        sources = [(source_ids[i], recordings[i]) for i in order]
        streams.append(Stream(own if _one_after_the_other(own) else [JoinedRecording([own], side, [0])], side, sources))
    joined, shifts = join(streams)
    return [Group(stream.pieces, stream.side, [source for _, source in stream.sources]) for stream in joined], shifts


def _without_copies(recordings: Sequence[Recording], numbers: Sequence[int]) -> list[int]:
    """Numbers of the recordings that are not the same as one before: packed, converted or plainly copied."""
    first: dict[Any, str] = {}
    kept = []
    for number in numbers:
        info = recordings[number].info
        # two recordings of different things never begin and end in the same nanosecond
        same = (info.first_ns, info.last_ns, tuple(sorted((name, count) for name, count in info.records_by_type.items())))
        if info.first_ns is not None and info.first_ns != info.last_ns and same in first:
            info.notes.append(Note(f"holds the same events as {first[same]}: not counted again"))
            continue
        first[same] = os.path.basename(info.path)
        kept.append(number)
    return kept


def _one_after_the_other(pieces: Sequence[Recording]) -> bool:
    ranges = [(piece.info.first_ns, piece.info.last_ns) for piece in pieces]
    times = [moment for pair in ranges for moment in pair if moment is not None]
    return times == sorted(times)


def ingest_group(group: Group, writer: StoreWriter, offsets: Offsets, progress: Progress, around: Surroundings) -> Offsets:
    """Attribute a group and write its tables; ``around`` is what lies beside it.

    Returns:
        The offsets for the next group.
    """
    lead = group.recordings[0]
    side = group.side
    events = occurring(group.recordings)
    shown = [event for event in events if not event.hidden]
    calls = SpanReader(
        shown,
        lead.function_names,
        _lost_times(side),
        probes=next((probes for source in group.sources if (probes := beside(source.info.path))), beside(lead.info.path)),
        has_times=lead.info.clock != "order",
    )
    engine = Engine(lead.info, events, side, has_spans=calls.present)
    engine.evidence_of_calls = "callchain" if calls.source == "function" else "span"
    copied = CopyUpSpans(calls.functions)
    copyups = CopyUps(lead.info, shown, engine.stacks, around)
    page_bytes = lead.info.page_size or _DEFAULT_PAGE_BYTES
    faults = writer.table("fault")
    shaping, writing = InOrder(depth=1), InOrder(depth=1)
    told = 0
    try:
        for rows, built in ahead(_rows(group, engine, calls, copyups, progress)):
            part = engine.feed(rows, built)
            if part is not None:
                told += int((part.faults.exception >= 0).sum())
                shaping.submit(_shape_faults, context_of(engine, offsets, page_bytes), part, writing, faults)
            if built is not None and len(built.spans):
                copied.add(built.spans)
                if not engine.roles.names(CLONE_ENTER):
                    engine.calls.add_spans(built.spans, calls.functions.among(FORKS))
                writer.table("span").write(span_rows(built.spans, calls.functions, engine.history, calls.source))
            if rows is not None and len(rows):
                engine.prune(int(rows.ts_ns[-1]))
        if engine.roles.foreign_exceptions:
            _note_strangers(group, told)
        for source in group.sources if calls.present else ():
            source.info.features["functions"] = sorted(set(calls.functions.plain))
        _write_history(group, engine, side, writer, offsets)
        _write_copyups(copyups, copied.finish(calls.paths, calls.frames), engine, writer, offsets)
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
    called = (group for group in groups if MarkReader(occurring(group.recordings), group.recordings[0].info.arch).usable)
    return next(called, groups[0] if groups else None)


def _shape_faults(context: Context, part: Attributed, writing: InOrder, table: TableWriter) -> None:
    writing.submit(table.write, fault_rows(context, part))


def _write_copyups(copyups: CopyUps, shown: Sequence[SpanCopyUp], engine: Engine, writer: StoreWriter, offsets: Offsets) -> None:
    """Copy-ups by system calls and listings, which name files; those that spans show where they tell of none, or of none with a name."""
    calls, rows = copyups.finish()
    if rows and (copyups.has_listing or not shown):
        writer.table("copyup").write(copyup_rows(engine, calls, rows, offsets))
    elif shown:
        writer.table("copyup").write(span_copyup_rows(shown, engine.history, engine.evidence_of_calls))


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


def _lost_times(side: SideBand) -> Int:
    times: Int = side.lost["ts_ns"].to_numpy().astype(np.int64)
    return times[times >= 0]


def _note_strangers(group: Group, told: int) -> None:
    """Say how many exceptions told of no fault: of processes, times and modes that only their recorder saw, or of faults that perf lost."""
    for source in group.sources[1:]:
        counts = source.info.features.get("event_counts") or []
        seen = sum(count for event, count in zip(source.events, counts, strict=False) if event.base_name in EXCEPTIONS)
        if seen > told:
            lead = os.path.basename(group.sources[0].info.path)
            sentence = f"page-fault exceptions that belong to no fault in {lead} (other processes or times, kernel addresses, losses)"
            source.info.notes.append(Note(f"{sentence}: not counted as faults", seen - told))


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
    for recording in group.sources:
        for entry in recording.info.features.get("build_ids") or ():
            found.setdefault(entry["path"], set()).add(entry["build_id"])
    return {path: ids.pop() for path, ids in found.items() if len(ids) == 1}


def _in_a_row(recordings: Sequence[Recording], sides: Sequence[SideBand]) -> SideBand:
    """Side bands one after the other. What a later piece synthesizes at its start holds from that start; its FORKs are no forks."""
    joined = sides[0]
    for recording, side in zip(recordings[1:], sides[1:], strict=True):
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
