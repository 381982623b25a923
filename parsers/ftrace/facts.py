"""What the events of a block tell about tasks: births, names, execs, exits, thread groups.

Sources: include/trace/events/sched.h, task.h, kernel/trace/trace_entries.h (user_stack).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cowtrace.parsers.base import EventDesc, FieldDesc
from cowtrace.parsers.ftrace.rows import EventStore, Rows, field_of, tids
from cowtrace.parsers.traceevent.payload import Payloads
from cowtrace.parsers.words import Array, Index

CLONE_THREAD = 0x10000
#: How a task came to be: forked, unknown whether as a thread; as a process; as a thread.
FORKED, PROCESS, THREAD = range(3)
#: What a name is: given at birth, changed, changed by exec, seen.
BORN, RENAMED, EXECED, SEEN = range(4)
COMM_BYTES = 16
#: PID_MAX_LIMIT of 64-bit kernels (include/linux/threads.h): a larger number is no tid.
TID_MAX = 1 << 22
#: Places in file order that an event takes, so that what it tells stands in order too.
PLACES = 4
BIRTH_PLACE = 1
_COMPACT_ROWS = 1 << 20

#: Events that show the name of a task: pairs of fields, comm and tid, in the order in which they hold.
_SEEN_IN = {
    "sched:sched_switch": (("prev_comm", "prev_pid"), ("next_comm", "next_pid")),
    "sched:sched_process_fork": (("parent_comm", "parent_pid"),),
    "task:task_rename": (("oldcomm", "pid"),),
    **dict.fromkeys(
        (
            "sched:sched_waking",
            "sched:sched_wakeup",
            "sched:sched_wakeup_new",
            "sched:sched_migrate_task",
            "sched:sched_prepare_exec",
            "sched:sched_process_exit",
            "sched:sched_process_free",
        ),
        (("comm", "pid"),),
    ),
}


@dataclass(slots=True)
class Facts:
    """Tables of facts; each has ``ts_ns``, ``seq`` (ascending in file order) and ``tid`` (all int64), and its own columns.

    Attributes:
        births: parent_tid, how (FORKED, ...), source (event number).
        names: kind (BORN, ...), comm (uint64[n, 2]: 16 bytes, NUL padded).
        execs: old_tid.
        exits: source.
        members: tgid.
    """

    births: list[dict[str, Array]]
    names: list[dict[str, Array]]
    execs: list[dict[str, Array]]
    exits: list[dict[str, Array]]
    members: list[dict[str, Array]]

    @classmethod
    def nothing(cls) -> Facts:
        """Empty tables."""
        return cls([], [], [], [], [])

    def table(self, name: str) -> dict[str, Array]:
        """One table as a whole, in the order in which it was collected."""
        parts: list[dict[str, Array]] = getattr(self, name)
        if not parts:
            extra = {"births": ("parent_tid", "how", "source"), "execs": ("old_tid",), "exits": ("source",), "members": ("tgid",)}
            empty: dict[str, Array] = {column: np.empty(0, np.int64) for column in ("ts_ns", "seq", "tid", *extra.get(name, ("kind",)))}
            return {**empty, "comm": np.empty((0, 2), np.uint64)} if name == "names" else empty
        whole = {column: np.concatenate([part[column] for part in parts]) for column in parts[0]}
        setattr(self, name, [whole])
        return whole


@dataclass(frozen=True, slots=True)
class _Some:
    """Rows of one event in one block.

    Attributes:
        desc: The event.
        ts_ns: Time of each.
        seq: First place in file order that each takes.
        payloads: Payload of each.
        tid: Task that each was recorded in; int64.
    """

    desc: EventDesc
    ts_ns: Index
    seq: Index
    payloads: Payloads
    tid: Array

    def fact(self, tid: Array, place: int) -> dict[str, Array]:
        """The columns that all facts have."""
        return {"ts_ns": self.ts_ns, "seq": self.seq + place, "tid": tid}

    def ints(self, name: str, default: int = -1) -> Array:
        """An integer field; ``default`` everywhere when the event has no such field."""
        field = field_of(self.desc, name)
        if field is None or field.kind != "int":
            return np.full(len(self.tid), default, np.int64)
        return self.payloads.ints(field).astype(np.int64)

    def task(self, name: str) -> Array:
        """A field with a tid; newer kernels left it out of some events where it is the current task."""
        return self.tid if field_of(self.desc, name) is None else self.ints(name)

    def comms(self, name: str) -> Array | None:
        """A field with a name: uint8[n, 16]; None when the event has no such field."""
        field = field_of(self.desc, name)
        return None if field is None or field.kind == "int" else _comms(self.payloads, field)

    def sources(self) -> Array:
        """The event's number, once for each row."""
        return np.full(len(self.tid), self.desc.index, np.int64)


