"""Who caused the faults: call chains as a flame graph, growing downwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cowtrace.figures.style import color_of, layout, plain
from cowtrace.queries import run
from cowtrace.symbols.chains import chain_names
from cowtrace.units import format_count, format_ns

if TYPE_CHECKING:
    import duckdb
    import plotly.graph_objects as go

    from cowtrace.store.reader import Store

#: Boxes drawn: thinner ones could not be seen and make the page heavy. What they hold stays in their parents' width.
NODES_SHOWN = 1200
LEAST_SHARE = 0.002
_ROW_PX = 22
_CODE = "#d8cfc0"
_KIND_MARK = "\0"


def draw(connection: duckdb.DuckDBPyConnection, store: Store) -> go.Figure | None:
    """Boxes as wide as the time of the faults below them, or their number where nothing was timed; leaves are kinds."""
    import plotly.graph_objects as go

    rows = list(run(connection, "fault/by_stack").rows())
    if not rows:
        return None
    is_time = any(row["duration_ns"] for row in rows)
    names = chain_names(store)
    weight: dict[tuple[str, ...], int] = {}
    for row in rows:
        path = (row["comm"], *names(row["stack_id"], row["mm_id"]), _KIND_MARK + row["kind"])
        amount = (row["duration_ns"] or 0) if is_time else row["fault_count"]
        for depth in range(len(path) + 1):
            weight[path[:depth]] = weight.get(path[:depth], 0) + amount
    least = LEAST_SHARE * weight[()]
    kept = sorted((path for path in weight if weight[path] >= least), key=lambda path: (-weight[path], len(path), path))[:NODES_SHOWN]
    number = {path: str(place) for place, path in enumerate(kept)}
    say = format_ns if is_time else format_count
    figure = go.Figure(
        go.Icicle(
            ids=[number[path] for path in kept],
            parents=[number[path[:-1]] if path else "" for path in kept],
            labels=[plain(path[-1].removeprefix(_KIND_MARK)) if path else "all call chains" for path in kept],
            values=[weight[path] for path in kept],
            branchvalues="total",
            hovertext=[f"{plain(path[-1].removeprefix(_KIND_MARK)) if path else 'all'}: {say(weight[path])}" for path in kept],
            hoverinfo="text",
            tiling={"orientation": "v"},
            marker={"colors": [_color(path) for path in kept], "line": {"width": 0.5}},
            textfont={"color": "#1d2126"},
            sort=True,
        )
    )
    depth = 1 + max(map(len, kept))
    return layout(figure, height=max(160, 12 + _ROW_PX * depth), margin={"l": 4, "r": 4, "t": 4, "b": 4})


def _color(path: tuple[str, ...]) -> str:
    return color_of(path[-1].removeprefix(_KIND_MARK)) if path and path[-1].startswith(_KIND_MARK) else _CODE
