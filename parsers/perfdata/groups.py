"""Counters of a group that one sample read together (``{a,b}:S``): one row for each counter that moved.

Source: tools/perf/util/session.c (deliver_sample_group, deliver_sample_value): a row's period is the difference to the last value of
the same id, of the same task as well when children inherit the counters (kernel and perf 6.12); without a difference there is no row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cowtrace.parsers.perfdata.layout import READ_ENABLED, READ_GROUP, READ_ID, READ_RUNNING, Layout
from cowtrace.parsers.perfdata.samples import UNKNOWN, SampleDecoder, locate
from cowtrace.parsers.words import Index, Words, ragged_index


@dataclass(frozen=True, slots=True)
class Expanded:
    """Rows in place of samples.

    Attributes:
        sample: Index of the sample that each row comes from, ascending.
        event: Event of each row.
        period: Period of each row; -1 where the sample's own counts.
        unknown_count: Counters whose id no event has.
    """

    sample: Index
    event: npt.NDArray[np.int32]
    period: Index
    unknown_count: int


class GroupReader:
    """Remembers the last value of every counter between batches."""

    def __init__(self, decoder: SampleDecoder) -> None:
        self._decoder = decoder
        self._last: dict[tuple[int, int], int] = {}
        self._reading = [_has_ids(layout) for layout in decoder.layouts]
        self.needed = any(self._reading)

    def expand(self, words: Words, at: Index, owner: npt.NDArray[np.int32]) -> Expanded:
        """Rows for samples in time order."""
        counts = np.ones(len(at), np.int64)
        ids, values = np.zeros(len(at), np.int64), np.zeros(len(at), np.int64)
        strides = np.zeros(len(at), np.int64)
        read = np.zeros(len(at), bool)
        for code, rows in self._decoder.groups(owner):
            layout = self._decoder.layouts[code]
            if layout is None or not self._reading[code]:
                continue
            read[rows] = True
            counts[rows], values[rows], ids[rows], strides[rows] = _counters(words, layout, at[rows])
        sample = np.repeat(np.arange(len(at)), counts)
        member = ragged_index(np.zeros(len(at), np.int64), counts)[0]
        is_read = read[sample]
        event = owner[sample].astype(np.int32)
        period = np.full(len(sample), -1, np.int64)
        number = words.take64(ids[sample] + member * strides[sample])
        value = words.take64(values[sample] + member * strides[sample])
        event[is_read] = self._decoder.event_of_ids(number[is_read])
        period[is_read] = self._differences(words, at, owner, sample=sample[is_read], number=number[is_read], value=value[is_read])
        keep = (event != UNKNOWN) & (period != 0)
        return Expanded(sample[keep], event[keep], period[keep], int((event == UNKNOWN).sum()))

    def _differences(
        self,
        words: Words,
        at: Index,
        owner: npt.NDArray[np.int32],
        *,
        sample: Index,
        number: npt.NDArray[np.uint64],
        value: npt.NDArray[np.uint64],
    ) -> Index:
        """Value minus the last value of the same counter, in row order."""
        task = self._tasks(words, at, owner)[sample]
        order = np.lexsort((task, number))  # stable: rows of one counter stay in order
        number, task, value = number[order], task[order], value[order].view(np.int64)
        first = np.ones(len(order), bool)
        first[1:] = (number[1:] != number[:-1]) | (task[1:] != task[:-1])
        before = np.zeros(len(order), np.int64)
        before[1:] = value[:-1]
        heads = np.flatnonzero(first)
        keys = list(zip(number[heads].tolist(), task[heads].tolist(), strict=True))
        before[heads] = [self._last.get(key, 0) for key in keys]
        self._last.update(zip(keys, value[np.append(heads[1:] - 1, len(order) - 1)].tolist() if keys else [], strict=True))
        result = np.empty(len(order), np.int64)
        result[order] = value - before
        return result

    def _tasks(self, words: Words, at: Index, owner: npt.NDArray[np.int32]) -> Index:
        """tid of each sample whose event children inherit, else 0."""
        tasks = np.zeros(len(at), np.int64)
        for code, rows in self._decoder.groups(owner):
            layout = self._decoder.layouts[code]
            if layout is not None and "tid" in layout.fixed:
                tasks[rows] = words.take32((at[rows] + layout.fixed["tid"]) * 2 + 1)
        inherits = np.array([attr.inherit for attr in self._decoder.attrs])
        return np.where(inherits[owner], tasks, 0)


def _has_ids(layout: Layout | None) -> bool:
    """Samples read counters whose ids tell which is which."""
    return layout is not None and layout.has("read") and bool(layout.read_format & READ_ID)


def _counters(words: Words, layout: Layout, at: Index) -> tuple[Index | int, Index, Index, int]:
    """Of every sample: how many counters; words of the first one's value and id; words from one counter to the next."""
    place = locate(words, layout, at)["read"] if "read" not in layout.fixed else at + layout.fixed["read"]
    times = (layout.read_format & (READ_ENABLED | READ_RUNNING)).bit_count()
    if not layout.read_format & READ_GROUP:
        return 1, place, place + 1 + times, 0
    stride = next(part.each for part in layout.parts if part.name == "read")
    first = place + 1 + times
    return words.take64(place).view(np.int64), first, first + 1, stride
