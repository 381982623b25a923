"""Several recordings of one run as one: their events merged by time, in batches of bounded size.

    perf.data   [ entry . . exit ][ ...       one batch of each in hand, due is the earliest end of any:
    trace.dat     [ exception alloc . ][ ...      exception entry alloc exit | ...

The first recording is the one that shows the faults. Of an event that several recorded, the first one's is taken; the others' rows stay in
the batches, hidden. Nothing else changes: counts, losses and notes remain those of each recording.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cowtrace.attribution.asof import ALWAYS, AsOf, Int
from cowtrace.ingest.joined_batch import JoinedBatch, Member, Part
from cowtrace.parsers.base import Array, EventBatch, EventDesc, Recording, SideBand, SourceInfo

#: Facts about the machine that one recording may have and another lack.
_OF_THE_MACHINE = ("hostname", "kernel_release", "arch", "page_size", "cpu_desc", "cpu_count", "total_mem_bytes", "wall_offset_ns")


class JoinedRecording:
    """``Recording`` of several.

    Args:
        streams: Recordings with the events that they share (the pieces of one recording), the one with the faults first.
        side: Their side bands as one; its times are on the common clock.
        shifts_ns: What is added to the times of each stream for the common clock.

    Attributes:
        info: Facts about the machine and the whole time; its notes and counts are empty.
        events: Of all recordings; ``EventDesc.source`` is the number of the stream. Hidden are those that do not occur or are told twice.
    """

    def __init__(self, streams: Sequence[Sequence[Recording]], side: SideBand, shifts_ns: Sequence[int]) -> None:
        self._side = side
        self._members: list[Member] = []
        events: list[EventDesc] = []
        names: set[str] = set()
        for number, (pieces, shift_ns) in enumerate(zip(streams, shifts_ns, strict=True)):
            occurring = {name for piece in pieces for name in piece.info.records_by_type}
            lead = pieces[0]
            counts_known = any(event.name in occurring for event in lead.events)
            first = len(events)
            own: set[str] = set()
            for event in lead.events:
                hidden = event.hidden or event.base_name in names or (counts_known and event.name not in occurring)
                if not hidden:
                    own.add(event.base_name)
                events.append(replace(event, index=len(events), source=number, hidden=hidden))
            names |= own
            self._members += [Member(piece, first, shift_ns, piece.info.first_ns or 0) for piece in pieces]
        self.events: Sequence[EventDesc] = events
        self.info = _info([member.recording.info for member in self._members])
        self._tgids = _Tgids(side)

    def side_band(self) -> SideBand:
        """The side bands as one."""
        return self._side

    def function_names(self, values: Array, *, within_bytes: int = 1) -> list[str]:
        """Names of kernel functions, from the first recording that has one for each address."""
        names: list[str] = []
        for member in self._members:
            more = member.recording.function_names(values, within_bytes=within_bytes)
            names = [old if not old.startswith("0x") else new for old, new in zip(names or more, more, strict=True)]
        return names

    def batches(self) -> Iterator[EventBatch]:
        """Events of all recordings in time order; each one's event counts are in its ``info`` in the end."""
        # at equal times what a fault brought with it stands before the fault's own events: an exception before its entry
        heads = [_Head(member, self._tgids) for member in reversed(self._members)]
        while True:
            due = min((head.end for head in heads if head.has_rows), default=None)
            soon = [head for head in heads if not head.has_rows and not head.finished and (due is None or head.next_ns <= due)]
            if soon:
                min(soon, key=lambda head: head.next_ns).load()
                continue
            if due is None:
                break
            yield JoinedBatch([head.take(due) for head in heads if head.has_rows], len(self.events))
        for head in heads:
            head.member.recording.info.features["event_counts"] = head.counts.tolist()


class _Head:
    """The batch in hand of one recording, and how far it was taken."""

    def __init__(self, member: Member, tgids: _Tgids) -> None:
        self.member = member
        self.finished = False
        self.next_ns = member.first_ns
        self.counts = np.zeros(len(member.recording.events), np.int64)
        self._tgids = tgids
        self._batches = iter(member.recording.batches())
        self._part: Part | None = None
        self._at = 0

    @property
    def has_rows(self) -> bool:
        return self._part is not None and self._at < len(self._part.ts_ns)

    @property
    def end(self) -> int:
        assert self._part is not None
        return int(self._part.ts_ns[-1])

    def load(self) -> None:
        batch = next(self._batches, None)
        self._at = 0
        if batch is None:
            self.finished, self._part = True, None
            return
        self.counts += np.bincount(batch.event, minlength=len(self.counts))
        ts_ns = batch.columns["ts_ns"] + self.member.shift_ns
        self._part = Part(self.member, batch, ts_ns, self._tgids.fill(batch, ts_ns))
        if len(ts_ns):
            self.next_ns = int(ts_ns[-1])

    def take(self, due: int) -> Part:
        """Rows up to a time; they may be none."""
        assert self._part is not None
        end = int(np.searchsorted(self._part.ts_ns, due, side="right"))
        begin, self._at = self._at, max(end, self._at)
        return self._part.between(begin, self._at)


@dataclass(slots=True)
class _Tgids:
    """The process of a thread, for recordings that name threads only."""

    _asof: AsOf
    _tgid: Int

    def __init__(self, side: SideBand) -> None:
        parts = [
            table.select("tid", "ts_ns", "tgid").filter((table["tid"] >= 0) & (table["tgid"] >= 0)) for table in (side.fork, side.comm)
        ]
        columns = [np.concatenate([part[name].to_numpy().astype(np.int64) for part in parts]) for name in ("tid", "ts_ns", "tgid")]
        self._asof = AsOf(columns[0], np.where(columns[1] < 0, ALWAYS, columns[1]))
        self._tgid = columns[2]

    def fill(self, batch: EventBatch, ts_ns: Int) -> Array | None:
        """The column ``tgid`` with what it lacks; None when the batch has no such column."""
        tgid = batch.columns.get("tgid")
        if tgid is None or "tid" not in batch.columns:
            return tgid
        lacking = np.flatnonzero((tgid < 0) & (batch.columns["tid"] > 0))
        if len(lacking):
            found = self._asof.find(batch.columns["tid"][lacking].astype(np.int64), ts_ns[lacking])
            tgid = tgid.copy()
            tgid[lacking] = np.where(found >= 0, self._tgid[np.maximum(found, 0)], -1)
        return tgid


def _info(infos: Sequence[SourceInfo]) -> SourceInfo:
    lead = infos[0]
    joined = SourceInfo(path=lead.path, format=lead.format, clock=lead.clock)
    for name in _OF_THE_MACHINE:
        setattr(joined, name, next((value for info in infos if (value := getattr(info, name)) is not None), None))
    joined.records_read = sum(info.records_read for info in infos)
    firsts = [info.first_ns for info in infos if info.first_ns is not None]
    lasts = [info.last_ns for info in infos if info.last_ns is not None]
    joined.first_ns, joined.last_ns = min(firsts, default=None), max(lasts, default=None)
    return joined
