"""What other settings would have cost: the ranking of ``cowtrace replay --sweep`` for the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cowtrace.errors import UsageError
from cowtrace.figures.style import COPY, layout, plain
from cowtrace.replay.render.layout import SWEEP_HEADER, sweep_rows
from cowtrace.report.section import Head, Row, Section
from cowtrace.units import format_ns

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from cowtrace.store.reader import Store

#: Faults up to which a page waits for the replay; beyond, the command is named instead.
MOST_FAULTS = 2_000_000
_SAVED = "#2e9e63"


def what_if(store: Store) -> tuple[Section, go.Figure | None] | None:
    """The section and its figure; None where nothing can be replayed."""
    from cowtrace.replay.sweep import sweep

    title = "What would change"
    if store.manifest["rows"].get("fault", 0) > MOST_FAULTS:
        return Section(title, "Ask: cowtrace replay STORE --sweep", name="what_if"), None
    try:
        ranked = sweep(store)
    except UsageError:
        return None
    if not ranked.entries:
        return None
    heads = tuple(Head(name, "right" if number else "left") for number, name in enumerate(SWEEP_HEADER))
    rows = [Row(tuple(cells)) for cells in sweep_rows(ranked)]
    notes = [
        *ranked.notes,
        "Intervals hold 90 %. cowtrace replay STORE --what-if SETTING says what a prediction rests on, and what it leaves out.",
        *(f"{name}: not tried, {reason}." for name, reason in ranked.refused),
    ]
    section = Section(title, "Predicted from this recording, setting by setting:", heads, rows, notes=notes, name="what_if")
    timed = [entry for entry in ranked.entries if entry.saved_ns is not None]
    if not timed:
        return section, None
    import plotly.graph_objects as go

    shown = timed[::-1]
    values = [entry.saved_ns or 0.0 for entry in shown]
    highs = [(entry.saved_high_ns or 0.0) - value for entry, value in zip(shown, values, strict=True)]
    lows = [value - (entry.saved_low_ns or 0.0) for entry, value in zip(shown, values, strict=True)]
    figure = go.Figure(
        go.Bar(
            orientation="h",
            y=[plain(entry.name) for entry in shown],
            x=[value / 1e6 for value in values],
            error_x={
                "type": "data",
                "array": [high / 1e6 for high in highs],
                "arrayminus": [low / 1e6 for low in lows],
                "color": "#888888",
            },
            marker={"color": [_SAVED if value >= 0 else COPY for value in values]},
            hovertext=[
                f"<b>{plain(entry.name)}</b><br>{format_ns(round(value))} saved, "
                f"90 %: {format_ns(round(entry.saved_low_ns or 0))} to {format_ns(round(entry.saved_high_ns or 0))}"
                for entry, value in zip(shown, values, strict=True)
            ],
            hoverinfo="text",
        )
    )
    figure.update_xaxes(title_text="time saved, ms")
    figure.update_yaxes(automargin=True, type="category")
    return section, layout(figure, bargap=0.35, height=110 + 34 * len(shown), showlegend=False)
