"""Calls from kprobe events: a probe at a function's entry and one at its return make a call; one at the entry alone, a call without end.

Events carry no depth, so it follows from the pairs: per thread and function a return ends the call right before it. Probes may be named
anything; the function is told by the address that every event holds (``__probe_ip``, ``__probe_func``), by a list of probes beside the
recording, or at last by the name. Source: kernel/trace/trace_kprobe.c.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from cowtrace.attribution.spans.edges import ENTRY, EXIT, POINT, Edges, blank, in_order, no_edges
from cowtrace.attribution.spans.functions import Functions, Names
from cowtrace.parsers.base import EventBatch, EventDesc

_IP, _FUNC, _RETURN_IP = "__probe_ip", "__probe_func", "__probe_ret_ip"
#: What copies a file up (fs/overlayfs/copy_up.c).
COPY_UP = "ovl_copy_up_one"
_PATH = ("name", "path", "file")
_ADDRESS, _FLAGS, _RETURNED = ("addr", "address"), ("flags", "fault_flags"), ("ret", "retval", "rc", "arg1")
_AFFIX = re.compile(r"^(?:[pr]_|kprobe_|kretprobe_)|(?:__return|__entry|__exit|_return|_ret|_entry|_exit|_enter|_\d+)+$")


class ProbeEvents:
    """The kprobe events of a recording.

    Args:
        events: Of the recording.
        functions: Numbers the functions.
        names: Gives the symbols of addresses.
        listed: Function of probes, by event name.


    Attributes:
        paths: File names that probes fetched, by number of the event.
    """

    def __init__(self, events: Sequence[EventDesc], functions: Functions, names: Names, listed: Mapping[str, str]) -> None:
        self._functions = functions
        self._names = names
        self._listed = listed
        self._entries = [event for event in events if _has(event, _IP)]
        self._returns = [event for event in events if _has(event, _FUNC) and _has(event, _RETURN_IP)]
        self._function: dict[int, int] = {}
        self._open = no_edges()
        self.paths: dict[int, bytes] = {}

    @property
    def present(self) -> bool:
        """The recording holds such events."""
        return bool(self._entries or self._returns)

    def edges(self, batch: EventBatch, first_seq: int) -> Edges:
        """Entries, returns and lone entries of a batch, in its order; depths as the pairs tell.

        Args:
            batch: Events.
            first_seq: Number of its first event in the recording.
        """
        found = []
        for kind, events in ((ENTRY, self._entries), (EXIT, self._returns)):
            for event in events:
                rows = batch.rows(event.index)
                if not len(rows):
                    continue
                part = blank(batch, rows, first_seq)
                part.kind[:] = kind
                part.function[:] = self._number(event, batch, kind)
                for target, choices in ((part.addr, _ADDRESS), (part.flags, _FLAGS), (part.retval, _RETURNED)):
                    name = next((name for name in choices if _has(event, name)), None)
                    if name is not None and (kind == EXIT) == (choices is _RETURNED):
                        target[:] = batch.field(event.index, name).astype(np.int64)
                found.append(part)
                if self._functions.plain[part.function[0]] == COPY_UP and kind == ENTRY:
                    self._read_paths(event, batch, part)
        edges = in_order(found)
        if not len(edges):
            return edges
        edges.kind[(edges.kind == ENTRY) & ~np.isin(edges.function, self._ending())] = POINT
        return self._nested(edges)

    def _ending(self) -> list[int]:
        """Functions whose returns are recorded. Before the first return of a probe its name says to which entry it belongs."""
        known = [self._function[event.index] for event in self._returns if event.index in self._function]
        stems = {_stem(event) for event in self._returns if event.index not in self._function}
        return known + [self._function[event.index] for event in self._entries if event.index in self._function and _stem(event) in stems]

    def _number(self, event: EventDesc, batch: EventBatch, kind: int) -> int:
        """Function of an event; every event of a probe is at the same."""
        number = self._function.get(event.index)
        if number is None:
            value = batch.field(event.index, _IP if kind == ENTRY else _FUNC)[:1]
            (symbol,) = self._names(value)
            if symbol.startswith("0x"):
                own = event.name.rpartition(":")[2]
                symbol = self._listed.get(event.name) or self._listed.get(own) or _stem(event) or own
            number = self._function[event.index] = self._functions.named(symbol)
        return number

    def _read_paths(self, event: EventDesc, batch: EventBatch, part: Edges) -> None:
        """Names of the files that are copied up, where the probe fetches them; such calls are few."""
        field = next((field.name for field in event.fields if field.name in _PATH and field.kind in ("data_loc", "string")), None)
        if field is not None:
            self.paths.update(zip(part.seq.tolist(), batch.field_values(event.index, field), strict=True))

    def _nested(self, edges: Edges) -> Edges:
        """Edges with depths; an entry without its return is a point, unless it may still come."""
        carried = len(self._open)
        whole = edges.after(self._open)
        order = np.argsort(whole.thread, kind="stable")
        whole = whole.take(order)
        calls = np.flatnonzero(whole.kind != POINT)
        group = calls[np.lexsort((calls, whole.function[calls], whole.thread[calls]))]
        before, after = group[:-1], group[1:]
        same = (whole.thread[before] == whole.thread[after]) & (whole.function[before] == whole.function[after])
        pair = same & (whole.kind[before] == ENTRY) & (whole.kind[after] == EXIT)
        entry, leave = before[pair], after[pair]
        last = np.append(~same, True) if len(group) else np.empty(0, np.bool_)
        still = np.sort(group[last & (whole.kind[group] == ENTRY)])
        step = np.zeros(len(whole), np.int64)
        step[entry] = step[still] = 1
        step[leave] = -1
        total = np.cumsum(step)
        starts = np.flatnonzero(np.r_[True, whole.thread[1:] != whole.thread[:-1]])
        base = np.repeat((total - step)[starts], np.diff(np.append(starts, len(whole))))
        whole.depth = np.maximum(total - base - np.maximum(step, 0), 0)
        lost = (whole.kind == ENTRY) & (step == 0)
        whole.kind[lost] = POINT
        self._open = whole.take(still)
        fresh = np.flatnonzero(order >= carried)
        return whole.take(fresh[np.argsort(whole.seq[fresh], kind="stable")])


def _stem(event: EventDesc) -> str:
    """An event's name without what marks it as the entry or the return."""
    return _AFFIX.sub("", event.name.rpartition(":")[2])


def _has(event: EventDesc, name: str) -> bool:
    return any(field.name == name and field.kind == "int" for field in event.fields)