class Collector:
    """Collects facts block by block, in file order."""

    def __init__(self, store: EventStore) -> None:
        self.facts = Facts.nothing()
        self._rows_before = 0
        self._loose_names = 0
        self._readers = {
            "sched:sched_process_fork": self._fork,
            "task:task_newtask": self._newtask,
            "task:task_rename": self._rename,
            "sched:sched_process_exec": self._exec,
            "sched:sched_process_exit": self._exit,
            "ftrace:user_stack": self._user_stack,
        }
        wanted = {*self._readers, *_SEEN_IN}
        self._descs = {desc.index: desc for desc in store.descs if desc.name in wanted}
        self._is_wanted = np.zeros(len(store.descs) + 1, bool)
        self._is_wanted[list(self._descs)] = True
        self._pid = store.pid

    def add(self, rows: Rows) -> None:
        """Read one block."""
        wanted = np.flatnonzero(self._is_wanted.take(rows.event))
        events = rows.event.take(wanted)
        for number in np.unique(events).tolist():
            which = wanted[events == number]
            selected = rows.some(which)
            task = tids(selected, self._pid).astype(np.int64)
            payloads = Payloads(selected.words, selected.start, selected.size)
            some = _Some(self._descs[number], selected.ts_ns, (which + self._rows_before) * PLACES, payloads, task)
            name = some.desc.name
            if name in self._readers:
                self._readers[name](some)
            for place, (comm, tid) in enumerate(_SEEN_IN.get(name, ())):
                self._add_names(some.fact(some.task(tid), place), SEEN, some.comms(comm))
        self._rows_before += len(rows)
        if self._loose_names > _COMPACT_ROWS:
            self.facts.names = [_thin(self.facts.table("names"))]
            self._loose_names = 0

    def _fork(self, some: _Some) -> None:
        self._birth(some, some.ints("child_pid"), some.ints("parent_pid"), np.full(len(some.tid), FORKED, np.int64), "child_comm")

    def _newtask(self, some: _Some) -> None:
        how = np.where(some.ints("clone_flags", 0) & CLONE_THREAD, THREAD, PROCESS).astype(np.int64)
        self._birth(some, some.ints("pid"), some.tid, how, "comm")

    def _birth(self, some: _Some, tid: Array, parent: Array, how: Array, comm: str) -> None:
        self.facts.births.append({**some.fact(tid, BIRTH_PLACE), "parent_tid": parent, "how": how, "source": some.sources()})
        self._add_names(some.fact(tid, BIRTH_PLACE + 1), BORN, some.comms(comm))

    def _rename(self, some: _Some) -> None:
        self._add_names(some.fact(some.task("pid"), PLACES - 1), RENAMED, some.comms("newcomm"))

    def _exec(self, some: _Some) -> None:
        tid = some.task("pid")
        self.facts.execs.append({**some.fact(tid, 0), "old_tid": some.ints("old_pid")})
        field = field_of(some.desc, "filename")
        comm = np.zeros((len(tid), COMM_BYTES), np.uint8)
        if field is not None and field.kind in ("data_loc", "rel_loc") and field.element_size == 1:
            for place, path in enumerate(some.payloads.values(field)):  # execs are rare
                name = np.frombuffer(path.rpartition(b"/")[2][: COMM_BYTES - 1], np.uint8)
                comm[place, : len(name)] = name
        self._add_names(some.fact(tid, PLACES - 1), EXECED, comm)

    def _exit(self, some: _Some) -> None:
        self.facts.exits.append({**some.fact(some.task("pid"), PLACES - 1), "source": some.sources()})

    def _user_stack(self, some: _Some) -> None:
        tgid = some.ints("tgid")
        first = np.unique(some.tid << 32 | tgid & 0xFFFFFFFF, return_index=True)[1]
        fact = {**some.fact(some.tid, 0), "tgid": tgid}
        self.facts.members.append({name: column[first] for name, column in fact.items()})

    def _add_names(self, fact: dict[str, Array], kind: int, comm: Array | None) -> None:
        if comm is None:
            return
        part = {**fact, "kind": np.full(len(comm), kind, np.int64), "comm": comm.view(np.uint64)}
        if kind == SEEN:
            part = _thin(part)
        self._loose_names += len(part["tid"])
        self.facts.names.append(part)


def _comms(payloads: Payloads, field: FieldDesc) -> Array:
    """Names as rows of 16 bytes, zero from the first NUL on: what stands behind it is left over from longer names."""
    starts, sizes = payloads.spans(field)
    place = np.arange(COMM_BYTES)
    raw = payloads.words.take8(starts[:, None] + place)
    raw[(place >= sizes[:, None]) | np.logical_or.accumulate(raw == 0, axis=1)] = 0
    return raw


def _thin(part: dict[str, Array]) -> dict[str, Array]:
    """Leave out sightings of a name between two others of the same task that are equal, and those of the idle tasks."""
    tid = part["tid"]
    order = np.lexsort((part["seq"], tid))
    order = order[(tid[order] > 0) | (part["kind"][order] != SEEN)]
    same = (np.diff(tid[order]) == 0) & (part["comm"][order][1:] == part["comm"][order][:-1]).all(axis=1)
    seen = part["kind"][order] == SEEN
    same &= seen[1:] & seen[:-1]
    inner = np.append(False, same) & np.append(same, False) if len(order) else np.empty(0, bool)
    keep = np.sort(order[~inner])
    return {name: column[keep] for name, column in part.items()}
