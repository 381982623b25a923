"""Spans of a recording, whatever recorded the calls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.attribution.spans.builder import Built, SpanBuilder
from cowtrace.attribution.spans.edges import GraphEvents, no_edges
from cowtrace.attribution.spans.functions import Functions, Names
from cowtrace.parsers.base import EventBatch, EventDesc


class SpanReader:
    """Reads the calls of a recording, batch by batch.

    Args:
        events: Events of the recording that occur in it.
        names: Gives the symbols of addresses.
        lost_ns: Times at which events were lost, in any order.

    Attributes:
        functions: The functions seen so far.
        source: What recorded the calls.
    """

    def __init__(self, events: Sequence[EventDesc], names: Names, lost_ns: Int) -> None:
        self.functions = Functions(names)
        self._graph = GraphEvents(events, self.functions)
        self._builder = SpanBuilder(self.functions, np.sort(lost_ns))
        self._seq = 0
        self.source = "function_graph"

    @property
    def present(self) -> bool:
        """The recording holds calls of functions."""
        return self._graph.present

    def read(self, batch: EventBatch) -> Built:
        """What a batch completes."""
        first_seq = self._seq
        self._seq += batch.count
        return self._builder.add(self._graph.edges(batch, first_seq), final=False, first_seq=first_seq)

    def finish(self) -> Built:
        """At the end of the recording: the calls that are still open."""
        return self._builder.add(no_edges(), final=True, first_seq=self._seq)
