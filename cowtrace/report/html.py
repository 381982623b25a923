"""The report as one HTML file that needs no network: the same sections as everywhere, with figures between them."""

from __future__ import annotations

import json
import math
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cowtrace.figures import FIGURES, FigureKind, figure
from cowtrace.queries import catalog, connect
from cowtrace.report.bill import Report
from cowtrace.report.headline import caveats, headline
from cowtrace.report.section import Section
from cowtrace.report.sections import sections
from cowtrace.report.what_if import what_if
from cowtrace.store.reader import Store
from cowtrace.text import printable

if TYPE_CHECKING:
    import duckdb
    import jinja2
    import plotly.graph_objects as go


def render(report: Report, *, width: int | None = None, color: bool = False) -> str:
    """The page; ``width`` and ``color`` change nothing. Figures are drawn from the store that the report came from.

    plotly.js is inside the file; everything from the trace is escaped, in the page by the template and in figures by their module.
    """
    del width, color
    store = Store(Path(report.provenance.store))
    with connect(store) as connection:
        parts = sections(report)
        own: dict[str, go.Figure] = {}
        if (predicted := what_if(store)) is not None:
            section, picture = predicted
            # after what happened, before what is not known
            at = next((number for number, part in enumerate(parts) if part.name == "unknown"), len(parts))
            parts.insert(at, section)
            if picture is not None:
                own[section.name] = picture
        return page(headline(report), caveats(report), parts, connection, store, own)


#: What stands beside the figures of the report's own sections.
_OWN = {
    "what_if": FigureKind(
        "",
        "Time in faults, forks and copy-ups that a setting would save",
        (),
        "what_if",
        "Bars to the right save time; the lines are 90 % intervals.",
    )
}


def page(
    title: str, warnings: list[str], parts: list[Section], connection: duckdb.DuckDBPyConnection, store: Store, own: dict[str, go.Figure]
) -> str:
    """A page of sections, each with its figures.

    Args:
        title: The answer in one sentence.
        warnings: What changes how to read the numbers.
        parts: In order; a figure whose section is not among them is left out.
        connection: To ``store``.
        store: For the figures.
        own: Figures of sections that bring their own, by the section's name.
    """
    figures: list[dict[str, Any]] = []
    blocks: list[dict[str, Any]] = []
    for part in parts:
        drawn = []
        for name, kind in FIGURES.items():
            if kind.section == part.name and (picture := figure(connection, store, name)) is not None:
                drawn.append({"name": name, "kind": kind, "queries": _sql(kind), "height": picture.layout.height})
                figures.append({"name": name, **_bare(picture.to_plotly_json())})
        if part.name in own:
            drawn.append({"name": part.name, "kind": _OWN[part.name], "queries": [], "height": own[part.name].layout.height})
            figures.append({"name": part.name, **_bare(own[part.name].to_plotly_json())})
        blocks.append({"section": part, "figures": drawn, "anchor": part.name or f"part-{len(blocks)}"})
    return _template().render(
        title=printable(title),
        warnings=[printable(sentence) for sentence in warnings],
        blocks=blocks,
        figures=_script_json(figures),
        style=_resource("page.css"),
        script=_resource("page.js"),
        plotly=_plotly() if figures else "",
    )


def _sql(kind: FigureKind) -> list[tuple[str, str]]:
    """The queries of a figure with their text; a plain table has none."""
    library = catalog()
    return [(name, library[name].sql if name in library else "") for name in kind.queries]


def _bare(picture: dict[str, Any]) -> dict[str, Any]:
    """A figure without its template: the page brings a light and a dark one."""
    layout = {key: value for key, value in picture["layout"].items() if key != "template"}
    return {"data": picture["data"], "layout": layout}


def _script_json(value: Any) -> str:
    """JSON that can stand inside a script element: nothing in it can end the element or start a comment."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=_plain_value)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").replace("NaN", "null")


def _plain_value(value: Any) -> Any:
    """Arrays that plotly keeps as numpy; NaN is no JSON."""
    return [None if isinstance(item, float) and math.isnan(item) else item for item in value.tolist()]


@cache
def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["printable"] = lambda text: printable(str(text))
    environment.filters["one_line"] = lambda text: text.replace("-\n", "").replace("\n", " ")
    return environment.from_string(_resource("page.html.j2"))


@cache
def _resource(name: str) -> str:
    return files("cowtrace.report").joinpath(name).read_text("utf-8")


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    text: str = get_plotlyjs()
    return text
