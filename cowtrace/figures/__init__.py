"""Figures for notebooks and the HTML report: one question and one query a file. Cheap to import: plotly is loaded when one is drawn."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cowtrace.errors import unknown_name

if TYPE_CHECKING:
    import duckdb
    import plotly.graph_objects as go

    from cowtrace.store.reader import Store


@dataclass(frozen=True, slots=True)
class FigureKind:
    """A figure of the collection.

    Attributes:
        module: Has ``draw(connection, store) -> go.Figure | None``; None when the store has nothing to show.
        title: The question it answers.
        queries: Of the library, whose rows it shows.
        section: Section of the report that it stands in.
        how_to_read: One or two sentences below it.
    """

    module: str
    title: str
    queries: tuple[str, ...]
    section: str
    how_to_read: str


#: A new figure is one file and one line.
FIGURES: dict[str, FigureKind] = {
    "timeline": FigureKind(
        "cowtrace.figures.timeline",
        "What the kernel did, and when",
        ("fault/timeline_by_kind", "fork/summary", "copyup"),
        "kinds",
        "Each bar is one stretch of time; forks and copy-ups stand below. A click in the legend hides a kind, a double click all others.",
    ),
    "latency": FigureKind(
        "cowtrace.figures.latency",
        "How the lengths of faults are spread",
        ("fault/latency_histogram",),
        "lengths",
        "Both axes are logarithmic: what stands far right is rare and long. The recorder's own cost is inside every length.",
    ),
    "fork_bill": FigureKind(
        "cowtrace.figures.fork_bill",
        "What each fork made parent and child pay",
        ("cow/fork_bill",),
        "forks",
        "Copies duplicate a page; reuses only make the last owner's page writable.",
    ),
    "heat_map": FigureKind(
        "cowtrace.figures.heat_map",
        "Where in the address space, and when",
        ("fault/heat_map",),
        "objects",
        "The process with the most copies. Pages that took no fault are left out, so the vertical axis is not to scale.",
    ),
    "huge_pages": FigureKind(
        "cowtrace.figures.huge_pages",
        "Huge pages: filled, split, reused",
        ("thp/by_process",),
        "by_process",
        "A huge page is filled in one fault; a write after fork splits it. Base pages stand beside for comparison.",
    ),
    "flame": FigureKind(
        "cowtrace.figures.flame",
        "Through which code the faults came",
        ("fault/by_stack",),
        "functions",
        "A box is as wide as what lies below it: callers on top, kinds of fault at the bottom. A click zooms in.",
    ),
    "copyups": FigureKind(
        "cowtrace.figures.copyups",
        "When files were copied up, and by which calls",
        ("copyup/timeline",),
        "copyups",
        "The larger a mark, the more bytes were copied. Metadata alone costs no data: owner, mode, times, folders.",
    ),
    "copyup_waste": FigureKind(
        "cowtrace.figures.copyup_waste",
        "How much of what was copied was changed afterwards",
        ("copyup/by_path",),
        "copyups",
        "A copy-up copies the whole file, however little is changed: red was copied for nothing.",
    ),
    "memory": FigureKind(
        "cowtrace.figures.memory",
        "How shared memory turned private",
        ("smaps/totals",),
        "memory",
        "After a fork shared memory wears away: each copied page becomes private in both processes.",
    ),
}


def figure(connection: duckdb.DuckDBPyConnection, store: Store, name: str) -> go.Figure | None:
    """One figure of ``FIGURES``.

    Args:
        connection: From ``cowtrace.queries.connect``.
        store: Which it is connected to.
        name: Key of ``FIGURES``.

    Returns:
        The figure; None when the store has nothing to show in it.

    Raises:
        UsageError: No such figure; the nearest ones are listed.
    """
    if name not in FIGURES:
        raise unknown_name("figure", name, FIGURES)
    drawn: go.Figure | None = importlib.import_module(FIGURES[name].module).draw(connection, store)
    return drawn
