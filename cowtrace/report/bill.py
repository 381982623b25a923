"""The report as data: everything that a rendering places, computed by the query library and checked for adding up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cowtrace.queries import connect, materialize, run, summarize, symbol_notes
from cowtrace.report.capabilities import Capability, capabilities, recorded
from cowtrace.report.copyups import CopyUpBill, compose_copyups
from cowtrace.report.cost import Cost, as_dict, check_families, check_sum
from cowtrace.report.forks import ForkBill, compose_forks
from cowtrace.report.grouping import Grouping, compose_grouping, one
from cowtrace.report.missing import Unknown, explain
from cowtrace.report.provenance import Loss, Provenance, compose_provenance

if TYPE_CHECKING:
    import duckdb

    from cowtrace.store.reader import Store
    from cowtrace.symbols import Sources

#: Rows of each grouping that a report lists; the others are summed in one row.
TOP = 10


@dataclass(frozen=True, slots=True)
class KindRow:
    """Faults of one kind. ``evidence`` maps what the verdicts rest on to faults; percentiles are None without times."""

    kind: str
    fault_count: int
    fault_share: float
    major_count: int | None
    copied_bytes: int
    zeroed_bytes: int
    unsized_count: int
    duration_ns: int | None
    timed_count: int
    p50_ns: int | None
    p90_ns: int | None
    p99_ns: int | None
    max_ns: int | None
    confidence: float
    evidence: dict[str, int]


@dataclass(frozen=True, slots=True)
class Root:
    """The process tree in which most of the cost arose.

    Attributes:
        tgid, comm: The oldest known ancestor in it, under its last name.
        process_count: Process ids of the tree that faulted.
        name_count: Different names of these.
        fault_count: Their faults.
        tree_count: Trees in which anything faulted.
    """

    tgid: int
    comm: str
    process_count: int
    name_count: int
    fault_count: int
    tree_count: int


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report. Times include the recorder's own cost; sums are weighed by the sample period.

    Attributes:
        total: All faults.
        sampled: Rows stand for more than one fault: every number is an estimate.
        maybe_copy_count: Unknown faults that may have copied a page.
        root: None when no fault's process is known.
        start_ns: First time of the recording; fork times are shown relative to it. None without any.
        memory: Rows of smaps/totals with the bound of smaps/cow_debt (``debt_bytes``), last snapshot of each process, the
            largest; ``process_count`` of them exist.
        copyups: What files copied up on overlays cost.
        functions: By function and file, as far as names were found.
        symbol_notes: Why names are missing.
    """

    total: Cost
    sampled: bool
    maybe_copy_count: int
    process_count: int
    root: Root | None
    start_ns: int | None
    kinds: list[KindRow]
    processes: Grouping
    comms: Grouping
    objects: Grouping
    forks: ForkBill
    unknowns: list[Unknown]
    capabilities: list[Capability]
    memory: list[dict[str, Any]]
    copyups: CopyUpBill
    functions: Grouping
    symbol_notes: list[str]
    losses: list[Loss]
    provenance: Provenance


def compose(store: Store, *, top: int = TOP, sources: Sources | None = None) -> Report:
    """The report of a store.

    Args:
        store: Its tables are read once or twice each, in bounded memory.
        top: Rows listed of each grouping.
        sources: Where functions' names may be looked for; None: where the recording says, on this machine.

    Raises:
        ConservationError: Some grouping does not add up to all faults.
        UsageError: DuckDB could not answer (memory, disk).
    """
    manifest = store.manifest
    have = recorded(manifest.get("sources") or [], manifest.get("rows") or {})
    with connect(store, sources) as connection:
        summarize(connection)
        total, sampled = _total(connection)
        processes = compose_grouping(connection, "fault_by_process", ("comm", "tgid"), total, top)
        unknowns = materialize(connection, "fault_unknown_why")
        starts = [source["first_ns"] for source in manifest.get("sources") or [] if source.get("first_ns") is not None]
        return Report(
            total=total,
            sampled=sampled,
            maybe_copy_count=one(connection, _MAYBE_COPIES.format(unknowns=unknowns))["fault_count"],
            process_count=len(processes.rows) + processes.rest_count,
            root=_root(connection),
            start_ns=min(starts, default=one(connection, "SELECT min(ts_ns) AS ts_ns FROM fault")["ts_ns"]),
            kinds=_kinds(connection, total),
            processes=processes,
            comms=compose_grouping(connection, "fault_by_comm", ("comm", "process_count"), total, top),
            objects=compose_grouping(connection, "fault_by_object", _OBJECT_KEYS, total, top),
            forks=compose_forks(connection, total, top),
            unknowns=[explain(row, have) for row in run(connection, f"FROM {unknowns} LIMIT {top}").rows()],
            capabilities=capabilities(have),
            memory=list(run(connection, _MEMORY.format(top=top)).rows()),
            copyups=compose_copyups(connection, top),
            functions=compose_grouping(connection, "code_by_function", ("symbol", "dso"), total, top),
            symbol_notes=symbol_notes(connection),
            losses=[Loss(**row) for row in run(connection, "FROM loss_by_source").rows()],
            provenance=compose_provenance(store),
        )


