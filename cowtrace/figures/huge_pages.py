"""What huge pages did, process by process."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cowtrace.figures.style import color_of, layout, plain
from cowtrace.queries import run
from cowtrace.units import format_count

if TYPE_CHECKING:
    import duckdb
    import plotly.graph_objects as go

    from cowtrace.store.reader import Store

_KINDS = ("thp_zero", "mthp_zero", "thp_zero_page", "thp_split", "thp_reuse", "anon_zero")
#: Processes shown; the query lists the rest.
PROCESSES_SHOWN = 12


def draw(connection: duckdb.DuckDBPyConnection, store: Store) -> go.Figure | None:
    """Grouped bars a process over a logarithmic axis; base-page fills beside."""
    del store
    import plotly.graph_objects as go

    rows = list(run(connection, "thp/by_process").rows())[:PROCESSES_SHOWN]
    if not rows:
        return None
    names = [f"{plain(row['comm'], 16)} ({row['tgid']})" for row in rows]
    figure = go.Figure()
    for kind in _KINDS:
        counts = [row[f"{kind}_count"] for row in rows]
        if any(counts):
            figure.add_trace(
                go.Bar(
                    name=kind,
                    x=names,
                    y=[count or None for count in counts],
                    marker={"color": color_of(kind)},
                    hovertext=[f"<b>{name}</b><br>{kind}: {format_count(count)}" for name, count in zip(names, counts, strict=True)],
                    hoverinfo="text",
                )
            )
    # from below 1, so that a single huge page is a bar too
    most = max(row[f"{kind}_count"] or 0 for row in rows for kind in _KINDS)
    figure.update_yaxes(type="log", title_text="faults", dtick=1, range=[-0.3, math.log10(max(most, 1)) + 0.1])
    figure.update_xaxes(type="category", automargin=True)
    return layout(figure, barmode="group", bargap=0.2 if len(rows) > 3 else 0.6, height=360)
