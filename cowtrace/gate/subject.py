"""A store opened for a gate: its sums prepared, and what its recording leaves open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cowtrace.gate.measures import Amount, Measure, amounts, prepare
from cowtrace.queries import connect

if TYPE_CHECKING:
    import duckdb

    from cowtrace.store.reader import Store

_DEFAULT_PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Subject:
    """One recording to judge.

    Attributes:
        name: What to call it.
        fault_count: Rows of fault; 0: there is nothing to judge.
        is_lossy: Events were lost or could not be read.
        is_sampled: Rows stand for more than one fault.
        page_bytes: Base page size of the recorded host.
    """

    name: str
    connection: duckdb.DuckDBPyConnection
    fault_count: int
    is_lossy: bool
    is_sampled: bool
    page_bytes: int

    def amounts(self, measure: Measure, scope: dict[str, str], per: str | None = None) -> list[Amount]:
        """See ``measures.amounts``."""
        return amounts(self.connection, measure, scope, per, page_bytes=self.page_bytes, is_lossy=self.is_lossy)

    def notes(self) -> list[str]:
        """What changes how to read its numbers."""
        said = []
        if self.is_lossy:
            said.append(f"{self.name} lost events: its numbers are too low, so nothing proves that a budget is kept.")
        if self.is_sampled:
            said.append(f"{self.name} is a sample: numbers are estimates with their 95 % interval.")
        return said


@contextmanager
def subject_of(store: Store, name: str, *, between_ns: tuple[int, int] | None = None) -> Iterator[Subject]:
    """Open a store for a gate; with ``between_ns`` only what began between these times counts."""
    with connect(store) as connection:
        prepare(connection, between_ns)
        lossy = connection.execute("SELECT coalesce(sum(coalesce(lost_events, 1)), 0) > 0 FROM loss").fetchone()
        count, sampled = connection.execute("SELECT count(*), coalesce(bool_or(weight <> 1), false) FROM fault").fetchone() or (0, False)
        sources = store.manifest.get("sources") or []
        broken = any(source.get("records_damaged") or source.get("bytes_unread") for source in sources)
        page = next((source["page_size"] for source in sources if source.get("page_size")), _DEFAULT_PAGE_BYTES)
        yield Subject(name, connection, count, bool(lossy and lossy[0]) or broken, sampled, page)
