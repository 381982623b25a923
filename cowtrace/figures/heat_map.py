"""Where in its address space, and when, the process with the most copies took faults."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cowtrace.figures.style import layout, plain, time_axis
from cowtrace.queries import run
from cowtrace.units import format_count

if TYPE_CHECKING:
    import duckdb
    import plotly.graph_objects as go

    from cowtrace.store.reader import Store


def draw(connection: duckdb.DuckDBPyConnection, store: Store) -> go.Figure | None:
    """Touched pages by time; the colour is the number of faults on a logarithmic scale."""
    del store
    import numpy as np
    import plotly.graph_objects as go

    rows = list(run(connection, "fault/heat_map").rows())
    if not rows:
        return None
    first, length = min(row["start_ns"] for row in rows), rows[0]["length_ns"]
    columns = 1 + max((row["start_ns"] - first) // length for row in rows)
    places = 1 + max(row["place"] for row in rows)
    level = np.full((places, columns), np.nan)
    counts = np.zeros((places, columns, 2), int)
    ranges = [""] * places
    starts = [""] * places
    for row in rows:
        at = row["place"], (row["start_ns"] - first) // length
        level[at] = round(math.log10(row["fault_count"]), 2)
        counts[at] = row["fault_count"], row["copy_count"]
        starts[row["place"]] = f"{row['first_addr']:x}"
        ranges[row["place"]] = f"{row['first_addr']:x}-{row['last_addr']:x} {plain(row['object'])}"
    top = float(np.nanmax(level))
    ticks = list(range(int(top) + 1))
    scale, unit = time_axis(columns * length)
    figure = go.Figure(
        go.Heatmap(
            x=[round((number + 0.5) * length / scale, 6) for number in range(columns)],
            y=ranges,
            z=level.tolist(),
            customdata=counts.tolist(),
            hovertemplate=f"%{{y}}<br>%{{x:.3f}} {unit}: %{{customdata[0]:,}} faults, %{{customdata[1]:,}} copies<extra></extra>",
            hoverongaps=False,
            zmin=0,
            colorscale=[[0, "#f6c64a"], [0.5, "#e0602f"], [1, "#7a0f3b"]],
            colorbar={"title": "faults", "tickvals": ticks, "ticktext": [format_count(10**tick) for tick in ticks], "thickness": 12},
        )
    )
    shown = range(0, places, max(1, places // 12))
    figure.update_yaxes(
        type="category",
        tickvals=[ranges[place] for place in shown],
        ticktext=[starts[place] for place in shown],
        tickfont={"family": "monospace", "size": 10},
    )
    figure.update_xaxes(title_text=f"{unit} since the first fault of pid {rows[0]['tgid']}")
    return layout(figure, height=440, margin={"l": 104, "r": 16, "t": 8, "b": 44})
