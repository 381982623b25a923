"""Side-band tables of an ftrace recording, from what pass 1 collected. Mappings and cgroups are not among what ftrace records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from cowtrace.parsers.base import SIDE_BAND_SCHEMAS, SideBand
from cowtrace.parsers.ftrace import names
from cowtrace.parsers.ftrace.facts import EXECED, TID_MAX, Facts
from cowtrace.parsers.ftrace.groups import UNKNOWN, Groups
from cowtrace.parsers.ftrace.once import once
from cowtrace.parsers.ftrace.scan import Scan
from cowtrace.parsers.words import Array


@dataclass(frozen=True, slots=True)
class Saved:
    """What the recorder or the kernel noted besides the events.

    Attributes:
        cmdlines: Last known comm by tid.
        changes: Names of tasks that had several, of those that ``cmdlines`` has: time (-1 since the start), tid, name.
        tgids: Last known tgid by tid.
        instances: Name of every instance, in the order of the numbers in ``Loaded.lost``.
        stats: Counters of each CPU by name of the instance (tracefs: per_cpu/cpuN/stats).
    """

    cmdlines: Mapping[int, bytes] = field(default_factory=dict)
    changes: Sequence[tuple[int, int, bytes]] = ()
    tgids: Mapping[int, int] = field(default_factory=dict)
    instances: Sequence[str] = ("",)
    stats: Mapping[str, Sequence[Mapping[str, int]]] = field(default_factory=dict)


def settle(facts: Facts) -> None:
    """Tell births and exits once, and drop those of impossible tids."""
    births = once(_possible(facts.table("births")), "tid", "parent_tid")
    exits = once(_possible(facts.table("exits")), "tid")
    facts.births, facts.exits = [births], [exits]


def _possible(table: dict[str, Array]) -> dict[str, Array]:
    some = (table["tid"] > 0) & (table["tid"] <= TID_MAX)
    return {name: column[some] for name, column in table.items()}


def build(facts: Facts, groups: Groups, found: Scan, saved: Saved) -> SideBand:
    """The tables, rows in file order; ``facts`` must be settled."""
    births, exits = facts.table("births"), facts.table("exits")
    side = SideBand.empty()
    side.comm = _comms(facts, births, groups, found, saved)
    parent = births["parent_tid"]
    fork_groups = {"tgid": groups.find(births["tid"], births["ts_ns"]), "parent_tgid": groups.find(parent, births["ts_ns"])}
    side.fork = _frame("fork", {**_at(births), **fork_groups, "tid": births["tid"], "parent_tid": np.where(_fits(parent), parent, UNKNOWN)})
    nobody = np.full(len(exits["tid"]), UNKNOWN, np.int64)
    exit_group = groups.find(exits["tid"], exits["ts_ns"])
    side.exit = _frame("exit", {**_at(exits), "tgid": exit_group, "parent_tgid": nobody, "tid": exits["tid"], "parent_tid": nobody})
    side.lost = _losses(found, saved)
    return side


def _fits(tid: Array) -> Array:
    return (tid >= 0) & (tid <= TID_MAX)


def _at(table: dict[str, Array]) -> dict[str, Array]:
    return {"seq": table["seq"], "ts_ns": table["ts_ns"]}


def _frame(table: str, columns: dict[str, Any]) -> pl.DataFrame:
    schema: Any = SIDE_BAND_SCHEMAS[table]
    return pl.DataFrame(columns).select(list(schema)).cast(schema)


def _comms(facts: Facts, births: dict[str, Array], groups: Groups, found: Scan, saved: Saved) -> pl.DataFrame:
    told = names.history(facts.table("names"), births)
    named = np.unique(told["tid"])
    several = {tid for _, tid, _ in saved.changes}
    late = [(-1, *pair) for pair in names.last_known(saved.cmdlines, named, found.seen) if pair[0] not in several]
    late += [change for change in saved.changes if change[1] not in set(named.tolist())]
    late_tid = np.array([tid for _, tid, _ in late], np.int64)
    nothing = np.full(len(late), -1, np.int64)
    tid = np.append(late_tid, told["tid"])
    ts_ns = np.append(np.array([when for when, _, _ in late], np.int64), told["ts_ns"])
    # A row that holds since the start is one of the task that is there at the start.
    return _frame(
        "comm",
        {
            "seq": np.append(nothing, told["seq"]),
            "ts_ns": ts_ns,
            "tgid": groups.find(tid, ts_ns),
            "tid": tid,
            "comm": pl.Series([comm for *_, comm in late] + names.comm_bytes(told["comm"]), dtype=pl.Binary),
            "is_exec": np.append(np.zeros(len(late), bool), told["kind"] == EXECED),
        },
    )


def _losses(found: Scan, saved: Saved) -> pl.DataFrame:
    """Losses that stand among the events, and at their end those that only the counters of the recorder tell (ts_ns -1)."""
    rows: list[dict[str, Any]] = []
    marked: dict[tuple[str, int], int | None] = {}
    for part in found.lost:
        columns = (part[name].tolist() for name in ("seq", "ts_ns", "cpu", "instance", "lost_events"))
        for seq, ts_ns, cpu, instance, count in zip(*columns, strict=True):
            rows.append(_loss(seq, ts_ns, cpu, "lost", count if count >= 0 else None))
            key = saved.instances[instance], cpu
            total = marked.get(key, 0)
            marked[key] = None if total is None or count < 0 else total + count
    for name, cpus in saved.stats.items():
        for counters in cpus:
            cpu = counters["CPU"]
            total = marked.get((name, cpu), 0)
            unmarked = counters.get("overrun", 0) - total if total is not None else 0
            dropped = counters.get("dropped events", 0) + counters.get("commit overrun", 0)
            rows.extend(_loss(-1, -1, cpu, reason, count) for reason, count in (("lost", unmarked), ("dropped", dropped)) if count > 0)
    return pl.DataFrame(rows, schema=SIDE_BAND_SCHEMAS["lost"])


def _loss(seq: int, ts_ns: int, cpu: int, reason: str, count: int | None) -> dict[str, Any]:
    cpu_or_null = cpu if 0 <= cpu < 1 << 31 else None
    return {"seq": seq, "ts_ns": ts_ns, "cpu": cpu_or_null, "event": None, "reason": reason, "lost_events": count}