_OBJECT_KEYS = ("comm", "vma_kind", "path", "mapping_count", "start_addr")

#: A fault without possible_kinds may be anything, a copy too.
_MAYBE_COPIES = """
SELECT coalesce(sum(fault_count), 0)::BIGINT AS fault_count
FROM {unknowns}
WHERE possible_kinds IS NULL
   OR list_has_any(string_split(possible_kinds, '|'), (SELECT list(kind) FROM fault_kind WHERE family = 'copy'))
"""

_MEMORY = """
SELECT smaps_totals.*, smaps_cow_debt.debt_bytes, count(*) OVER () AS process_count
FROM smaps_totals
LEFT JOIN smaps_cow_debt
    ON smaps_cow_debt.snapshot_id = smaps_totals.snapshot_id AND smaps_cow_debt.tgid IS NOT DISTINCT FROM smaps_totals.tgid
QUALIFY row_number() OVER (PARTITION BY smaps_totals.tgid ORDER BY smaps_totals.ts_ns DESC NULLS LAST, smaps_totals.snapshot_id DESC) = 1
ORDER BY smaps_totals.rss_bytes DESC NULLS LAST, smaps_totals.tgid
LIMIT {top}
"""

_ROOT = """
WITH trees AS (
    SELECT
        root_mm_id,
        count(DISTINCT tgid) AS process_count,
        count(DISTINCT process_name.comm) AS name_count,
        sum(fault_count)::BIGINT AS fault_count,
        sum(duration_ns) AS duration_ns
    FROM process_tree
    JOIN process_name USING (tgid)
    WHERE fault_count > 0
    GROUP BY root_mm_id
)
SELECT process.tgid, process_name.comm, trees.process_count, trees.name_count, trees.fault_count, count(*) OVER () AS tree_count
FROM trees
JOIN process ON process.mm_id = trees.root_mm_id
JOIN process_name ON process_name.tgid = process.tgid
ORDER BY trees.duration_ns DESC NULLS LAST, trees.fault_count DESC, process.tgid
LIMIT 1
"""


def _total(connection: duckdb.DuckDBPyConnection) -> tuple[Cost, bool]:
    """All faults, counted on the bare table, so that every grouping of the library can be compared with it."""
    raw = one(connection, _RAW_TOTAL)
    sampled = raw.pop("sampled")
    total = Cost.of(one(connection, "FROM fault_total"))
    check_sum("over all faults", Cost(**{**as_dict(total), **raw}), total)
    check_families(total)
    return total, sampled


#: Written out instead of read from the library: the library is what is being checked.
_RAW_TOTAL = """
SELECT
    coalesce(sum(weight), 0)::BIGINT AS fault_count,
    coalesce(sum(copied_bytes * weight), 0)::BIGINT AS copied_bytes,
    coalesce(sum(zeroed_bytes * weight), 0)::BIGINT AS zeroed_bytes,
    sum(duration_ns * weight)::BIGINT AS duration_ns,
    coalesce(sum(weight) FILTER (WHERE duration_ns IS NOT NULL), 0)::BIGINT AS timed_count,
    coalesce(bool_or(weight <> 1), false) AS sampled
FROM fault
"""


def _kinds(connection: duckdb.DuckDBPyConnection, total: Cost) -> list[KindRow]:
    evidence: dict[str, dict[str, int]] = {}
    for row in run(connection, "FROM fault_evidence_by_kind").rows():
        evidence.setdefault(row["kind"], {})[row["evidence"]] = row["fault_count"]
    lengths = {row["kind"]: row for row in run(connection, "FROM fault_latency_by_kind").rows()}
    kinds = []
    for row in run(connection, "FROM fault_by_kind").rows():
        length = lengths.get(row["kind"], {})
        percentiles: dict[str, Any] = {name: length.get(name) for name in ("p50_ns", "p90_ns", "p99_ns", "max_ns")}
        del row["family"]
        kinds.append(KindRow(**row, **percentiles, evidence=evidence[row["kind"]]))
    parts = Cost.total(
        Cost(
            fault_count=row.fault_count,
            copied_bytes=row.copied_bytes,
            zeroed_bytes=row.zeroed_bytes,
            unsized_count=row.unsized_count,
            duration_ns=row.duration_ns,
            timed_count=row.timed_count,
        )
        for row in kinds
    )
    # kinds have no families below them: compare what they have
    measured = {name: getattr(parts, name) for name in _KIND_MEASURES}
    check_sum("by kind", total, Cost(**{**as_dict(total), **measured}))
    return kinds


_KIND_MEASURES = ("fault_count", "copied_bytes", "zeroed_bytes", "unsized_count", "duration_ns", "timed_count")


def _root(connection: duckdb.DuckDBPyConnection) -> Root | None:
    rows = list(run(connection, _ROOT).rows())
    return Root(**rows[0]) if rows else None
