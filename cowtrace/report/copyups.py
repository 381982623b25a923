"""What overlay copy-ups cost, for reports: by file, by cause, by layer, and the page copies that happened beside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cowtrace.queries import run
from cowtrace.report.grouping import one

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class CopyUpBill:
    """Rows of the query library.

    Attributes:
        total: Copy-ups, their bytes and times over all files; ``file_count`` paths and pathless rows.
        files: copyup/by_path, the dearest.
        triggers: copyup/by_trigger.
        layers: copyup/layers.
        beside: copyup/beside_faults.
        private: copyup/private_mappings.
    """

    total: dict[str, Any]
    files: list[dict[str, Any]]
    triggers: list[dict[str, Any]]
    layers: list[dict[str, Any]]
    beside: list[dict[str, Any]]
    private: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


_TOTAL = """
SELECT
    count(*) AS copyup_count,
    coalesce(sum(copied_bytes), 0)::BIGINT AS copied_bytes,
    sum(wasted_bytes)::BIGINT AS wasted_bytes,
    sum(duration_ns)::BIGINT AS duration_ns,
    count(*) FILTER (WHERE trigger = 'unknown') AS unknown_count,
    count(*) FILTER (WHERE path IS NULL) AS nameless_count,
    count(*) FILTER (WHERE copied_bytes IS NULL) AS unsized_count,
    count(DISTINCT coalesce(path, ts_ns::VARCHAR)) AS file_count
FROM copyup__hinted
"""


def compose_copyups(connection: duckdb.DuckDBPyConnection, top: int) -> CopyUpBill:
    """The bill of a store's copy-ups; ``top`` rows of each list."""

    total = one(connection, _TOTAL)

    def rows(view: str) -> list[dict[str, Any]]:
        return list(run(connection, f"FROM {view} LIMIT {top}").rows())

    return CopyUpBill(
        total=total,
        files=rows("copyup_by_path"),
        triggers=rows("copyup_by_trigger"),
        layers=rows("copyup_layers"),
        # these read all faults, which is for nothing when nothing was copied up
        beside=rows("copyup_beside_faults") if total["copyup_count"] else [],
        private=rows("copyup_private_mappings") if total["copyup_count"] else [],
    )
