"""How shared memory turned private between snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cowtrace.figures.style import PRIVATE, SHARED, SWAP, layout, plain
from cowtrace.queries import run
from cowtrace.units import format_bytes

if TYPE_CHECKING:
    import duckdb
    import plotly.graph_objects as go

    from cowtrace.store.reader import Store

#: Processes shown, those with the most shared dirty memory first.
PROCESSES_SHOWN = 4
_MEASURES = (
    ("private_dirty_bytes", "private dirty", PRIVATE),
    ("shared_dirty_bytes", "shared dirty", SHARED),
    ("anon_huge_bytes", "huge", "#16a08a"),
    ("swap_bytes", "swap", SWAP),
)
_DASHES = ("solid", "dot", "dash", "longdashdot")


def draw(connection: duckdb.DuckDBPyConnection, store: Store) -> go.Figure | None:
    """Lines over time, one a process and measure; None without at least two snapshots of a process."""
    del store
    import plotly.graph_objects as go

    series: dict[int, list[dict[str, Any]]] = {}
    for row in run(connection, _SERIES).rows():
        series.setdefault(row["tgid"], []).append(row)
    kept = sorted(series.items(), key=lambda item: -max(row["shared_dirty_bytes"] or 0 for row in item[1]))[:PROCESSES_SHOWN]
    if not kept:
        return None
    first = min(rows[0]["ts_ns"] for _, rows in kept)
    figure = go.Figure()
    for (tgid, rows), dash in zip(kept, _DASHES, strict=False):
        for column, word, color in _MEASURES:
            if not any(row[column] for row in rows):
                continue
            figure.add_trace(
                go.Scatter(
                    name=f"{plain(rows[0]['comm'], 16)} ({tgid}) {word}",
                    x=[(row["ts_ns"] - first) / 1e9 for row in rows],
                    y=[None if row[column] is None else row[column] / (1 << 20) for row in rows],
                    mode="lines+markers",
                    line={"color": color, "dash": dash, "width": 1.5},
                    marker={"size": 4},
                    hovertext=[f"{word} at {(row['ts_ns'] - first) / 1e9:.3f} s: {format_bytes(row[column])}" for row in rows],
                    hoverinfo="text",
                )
            )
    figure.update_xaxes(title_text="seconds since the first snapshot")
    figure.update_yaxes(title_text="MiB", rangemode="tozero")
    return layout(figure, height=380)


#: At most 400 snapshots a process, evenly spread: more than that no screen can show.
_SERIES = """
WITH numbered AS (
    SELECT
        smaps_totals.*,
        process_name.comm,
        row_number() OVER history AS number,
        count(*) OVER (PARTITION BY smaps_totals.tgid) AS snapshot_count
    FROM smaps_totals
    LEFT JOIN process_name USING (tgid)
    WHERE ts_ns IS NOT NULL AND smaps_totals.tgid IS NOT NULL
    WINDOW history AS (PARTITION BY smaps_totals.tgid ORDER BY ts_ns, snapshot_id)
)
SELECT *
FROM numbered
WHERE snapshot_count > 1 AND (number = snapshot_count OR (number - 1) % (1 + snapshot_count // 400) = 0)
ORDER BY tgid, ts_ns, snapshot_id
"""
