"""What all figures share: colours, safe text, time axes."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from cowtrace.schema import KINDS
from cowtrace.text import printable

if TYPE_CHECKING:
    import plotly.graph_objects as go

#: One hue a family, so that a reader who knows three colours can read any figure: copies warm, reuses yellow, first touches blue,
#: files green, the rest purple and grey. None is so dark that it drowns in a dark page.
KIND_COLORS: dict[str, str] = {
    "cow_copy": "#d1322b",
    "thp_split": "#f0705a",
    "file_cow": "#e8943a",
    "ksm_copy": "#b0306a",
    "hugetlb_cow": "#e05fa5",
    "cow_reuse": "#e3c229",
    "thp_reuse": "#b8960c",
    "anon_zero": "#2f74c0",
    "mthp_zero": "#5aa0e0",
    "thp_zero": "#2450c8",
    "zero_page": "#8fc3ee",
    "thp_zero_page": "#b5d8f5",
    "zero_page_cow": "#5b6fd6",
    "thp_zero_page_cow": "#6a48d7",
    "hugetlb": "#0f6d8c",
    "file_read": "#2e9e63",
    "file_mkwrite": "#7cc47f",
    "shmem": "#16715a",
    "swap_in": "#8a4fc0",
    "numa_hint": "#b58ad6",
    "uffd": "#c77fb5",
    "spurious": "#a7a7a7",
    "failed": "#6b6b6b",
    "unknown": "#c4bdb0",
}
_NEW_KIND = "#999999"

COPY, REUSE, PRIVATE, SHARED, SWAP = "#d1322b", "#e3c229", "#d1322b", "#2f74c0", "#8a4fc0"


def color_of(kind: str) -> str:
    """The colour of a kind; grey for one that is newer than this table."""
    return KIND_COLORS.get(kind, _NEW_KIND)


def in_order(kinds: Iterable[str]) -> list[str]:
    """Kinds as reports list them; those newer than this cowtrace last."""
    place = {kind: number for number, kind in enumerate(KINDS)}
    return sorted(kinds, key=lambda kind: (place.get(kind, len(place)), kind))


def plain(text: str | None, most: int = 60) -> str:
    """A name from a trace as plotly shows it literally: no control characters, no markup, not endless."""
    if text is None:
        return "?"
    shown = printable(text)
    return escape(shown if len(shown) <= most else f"{shown[: most - 1]}…")


def time_axis(span_ns: int) -> tuple[int, str]:
    """Nanoseconds in a tick's unit and the unit's name, so that ticks of short recordings are readable too."""
    for scale, unit in ((1_000_000_000, "seconds"), (1_000_000, "ms")):
        if span_ns >= scale:
            return scale, unit
    return 1_000, "µs"


def layout(figure: go.Figure, **settings: object) -> go.Figure:
    """The common look: no title (the page has one), transparent, legend on top, hover where the pointer is."""
    figure.update_layout(
        template="plotly_white",
        margin={"l": 60, "r": 16, "t": 8, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        hoverlabel={"align": "left"},
        bargap=0,
    )
    figure.update_layout(**settings)
    return figure
