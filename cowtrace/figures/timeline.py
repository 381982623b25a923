"""Faults by kind over time, with forks and copy-ups at their moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cowtrace.figures.style import COPY, color_of, in_order, layout, plain, time_axis
from cowtrace.queries import run
from cowtrace.units import format_bytes, format_count, format_ns

if TYPE_CHECKING:
    import duckdb
    import plotly.graph_objects as go

    from cowtrace.store.reader import Store


def draw(connection: duckdb.DuckDBPyConnection, store: Store) -> go.Figure | None:
    """Stacked bars, one a stretch of time and kind; markers below. Time counts from the first fault."""
    del store
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    rows = list(run(connection, "fault/timeline_by_kind").rows())
    if not rows:
        return None
    first, length = min(row["start_ns"] for row in rows), rows[0]["length_ns"]
    scale, unit = time_axis(max(row["start_ns"] for row in rows) + length - first)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.86, 0.14], vertical_spacing=0.03)
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_kind.setdefault(row["kind"], []).append(row)
    for kind in in_order(by_kind):
        part = by_kind[kind]
        figure.add_trace(
            go.Bar(
                name=plain(kind),
                x=[(row["start_ns"] - first + length / 2) / scale for row in part],
                y=[row["fault_count"] for row in part],
                width=length / scale,
                marker={"color": color_of(kind), "line": {"width": 0}},
                hovertext=[_said(row, first) for row in part],
                hoverinfo="text",
            ),
            row=1,
            col=1,
        )
    for name, table, color in (("fork", "fork", "#777777"), ("copy-up", "copyup", COPY)):
        moments = list(run(connection, _MOMENTS.format(table=table, first=first, length=length)).rows())
        if moments:
            figure.add_trace(_markers(go, name, moments, color, scale), row=2, col=1)
    figure.update_yaxes(title_text=f"faults per {format_ns(length)}", row=1, col=1, rangemode="tozero")
    figure.update_yaxes(type="category", fixedrange=True, row=2, col=1, showgrid=False)
    figure.update_xaxes(title_text=f"{unit} since the first fault", row=2, col=1)
    return layout(figure, barmode="stack", height=420)


_MOMENTS = """
SELECT (ts_ns - {first}) // {length} AS stretch, count(*) AS moment_count, min(ts_ns) - {first} AS at_ns
FROM {table}
GROUP BY stretch
ORDER BY stretch
"""


def _markers(go: Any, name: str, moments: list[dict[str, Any]], color: str, scale: int) -> Any:
    return go.Scatter(
        name=name,
        x=[row["at_ns"] / scale for row in moments],
        y=[name] * len(moments),
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 12, "color": color, "line": {"width": 2}},
        hovertext=[f"{name}: {format_count(row['moment_count'])}, the first at {_at(row['at_ns'])}" for row in moments],
        hoverinfo="text",
        showlegend=False,
    )


def _at(since_ns: int) -> str:
    """A moment; forks may lie before the first fault."""
    return f"-{format_ns(-since_ns)}" if since_ns < 0 else format_ns(since_ns)


def _said(row: dict[str, Any], first: int) -> str:
    said = f"<b>{plain(row['kind'])}</b> at {_at(row['start_ns'] - first)}<br>{format_count(row['fault_count'])} faults"
    if row["copied_bytes"]:
        said += f", {format_bytes(row['copied_bytes'])} copied"
    return said if row["duration_ns"] is None else f"{said}, {format_ns(row['duration_ns'])}"
