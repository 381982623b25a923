"""A perf.data recording: opened, read once for its side band, then for its events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from cowtrace.parsers.ahead import ahead
from cowtrace.parsers.base import BATCH_DTYPES, EventDesc, Note, SideBand, SourceInfo
from cowtrace.parsers.kallsyms import ENTRY_BYTES, Kallsyms, beside
from cowtrace.parsers.perfdata import records as rec
from cowtrace.parsers.perfdata.attr import TRACEPOINT
from cowtrace.parsers.perfdata.batch import PerfBatch
from cowtrace.parsers.perfdata.groups import GroupReader
from cowtrace.parsers.perfdata.metadata import Metadata
from cowtrace.parsers.perfdata.names import event_names
from cowtrace.parsers.perfdata.order import Run, SamplePlan, in_time_order
from cowtrace.parsers.perfdata.samples import SampleDecoder
from cowtrace.parsers.perfdata.sideband import Records, SideBandBuilder
from cowtrace.parsers.perfdata.stream import Block, Stream
from cowtrace.parsers.source import SpillFile
from cowtrace.parsers.words import Array, Index, pack

#: Record types from this one on are counted together: no version of perf has so many.
_TYPES_COUNTED = 256


class PerfRecording:
    """``Recording`` of a perf.data file or directory; made by ``open_perfdata``.

    Attributes:
        info: Facts; counts and times are complete after ``side_band``.
        events: Descriptions in the order of the attrs.
        has_times: Some event has times.
    """

    def __init__(self, info: SourceInfo, metadata: Metadata, streams: list[Stream], order: str, buffer_bytes: int) -> None:
        self.info = info
        self.events: Sequence[EventDesc] = describe_events(metadata)
        self._metadata = metadata
        self._streams = streams
        self._order = order
        self._buffer_bytes = buffer_bytes
        self._decoder = SampleDecoder(metadata.attrs)
        self.has_times = any(layout is not None and "time" in layout.fixed for layout in self._decoder.layouts)
        self._plan: SamplePlan | None = None
        self._side_band: SideBand | None = None
        self._symbols: Kallsyms | None = None

    def function_names(self, values: Array, *, within_bytes: int = ENTRY_BYTES) -> list[str]:
        """Names of kernel functions by address, from a ``kallsyms`` or ``kallsyms.zst`` beside the recording; ``0x…`` without.

        Args:
            values: Addresses.
            within_bytes: How far behind a symbol an address may lie.
        """
        if self._symbols is None:
            self._symbols = beside(self.info.path)
        return self._symbols.names(values, within_bytes=within_bytes)

    def side_band(self) -> SideBand:
        """Read everything once: side band, counts, times, and where the samples are. Later calls return the same tables."""
        if self._side_band is None:
            scan = _Scan(self)
            for stream in self._streams:
                scan.read(stream)
            self._plan = scan.plan
            self._side_band = scan.finish()
        return self._side_band

    def batches(self) -> Iterator[PerfBatch]:
        """Events in time order."""
        self.side_band()
        assert self._plan is not None
        groups = GroupReader(self._decoder)
        for run in in_time_order(self._plan, self._decoder, self._order, self._buffer_bytes):
            yield self._batch(run, groups)

    def _batch(self, run: Run, groups: GroupReader) -> PerfBatch:
        at, times, keys = run.at, run.times, run.keys
        owner = self._decoder.events(run.words, at)
        event = owner
        period: Index | None = None
        if groups.needed:
            expanded = groups.expand(run.words, at, owner)
            sample = expanded.sample
            at, times, keys, owner = at[sample], times[sample], keys[sample], owner[sample]
            event, period = expanded.event, expanded.period
        columns = self._decoder.columns(run.words, at, owner)
        if self.has_times:
            columns = {"ts_ns": times, **columns}
        if period is not None:
            columns["period"] = np.where(period < 0, columns["period"], period).astype(BATCH_DTYPES["period"])
        return PerfBatch(
            self._decoder,
            events=self.events,
            words=run.words,
            at=at,
            owner=owner,
            columns=columns,
            event=event,
            seq=None if self.has_times else keys,
        )


def describe_events(metadata: Metadata) -> tuple[EventDesc, ...]:
    """A description of every attr."""
    formats = metadata.tracing.formats if metadata.tracing else {}
    names = event_names(metadata.attrs, metadata.features.events, metadata.names, formats)
    decoder = SampleDecoder(metadata.attrs)
    events = []
    for number, ((attr, _), name) in enumerate(zip(metadata.attrs, names, strict=True)):
        layout = decoder.layout(number)
        known = formats.get(attr.config) if attr.type == TRACEPOINT else None
        events.append(
            EventDesc(
                index=number,
                name=name,
                columns=decoder.recorded_columns(number),
                fields=known.fields if known else (),
                has_callchain=layout is not None and layout.has("callchain"),
                period=attr.period,
                hidden=attr.is_dummy,
            )
        )
    return tuple(events)


def _label(kind: int) -> str:
    return f"type {kind} and above" if kind == _TYPES_COUNTED else rec.type_name(kind)


class _Scan:
    """Pass 1."""

    def __init__(self, recording: PerfRecording) -> None:
        self.plan = SamplePlan(SpillFile(recording.info.path), recording.has_times)
        self._info = recording.info
        self._decoder = recording._decoder
        self._metadata = recording._metadata
        self._side_band = SideBandBuilder(recording._decoder, recording._order)
        self._counts: Counter[int] = Counter()
        self._unknown_ids = 0
        self._damaged_samples = 0
        self._position = 0
        self._first: int | None = None
        self._last: int | None = None

    def read(self, stream: Stream) -> None:
        """Take in all records of a stream."""
        seed = 0
        for block in ahead(stream.blocks()):
            starts, sizes = block.starts, block.sizes
            is_sample = block.types == rec.SAMPLE
            rest = np.flatnonzero(~is_sample)
            if len(rest):
                # numbers of rows are several times faster here than a mask of them
                samples = np.flatnonzero(is_sample)
                starts, sizes = starts.take(samples, mode="clip"), sizes.take(samples, mode="clip")
            self._counts[rec.SAMPLE] += len(starts)
            seed = self._samples(block, starts, sizes, seed)
            if len(rest):
                starts, types = block.starts[rest], block.types[rest]
                self._count(types)
                records = Records(starts, block.sizes[rest], types, starts + self._position, starts + block.offset)
                self._side_band.add(block.words, records)
                self._metadata.add_records(block, (rec.HEADER_BUILD_ID,))
            self._position += block.words.size
        self._counts += stream.left_out
        self._info.bytes_unread += stream.bytes_unread
        if stream.problem:
            unread = f"{stream.bytes_unread} bytes behind it were not" if stream.bytes_unread else "nothing follows it"
            self._info.notes.append(Note(f"{stream.name}{stream.problem}; everything before it was read, {unread}"))

    def _samples(self, block: Block, starts: Index, sizes: Index, seed: int) -> int:
        words, aligned = block.words, starts
        if (starts & 7).any():
            words, aligned = pack(words, starts, sizes)
        examined = self._decoder.examine(words, aligned, sizes)
        self._unknown_ids += examined.unknown_count
        self._damaged_samples += int((~examined.valid).sum()) - examined.unknown_count
        times = examined.time
        if not examined.valid.all():
            starts, times = starts[examined.valid], times[examined.valid]
        timed = times if len(times) and times.min() >= 0 else times[times >= 0]
        if len(timed):
            first, last = int(timed.min()), int(timed.max())
            self._first = first if self._first is None else min(self._first, first)
            self._last = last if self._last is None else max(self._last, last)
        return self.plan.add(block, starts, times, seed=seed, position=self._position)

    def _count(self, types: np.ndarray) -> None:
        counts = np.bincount(np.minimum(types, _TYPES_COUNTED))
        for kind in np.flatnonzero(counts).tolist():
            self._counts[kind] += int(counts[kind])

    def finish(self) -> SideBand:
        """Complete ``info``."""
        info, tables = self._info, self._side_band.finish()
        info.first_ns, info.last_ns = self._first, self._last
        info.records_read = sum(self._counts.values())
        info.records_by_type = {_label(kind): count for kind, count in sorted(self._counts.items()) if count}
        unknown_types = sum(count for kind, count in self._counts.items() if kind not in rec.TYPE_NAMES)
        info.records_unknown = unknown_types + self._unknown_ids
        info.records_damaged = self._damaged_samples + self._side_band.damaged_count
        if self._metadata.build_ids:
            info.features["build_ids"] = self._metadata.build_ids
        if info.features.get("stat") and not self._counts[rec.SAMPLE]:
            info.notes.append(Note("made by perf stat record: it has counts, but no samples"))
        notes = (
            ("records are of a type that is not known here; they are kept as raw rows", unknown_types),
            ("samples have an id that no event has; they were left out", self._unknown_ids),
            ("samples do not end where their record ends; they were left out", self._damaged_samples),
            ("records are too short for their type; they were left out", self._side_band.damaged_count),
            ("raw side-band records were only counted", self._side_band.other_dropped),
        )
        info.notes += [Note(text, count) for text, count in notes if count]
        return tables
