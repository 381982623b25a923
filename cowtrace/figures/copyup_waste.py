"""How much of what was copied up was changed afterwards, file by file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cowtrace.figures.style import COPY, layout, plain
from cowtrace.queries import run
from cowtrace.units import format_bytes

if TYPE_CHECKING:
    import duckdb
    import plotly.graph_objects as go

    from cowtrace.store.reader import Store

#: Files shown, those with the most copied bytes; the query lists the rest.
FILES_SHOWN = 16
_NAME_LENGTH = 32
_PARTS = (("changed", "#2e9e63"), ("never changed", COPY), ("not known", "#8d8d8d"))


def draw(connection: duckdb.DuckDBPyConnection, store: Store) -> go.Figure | None:
    """One bar a file, as long as what was copied, in up to three parts; the longest on top."""
    del store
    import plotly.graph_objects as go

    rows = [row for row in run(connection, "copyup/by_path").rows() if row["copied_bytes"]]
    if not rows:
        return None
    rows = sorted(rows, key=lambda row: (-row["copied_bytes"], row["path"] or ""))[:FILES_SHOWN][::-1]
    scale, unit = (1 << 20, "MiB") if rows[-1]["copied_bytes"] >= 1 << 20 else (1 << 10, "KiB")
    parts = [_parts(row) for row in rows]
    figure = go.Figure()
    for number, (word, color) in enumerate(_PARTS):
        if not any(row[number] for row in parts):
            continue
        figure.add_trace(
            go.Bar(
                name=word,
                orientation="h",
                y=list(range(len(rows))),
                x=[row[number] / scale for row in parts],
                marker={"color": color},
                hovertext=[_said(row) for row in rows],
                hoverinfo="text",
            )
        )
    # bars stand by number: shortened names of two files may be alike
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=[_short(row["path"]) for row in rows], automargin=True)
    figure.update_xaxes(title_text=f"copied, {unit}", rangemode="tozero")
    return layout(figure, barmode="stack", bargap=0.3, height=120 + 24 * len(rows))


def _parts(row: dict[str, Any]) -> tuple[int, int, int]:
    """Bytes of a file's copies that were changed, never changed, and of which the recording can't tell."""
    copied, wasted = row["copied_bytes"], row["wasted_bytes"]
    return (0, 0, copied) if wasted is None else (max(0, copied - wasted), wasted, 0)


def _short(path: str | None) -> str:
    """The end of a path, which tells files apart."""
    if path is None:
        return "(not named)"
    return plain(path if len(path) <= _NAME_LENGTH else f"…{path[1 - _NAME_LENGTH :]}")


def _said(row: dict[str, Any]) -> str:
    said = f"<b>{plain(row['path'], 100) if row['path'] is not None else '(not named)'}</b><br>{format_bytes(row['copied_bytes'])} copied"
    said += ", changes not known" if row["wasted_bytes"] is None else f", {format_bytes(row['wasted_bytes'])} never changed"
    return f"{said}<br>by {plain(row['triggers'])} of {plain(row['comms'])}"
