"""When files were copied up, because of which calls, and how much was copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cowtrace.figures.style import COPY, layout, plain, time_axis
from cowtrace.queries import run
from cowtrace.units import format_bytes, format_count, format_ns

if TYPE_CHECKING:
    import duckdb
    import plotly.graph_objects as go

    from cowtrace.store.reader import Store

#: What was copied -> its name in the legend and its colour.
_COPIED = {False: ("data copied", COPY), True: ("metadata only", "#3f86d2"), None: ("not known what", "#8d8d8d")}
#: Diameters of the smallest and the largest mark; px.
_LEAST_PX, _MOST_PX = 8, 40


def draw(connection: duckdb.DuckDBPyConnection, store: Store) -> go.Figure | None:
    """One row a trigger, one mark a stretch of time; its area grows with the bytes."""
    del store
    import plotly.graph_objects as go

    rows = list(run(connection, "copyup/timeline").rows())
    if not rows:
        return None
    first, last = min(row["first_ns"] for row in rows), max(row["first_ns"] for row in rows)
    scale, unit = time_axis(last - first)
    most = max(row["copied_bytes"] or 0 for row in rows)
    figure = go.Figure()
    for metadata_only, (word, color) in _COPIED.items():
        part = [row for row in rows if row["metadata_only"] is metadata_only]
        if not part:
            continue
        figure.add_trace(
            go.Scatter(
                name=word,
                x=[(row["first_ns"] - first) / scale for row in part],
                y=[plain(row["trigger"]) for row in part],
                mode="markers",
                marker={"color": color, "opacity": 0.75, "size": [_size(row["copied_bytes"], most) for row in part], "line": {"width": 0}},
                hovertext=[_said(row, word, first) for row in part],
                hoverinfo="text",
            )
        )
    dearest: dict[str, int] = {}
    for row in rows:
        dearest[row["trigger"]] = dearest.get(row["trigger"], 0) + (row["copied_bytes"] or 0)
    order = [plain(trigger) for trigger in sorted(dearest, key=lambda trigger: (dearest[trigger], trigger))]
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=order, automargin=True)
    figure.update_xaxes(title_text=f"{unit} since the first copy-up")
    return layout(figure, height=130 + 48 * len(order), legend_itemsizing="constant")


def _size(copied_bytes: int | None, most: int) -> float:
    return _LEAST_PX + (_MOST_PX - _LEAST_PX) * ((copied_bytes or 0) / most) ** 0.5 if most else _LEAST_PX


def _said(row: dict[str, Any], word: str, first: int) -> str:
    said = f"<b>{plain(row['trigger'])}</b> after {format_ns(row['first_ns'] - first)}: {format_count(row['copyup_count'])} "
    said += f"{'copy-up' if row['copyup_count'] == 1 else 'copy-ups'}, {word}"
    if row["copied_bytes"]:
        said += f"<br>{format_bytes(row['copied_bytes'])} copied"
    if row["duration_ns"] is not None:
        said += f"<br>blocked for {format_ns(row['duration_ns'])}"
    return said if row["path"] is None else f"{said}<br>{plain(row['path'])}"
