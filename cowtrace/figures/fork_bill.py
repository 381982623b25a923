"""What each fork made parent and child pay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cowtrace.figures.style import COPY, REUSE, layout, plain
from cowtrace.queries import run
from cowtrace.units import format_count, format_ns

if TYPE_CHECKING:
    import duckdb
    import plotly.graph_objects as go

    from cowtrace.store.reader import Store

#: Forks shown; the table lists the rest.
FORKS_SHOWN = 16


def draw(connection: duckdb.DuckDBPyConnection, store: Store) -> go.Figure | None:
    """Two bars a fork, the dearest on top."""
    del store
    import plotly.graph_objects as go

    rows = [row for row in run(connection, "cow/fork_bill").rows() if row["fork_id"] is not None]
    rows = [row for row in rows if any(row[name] for name in _COUNTS)][:FORKS_SHOWN]
    if not rows:
        return None
    bars = [(_name(row, side), row, side) for row in reversed(rows) for side in ("child", "parent")]
    figure = go.Figure()
    for word, color in (("copy", COPY), ("reuse", REUSE)):
        figure.add_trace(
            go.Bar(
                name="copies" if word == "copy" else "reuses",
                orientation="h",
                y=[name for name, _, _ in bars],
                x=[row[f"{side}_{word}_count"] for _, row, side in bars],
                marker={"color": color},
                hovertext=[_said(row, side) for _, row, side in bars],
                hoverinfo="text",
            )
        )
    figure.update_yaxes(automargin=True, type="category")
    figure.update_xaxes(title_text="faults")
    return layout(figure, barmode="stack", bargap=0.25, height=120 + 22 * len(bars))


_COUNTS = ("parent_copy_count", "parent_reuse_count", "child_copy_count", "child_reuse_count")


def _name(row: dict[str, Any], side: str) -> str:
    return f"fork {row['fork_id']} {side} {plain(row[f'{side}_comm'], 16)}"


def _said(row: dict[str, Any], side: str) -> str:
    spent = row[f"{side}_ns"]
    said = f"<b>{_name(row, side)}</b> (pid {row[f'{side}_tgid']})<br>{format_count(row[f'{side}_copy_count'])} copies, "
    said += f"{format_count(row[f'{side}_reuse_count'])} reuses"
    return said if spent is None else f"{said}, {format_ns(spent)}"
