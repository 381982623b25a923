"""What a gate can measure, on all of a store or part of it, as an interval: at least ``low``, at most ``high``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cowtrace.errors import unknown_name

if TYPE_CHECKING:
    import duckdb

#: Half width of a 95 % interval of a normal deviate.
_Z = 1.96


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure.

    Attributes:
        name: As in budgets.
        unit: ``bytes``, ``ns`` or ``count``.
        says: What it is, for ``--help``.
        table: Step that it sums.
        value: SQL of what is known.
        variance: SQL of the variance that sampling adds.
        slack: SQL of what may come on top; NULL when nothing bounds it.
    """

    name: str
    unit: str
    says: str
    table: str
    value: str
    variance: str
    slack: str

    @property
    def is_time(self) -> bool:
        """True for times: they differ from run to run even when the kernel did the same work."""
        return self.unit == "ns"


_NONE_UNTOLD = "CASE WHEN sum(untold_count) > 0 THEN NULL ELSE 0 END"

#: A new measure is one line.
MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure("faults", "count", "page faults", "gate_cost", "sum(fault_count)", "sum(fault_variance)", "0"),
        Measure(
            "copies",
            "count",
            "faults that copied a page",
            "gate_cost",
            "sum(fault_count) FILTER (family = 'copy')",
            "sum(fault_variance) FILTER (family = 'copy')",
            "sum(maybe_copy_count)",
        ),
        Measure(
            "reuses",
            "count",
            "faults that made the last owner's page writable",
            "gate_cost",
            "sum(fault_count) FILTER (family = 'reuse')",
            "sum(fault_variance) FILTER (family = 'reuse')",
            "sum(untold_count)",
        ),
        Measure(
            "copied_bytes",
            "bytes",
            "bytes that copy-on-write copied",
            "gate_cost",
            "sum(copied_bytes)",
            "sum(copied_variance)",
            "CASE WHEN sum(unsized_count) > 0 THEN NULL ELSE sum(maybe_copy_count) * $page END",
        ),
        Measure("zeroed_bytes", "bytes", "bytes zero-filled", "gate_cost", "sum(zeroed_bytes)", "sum(zeroed_variance)", _NONE_UNTOLD),
        Measure(
            "fault_time_ns",
            "ns",
            "time inside faults",
            "gate_cost",
            "sum(duration_ns)",
            "sum(duration_variance)",
            "CASE WHEN sum(timed_count) < sum(fault_count) THEN NULL ELSE 0 END",
        ),
        Measure("forks", "count", "forks of an address space", "gate_fork", "count(*)", "0", "0"),
        Measure(
            "fork_time_ns",
            "ns",
            "time inside fork()",
            "gate_fork",
            "sum(duration_ns)",
            "0",
            "CASE WHEN count(duration_ns) < count(*) THEN NULL ELSE 0 END",
        ),
        Measure("copyups", "count", "overlay copy-ups", "gate_copyup", "count(*)", "0", "0"),
        Measure(
            "copyup_bytes",
            "bytes",
            "bytes that overlay copy-up copied",
            "gate_copyup",
            "sum(copied_bytes)",
            "0",
            "CASE WHEN count(copied_bytes) < count(*) THEN NULL ELSE 0 END",
        ),
    )
}

#: Parts of a store that a budget may be narrowed to -> condition, and the tables that can be narrowed so.
SCOPES: dict[str, tuple[str, frozenset[str]]] = {
    "process": ("comm GLOB $process", frozenset({"gate_cost", "gate_fork", "gate_copyup"})),
    "kind": ("kind GLOB $kind", frozenset({"gate_cost"})),
    "mapping": ("object GLOB $mapping", frozenset({"gate_cost"})),
    "fork_side": ("fork_side = $fork_side", frozenset({"gate_cost"})),
    "path": ("path GLOB $path", frozenset({"gate_copyup"})),
}

#: ``per`` of a budget -> the columns that make one of them.
PER: dict[str, tuple[str, frozenset[str]]] = {
    "process": ("tgid", frozenset({"gate_cost", "gate_fork", "gate_copyup"})),
    "fork": ("fork_id", frozenset({"gate_cost"})),
    "child": ("fork_id", frozenset({"gate_cost"})),
}


@dataclass(frozen=True, slots=True)
class Amount:
    """What was measured.

    Attributes:
        value: The best estimate; None when there is none.
        low, high: At least, at most; ``high`` None when nothing bounds it.
        of: The process, fork or child that it belongs to, in words; "" for all.
        deviation: Standard deviation that sampling adds to ``value``.
    """

    value: float
    low: float
    high: float | None
    of: str = ""
    deviation: float = 0.0


def measure_of(name: str) -> Measure:
    """The measure of a name.

    Raises:
        UsageError: No such measure; the nearest ones are listed.
    """
    if name not in MEASURES:
        raise unknown_name("measure", name, MEASURES)
    return MEASURES[name]


