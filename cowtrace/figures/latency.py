"""How the lengths of faults are spread, kind by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cowtrace.figures.style import color_of, in_order, layout, plain
from cowtrace.queries import run
from cowtrace.units import format_count, format_ns

if TYPE_CHECKING:
    import duckdb
    import plotly.graph_objects as go

    from cowtrace.store.reader import Store


def draw(connection: duckdb.DuckDBPyConnection, store: Store) -> go.Figure | None:
    """One stepped line a kind over a logarithmic axis of length."""
    del store
    import plotly.graph_objects as go

    by_kind: dict[str, list[dict[str, Any]]] = {}
    for row in run(connection, "fault/latency_histogram").rows():
        by_kind.setdefault(row["kind"], []).append(row)
    if not by_kind:
        return None
    figure = go.Figure()
    for kind in in_order(by_kind):
        rows = _with_gaps(by_kind[kind])
        figure.add_trace(
            go.Scatter(
                name=plain(kind),
                x=[row and 2 ** ((row["step"] + 0.5) / 8) / 1e3 for row in rows],
                y=[row and row["fault_count"] for row in rows],
                mode="lines+markers",
                line={"color": color_of(kind), "shape": "hvh", "width": 1.5},
                marker={"size": 4},
                hovertext=[row and _said(kind, row) for row in rows],
                hoverinfo="text",
            )
        )
    figure.update_xaxes(type="log", title_text="length of one fault, µs", dtick=1)
    figure.update_yaxes(type="log", title_text="faults", dtick=1)
    return layout(figure, height=380)


def _with_gaps(rows: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
    """None between rows that are no neighbours: a line across empty steps would claim faults there."""
    spaced: list[dict[str, Any] | None] = []
    for row in rows:
        last = spaced[-1] if spaced else None
        if last is not None and row["step"] > last["step"] + 1:
            spaced.append(None)
        spaced.append(row)
    return spaced


def _said(kind: str, row: dict[str, Any]) -> str:
    said = f"<b>{plain(kind)}</b> {format_ns(row['from_ns'])} to {format_ns(row['to_ns'])}"
    return f"{said}<br>{format_count(row['fault_count'])} faults, {format_ns(row['duration_ns'])} together"
