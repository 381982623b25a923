"""cowtrace in notebooks: ``cowtrace.open(path)`` and questions to what it returns."""

from __future__ import annotations

import os
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING

from cowtrace.errors import unknown_name
from cowtrace.figures import figure
from cowtrace.ingest import resolve
from cowtrace.queries import Result, connect, run
from cowtrace.replay import replay
from cowtrace.replay.result import Measure, ReplayResult
from cowtrace.report import render
from cowtrace.report.bill import Report, compose
from cowtrace.report.headline import caveats, headline
from cowtrace.schema import TABLES
from cowtrace.symbols import Sources, Symbols
from cowtrace.symbols import resolve as find_symbols
from cowtrace.text import printable

if TYPE_CHECKING:
    import duckdb
    import plotly.graph_objects as go
    import polars as pl

    from cowtrace.store.reader import Store


class Trace:
    """A store opened for questions. Shown in a notebook, it is its bill in one sentence.

    Args:
        store: An existing store.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def sql(self, query: str) -> pl.DataFrame:
        """The answer to one SELECT in DuckDB's dialect, on the tables and the query library.

        Every table is a view of its name, every query of the library one with ``_`` for ``/``, such as ``cow_by_process``.

        Args:
            query: One statement that only reads. Names of columns carry their unit: ``_ns``, ``_bytes``, ``_kb``.

        Returns:
            One row a row of the answer; names that SQL gives twice get a number.

        Raises:
            UsageError: The SQL is wrong; DuckDB's complaint on one line.
        """
        return _frame(run(self._connection, query))

    def query(self, name: str) -> pl.DataFrame:
        """The answer to a query of the library, such as ``cow/by_process``; ``cowtrace query --list`` shows them.

        Returns:
            Its rows in its own order, dearest first where it ranks; ``cowtrace query --list`` says the grain and every column.

        Raises:
            UsageError: No such query; the nearest ones are listed.
        """
        return _frame(run(self._connection, name))

    def table(self, name: str) -> pl.LazyFrame:
        """A whole table, such as ``fault``, read from its file as far as it is used.

        Returns:
            Columns as in ``cowtrace.schema``: times int64 ns of the recording's clock, addresses uint64, sizes int64 bytes; null means
            that the recording can't tell, never 0.

        Raises:
            UsageError: No such table; the nearest ones are listed.
        """
        if name not in TABLES:
            raise unknown_name("table", name, TABLES)
        return self.store.lazy(name)

    def figure(self, name: str) -> go.Figure | None:
        """One figure of the HTML report, such as ``timeline``; see ``cowtrace.figures.FIGURES``. None when there is nothing to show.

        Raises:
            UsageError: No such figure; the nearest ones are listed.
        """
        return figure(self._connection, self.store, name)

    def symbols(self, sources: Sources | None = None) -> Symbols:
        """Names of the code that faulted and called, as polars tables; see ``cowtrace.symbols.Symbols``.

        The query ``code/by_function`` and SQL on table ``frame`` use the same names, found with the default sources.

        Args:
            sources: Where files may be looked for (``cowtrace.symbols.Sources``); None: where the recording says, on this machine.
        """
        return find_symbols(self.store, sources)

    def report(self) -> Report:
        """Everything that ``cowtrace report`` shows, as data; ``print(cowtrace.render(...))`` shows it as text."""
        return self._report

    def replay(self, *what_if: str) -> ReplayResult:
        """What the workload would have cost under other settings, such as ``replay("thp=never", "fork=vfork@comm=sh")``.

        Args:
            what_if: Requests ``KNOB=VALUE[@comm=NAME]`` that hold together; ``cowtrace knobs`` lists them.

        Returns:
            Measures as recorded and under the settings, in ns and bytes, each with a 90 % interval; None where the recording can't tell.

        Raises:
            UsageError: An unknown, unpriceable or contradictory request, or one that this recording can't support.
        """
        return replay(self.store, what_if)

    def _repr_html_(self) -> str:
        said = "".join(f"<li>{escape(printable(sentence))}</li>" for sentence in caveats(self._report))
        return f"<p><b>{escape(printable(headline(self._report)))}</b></p><ul>{said}</ul>"

    def __repr__(self) -> str:
        return f"Trace({str(self.store.path)!r}): {printable(headline(self._report))}"

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return connect(self.store)

    @cached_property
    def _report(self) -> Report:
        return compose(self.store)


def open(*inputs: str | os.PathLike[str]) -> Trace:
    """Open a store, or recordings and snapshots, which are ingested into a cache first.

    Args:
        inputs: One store; or any mix of inputs; or nothing: the recording in the current folder.

    Raises:
        InputError: An input can't be read.
        StoreError: A store can't be used.
        UsageError: There is nothing to open.
    """
    return Trace(resolve([os.fspath(path) for path in inputs]))


def _frame(result: Result) -> pl.DataFrame:
    import polars as pl
    import pyarrow as pa

    batches = list(result.batches())
    schema = pa.schema([field.with_name(name) for field, name in zip(result.reader.schema, result.columns, strict=True)])
    frame = pl.from_arrow(pa.Table.from_batches(batches, schema))
    assert isinstance(frame, pl.DataFrame)
    return frame


#: What ``import cowtrace`` offers, its errors and version aside.
__all__ = ["Measure", "ReplayResult", "Report", "Sources", "Symbols", "Trace", "open", "render"]
