"""Side-band tables of a trace.dat, from what pass 1 collected. Mappings and cgroups are not among what ftrace records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from cowtrace.parsers.base import SIDE_BAND_SCHEMAS, SideBand
from cowtrace.parsers.tracedat import names
from cowtrace.parsers.tracedat.facts import EXECED, TID_MAX, Facts
from cowtrace.parsers.tracedat.groups import UNKNOWN, Groups
from cowtrace.parsers.tracedat.once import once
from cowtrace.parsers.tracedat.pieces import PageStore
from cowtrace.parsers.tracedat.scan import Scan
from cowtrace.parsers.words import Array


def settle(facts: Facts) -> None:
    """Tell births and exits once, and drop those of impossible tids."""
    births = once(_possible(facts.table("births")), "tid", "parent_tid")
    exits = once(_possible(facts.table("exits")), "tid")
    facts.births, facts.exits = [births], [exits]


def _possible(table: dict[str, Array]) -> dict[str, Array]:
    some = (table["tid"] > 0) & (table["tid"] <= TID_MAX)
    return {name: column[some] for name, column in table.items()}


def build(facts: Facts, groups: Groups, found: Scan, store: PageStore, cmdlines: Mapping[int, bytes]) -> SideBand:
    """The tables, rows in file order; ``facts`` must be settled."""
    births, exits = facts.table("births"), facts.table("exits")
    side = SideBand.empty()
    side.comm = _comms(facts, births, groups, found, cmdlines)
    parent = births["parent_tid"]
    fork_groups = {"tgid": groups.find(births["tid"], births["ts_ns"]), "parent_tgid": groups.find(parent, births["ts_ns"])}
    side.fork = _frame("fork", {**_at(births), **fork_groups, "tid": births["tid"], "parent_tid": np.where(_fits(parent), parent, UNKNOWN)})
    nobody = np.full(len(exits["tid"]), UNKNOWN, np.int64)
    exit_group = groups.find(exits["tid"], exits["ts_ns"])
    side.exit = _frame("exit", {**_at(exits), "tgid": exit_group, "parent_tgid": nobody, "tid": exits["tid"], "parent_tid": nobody})
    side.lost = _losses(found, store)
    return side


def _fits(tid: Array) -> Array:
    return (tid >= 0) & (tid <= TID_MAX)


def _at(table: dict[str, Array]) -> dict[str, Array]:
    return {"seq": table["seq"], "ts_ns": table["ts_ns"]}


def _frame(table: str, columns: dict[str, Any]) -> pl.DataFrame:
    schema: Any = SIDE_BAND_SCHEMAS[table]
    return pl.DataFrame(columns).select(list(schema)).cast(schema)


def _comms(facts: Facts, births: dict[str, Array], groups: Groups, found: Scan, cmdlines: Mapping[int, bytes]) -> pl.DataFrame:
    told = names.history(facts.table("names"), births)
    late = names.last_known(cmdlines, np.unique(told["tid"]), found.seen)
    late_tid = np.array([tid for tid, _ in late], np.int64)
    nothing = np.full(len(late), -1, np.int64)
    tid = np.append(late_tid, told["tid"])
    ts_ns = np.append(nothing, told["ts_ns"])
    # A row that holds since the start is one of the task that is there at the start.
    return _frame(
        "comm",
        {
            "seq": np.append(nothing, told["seq"]),
            "ts_ns": ts_ns,
            "tgid": groups.find(tid, ts_ns),
            "tid": tid,
            "comm": pl.Series([comm for _, comm in late] + names.comm_bytes(told["comm"]), dtype=pl.Binary),
            "is_exec": np.append(np.zeros(len(late), bool), told["kind"] == EXECED),
        },
    )


def _losses(found: Scan, store: PageStore) -> pl.DataFrame:
    """Losses that pages tell, and at their end those that only the counters of the recorder tell (ts_ns -1)."""
    pieces, meta = store.pieces, store.meta
    rows: list[dict[str, Any]] = []
    marked: dict[tuple[str, int], int | None] = {}
    for part in found.lost:
        for seq, ts_ns, piece, count in zip(*(part[name].tolist() for name in ("seq", "ts_ns", "piece", "lost_events")), strict=True):
            stream = pieces.streams[pieces.stream[piece]]
            cpu = stream.cpu
            rows.append(_loss(seq, ts_ns, cpu, "lost", count if count >= 0 else None))
            key = meta.buffers[stream.instance].name, cpu
            total = marked.get(key, 0)
            marked[key] = None if total is None or count < 0 else total + count
    for instance, cpus in meta.options.stats.items():
        for counters in cpus:
            cpu = counters["CPU"]
            total = marked.get((instance, cpu), 0)
            unmarked = counters.get("overrun", 0) - total if total is not None else 0
            dropped = counters.get("dropped events", 0) + counters.get("commit overrun", 0)
            rows.extend(_loss(-1, -1, cpu, reason, count) for reason, count in (("lost", unmarked), ("dropped", dropped)) if count > 0)
    return pl.DataFrame(rows, schema=SIDE_BAND_SCHEMAS["lost"])


def _loss(seq: int, ts_ns: int, cpu: int, reason: str, count: int | None) -> dict[str, Any]:
    cpu_or_null = cpu if 0 <= cpu < 1 << 31 else None
    return {"seq": seq, "ts_ns": ts_ns, "cpu": cpu_or_null, "event": None, "reason": reason, "lost_events": count}
