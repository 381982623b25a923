"""Spans of a recording, whatever recorded the calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.attribution.spans.builder import Built, SpanBuilder
from cowtrace.attribution.spans.edges import GraphEvents, no_edges
from cowtrace.attribution.spans.functions import Functions, Names
from cowtrace.attribution.spans.probes import ProbeEvents
from cowtrace.attribution.spans.traced import TracedFunctions
from cowtrace.parsers.base import EventBatch, EventDesc


class SpanReader:
    """Reads the calls of a recording, batch by batch.

    Args:
        events: Events of the recording that occur in it.
        names: Gives the symbols of addresses.
        lost_ns: Times at which events were lost, in any order.
        probes: Function of kprobe events by their name, as far as a list beside the recording tells.
        has_times: Times of events are nanoseconds; without, only the kernel's own account of a call tells how long it took.

    Attributes:
        functions: The functions seen so far.
        source: What recorded the calls.
    """

    def __init__(
        self, events: Sequence[EventDesc], names: Names, lost_ns: Int, *, probes: Mapping[str, str], has_times: bool = True
    ) -> None:
        self.functions = Functions(names)
        graph, kprobes = GraphEvents(events, self.functions), ProbeEvents(events, self.functions, names, probes)
        # function_graph tells all that probes tell, and how calls nest
        self._events: GraphEvents | ProbeEvents = graph if graph.present else kprobes
        self._traced = TracedFunctions(events, self.functions, names)
        self._builder = SpanBuilder(self.functions, np.sort(lost_ns), has_times=has_times)
        self._seq = 0
        self.source = "function_graph" if graph.present else "kprobe" if kprobes.present else "function"

    @property
    def present(self) -> bool:
        """The recording holds calls of functions."""
        return self._events.present or self._traced.present

    @property
    def paths(self) -> dict[int, bytes]:
        """Files that are copied up, by number of the event; only probes fetch names."""
        return self._events.paths if isinstance(self._events, ProbeEvents) else {}

    @property
    def frames(self) -> dict[int, list[str]]:
        """Functions around copy-ups, by number of the event; only the function tracer records stacks."""
        return self._traced.frames

    def read(self, batch: EventBatch) -> Built:
        """What a batch completes."""
        first_seq = self._seq
        self._seq += batch.count
        if self._events.present:
            return self._builder.add(self._events.edges(batch, first_seq), final=False, first_seq=first_seq)
        edges, handled = self._traced.read(batch, first_seq)
        built = self._builder.add(edges, final=False, first_seq=first_seq)
        self._builder.shown |= int(np.bitwise_or.reduce(handled.marks)) if len(handled.marks) else 0
        built.handled, built.shown = handled, self._builder.shown
        return built

    def finish(self) -> Built:
        """At the end of the recording: the calls that are still open."""
        return self._builder.add(no_edges(), final=True, first_seq=self._seq)
