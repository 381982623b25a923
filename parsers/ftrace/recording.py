"""A recording of ftrace, however its events are stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from cowtrace.parsers.base import EventDesc, Note, SideBand, SourceInfo
from cowtrace.parsers.ftrace.batch import TraceBatch
from cowtrace.parsers.ftrace.facts import Collector
from cowtrace.parsers.ftrace.groups import Groups
from cowtrace.parsers.ftrace.order import Merger
from cowtrace.parsers.ftrace.rows import EventStore, numbers, tids
from cowtrace.parsers.ftrace.scan import Scan, scan
from cowtrace.parsers.ftrace.sideband import Saved, build, settle
from cowtrace.parsers.ftrace.stacks import STACK_EVENTS
from cowtrace.parsers.words import Array


class FtraceRecording:
    """``Recording`` of ftrace.

    ``side_band()`` reads all pieces once, ``batches()`` once more (and once before, when the side band was not read). Call stacks are
    events of their own and the call chain of the event before as well (see ``stacks``).

    Attributes:
        info: Facts about the file.
        events: Every event that the file describes, in every instance; more than occur. ``has_callchain`` is known after ``side_band()``.
    """

    #: What is said about damage that was found.
    damage = "damaged parts: what stands in them before the damage was kept"

    def __init__(self, store: EventStore, info: SourceInfo, block_bytes: int) -> None:
        self._events_store = store
        self._block_bytes = block_bytes
        self._scan: Scan | None = None
        self._groups: Groups | None = None
        self.events: Sequence[EventDesc] = store.descs
        self.info = info

    def saved(self) -> Saved:
        """What the recorder noted besides the events."""
        return Saved()

    def side_band(self) -> SideBand:
        """Task history and losses; also completes ``info``."""
        collector = Collector(self._events_store)
        found = scan(self._events_store, collector, self._block_bytes)
        settle(collector.facts)
        saved = self.saved()
        groups = Groups(collector.facts, saved.tgids)
        if self._scan is None:
            self._complete_info(found)
        self._scan, self._groups = found, groups
        return build(collector.facts, groups, found, saved)

    def batches(self) -> Iterator[TraceBatch]:
        """Events of all CPUs and instances in time order; equal times in file order."""
        if self._scan is None or self._groups is None:
            self.side_band()
        assert self._scan is not None and self._groups is not None
        store = self._events_store
        for run in Merger(store, self._scan, self._block_bytes).runs():
            tid = tids(run.rows, store.pid)
            columns: dict[str, Array] = {
                "ts_ns": run.rows.ts_ns,
                "tgid": self._groups.find(tid, run.rows.ts_ns).astype(np.int32),
                "tid": tid,
                "cpu": store.cpus(run.rows),
            }
            yield TraceBatch(run, self.events, columns)

    def _complete_info(self, found: Scan) -> None:
        info = self.info
        info.first_ns, info.last_ns = found.first_event_ns, found.last_event_ns
        info.records_read = int(found.counts.sum())
        info.records_unknown = found.unknown_count
        info.records_damaged = found.damaged_count
        for number in np.flatnonzero(found.counts).tolist():
            name = self.events[number].name
            info.records_by_type[name] = info.records_by_type.get(name, 0) + int(found.counts[number])
        with_stacks = {self.events[number].instance for number in numbers(self.events, *STACK_EVENTS) if found.counts[number]}
        self.events = [
            replace(
                desc,
                has_callchain=desc.instance in with_stacks and desc.name not in STACK_EVENTS,
                # recorded in another instance only: who looks for the event by its name shall find that one
                hidden=not found.counts[desc.index] and desc.name in info.records_by_type,
            )
            for desc in self.events
        ]
        if found.unknown_count:
            info.notes.append(Note("events of a type that the file does not describe were left out", found.unknown_count))
        if found.damaged_count:
            info.notes.append(Note(self.damage, found.damaged_count))