def prepare(connection: duckdb.DuckDBPyConnection, between_ns: tuple[int, int] | None = None) -> None:
    """Sum the faults of a store once, by everything that a budget can ask for.

    Args:
        connection: To a store, with the query library.
        between_ns: Only what began between these times of the recording's clock.
    """
    when = "true" if between_ns is None else f"ts_ns BETWEEN {between_ns[0]} AND {between_ns[1]}"
    for sql in (_COST, _FORK, _COPYUP):
        connection.execute(sql.format(when=when))


def amounts(
    connection: duckdb.DuckDBPyConnection,
    measure: Measure,
    scope: dict[str, str],
    per: str | None,
    *,
    page_bytes: int,
    is_lossy: bool,
) -> list[Amount]:
    """The measure on a scope; with ``per`` one amount a process, fork or child, the largest first.

    Args:
        connection: After ``prepare``.
        measure: What to sum.
        scope: Keys of ``SCOPES`` with their patterns.
        per: Key of ``PER``.
        page_bytes: Base page size of the recorded host.
        is_lossy: Events were lost: nothing bounds the amount from above.
    """
    conditions = [SCOPES[name][0] for name in scope]
    parameters: dict[str, Any] = dict(scope)
    column = PER[per][0] if per else None
    if per in ("fork", "child"):
        conditions.append("fork_id IS NOT NULL" if per == "fork" else "fork_side = 'child'")
    if "$page" in measure.slack:
        parameters["page"] = page_bytes
    sql = f"""
        SELECT
            {"NULL" if column is None else column} AS part,
            {"NULL" if column is None else "any_value(comm)"} AS comm,
            coalesce({measure.value}, 0)::DOUBLE AS value,
            sqrt(coalesce({measure.variance}, 0))::DOUBLE AS deviation,
            ({measure.slack})::DOUBLE AS slack,
            count(*) AS row_count
        FROM {measure.table}
        {"WHERE " + " AND ".join(conditions) if conditions else ""}
        {"" if column is None else "GROUP BY part"}
        ORDER BY value DESC, part
    """
    found = []
    for part, comm, value, deviation, slack, row_count in connection.execute(sql, parameters).fetchall():
        spread = _Z * deviation
        top = 0.0 if not row_count else slack
        # a few long faults make most of the time: what a sample missed of them, nothing bounds
        is_open = is_lossy or top is None or (measure.is_time and deviation > 0)
        high = None if is_open else value + spread + (top or 0.0)
        found.append(Amount(value, max(value - spread, 0.0), high, "" if part is None else f"{per} {comm or '?'} ({part})", deviation))
    return found or [Amount(0.0, 0.0, None if is_lossy else 0.0)]


# A row that stands for w faults is one of w that the sampler let through: the variance of the estimate is w * (w - 1) a row.
_COST = """
CREATE OR REPLACE TEMP TABLE gate_cost AS
WITH costs AS (
    SELECT
        tgid, vma_id, kind, family, fork_id, fork_side,
        sum(fault_count) AS fault_count,
        sum(fault_count) FILTER (kind = 'unknown') AS untold_count,
        sum(fault_count) FILTER (
            kind = 'unknown'
            AND (possible_kinds IS NULL
                 OR list_has_any(string_split(possible_kinds, '|'), (SELECT list(kind) FROM fault_kind WHERE family = 'copy')))
        ) AS maybe_copy_count,
        sum(unsized_count) AS unsized_count,
        sum(copied_bytes) AS copied_bytes,
        sum(zeroed_bytes) AS zeroed_bytes,
        sum(duration_ns) AS duration_ns,
        sum(fault_count) FILTER (duration_ns IS NOT NULL) AS timed_count,
        sum(fault_count * (fault_count - 1)) AS fault_variance,
        sum((copied_bytes / fault_count) ** 2 * fault_count * (fault_count - 1)) AS copied_variance,
        sum((zeroed_bytes / fault_count) ** 2 * fault_count * (fault_count - 1)) AS zeroed_variance,
        sum((duration_ns / fault_count) ** 2 * fault_count * (fault_count - 1)) AS duration_variance
    FROM fault__weighed
    WHERE {when}
    GROUP BY ALL
)
SELECT
    costs.* EXCLUDE (untold_count, maybe_copy_count, timed_count),
    coalesce(untold_count, 0) AS untold_count,
    coalesce(maybe_copy_count, 0) AS maybe_copy_count,
    coalesce(timed_count, 0) AS timed_count,
    process_name.comm,
    coalesce(vma.path, vma.vma_kind, 'unknown') AS object
FROM costs
LEFT JOIN process_name USING (tgid)
LEFT JOIN vma USING (vma_id)
"""
_FORK = """
CREATE OR REPLACE TEMP TABLE gate_fork AS
SELECT fork.*, fork.parent_tgid AS tgid, process_name.comm
FROM fork
LEFT JOIN process_name ON process_name.tgid = fork.parent_tgid
WHERE {when}
"""
_COPYUP = "CREATE OR REPLACE TEMP TABLE gate_copyup AS SELECT * FROM copyup WHERE {when}"
