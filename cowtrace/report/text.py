"""The report for terminals and pipes."""

from __future__ import annotations

import io

from rich.console import Console
from rich.text import Text

from cowtrace.report.bill import Report
from cowtrace.report.headline import caveats, headline
from cowtrace.report.layout import table_lines, wrap_cell
from cowtrace.report.section import Row, Section
from cowtrace.report.sections import sections
from cowtrace.text import printable

#: Width where nobody says: pipes and files.
PLAIN_WIDTH = 120


def render(report: Report, *, width: int | None = None, color: bool = False) -> str:
    """The report as text.

    Args:
        report: Its data.
        width: Columns of the terminal; None for a pipe or file.
        color: Emit ANSI styles.
    """
    console = _console(width, color)
    _print_indented(headline(report), "", "bold", console)
    for sentence in caveats(report):
        _print_indented(sentence, "! ", "yellow", console)
    for section in sections(report):
        console.print()
        _print(section, console)
    return _text(console)


def render_sections(parts: list[Section], *, width: int | None = None, color: bool = False) -> str:
    """Sections without a headline; arguments as ``render``."""
    console = _console(width, color)
    for number, section in enumerate(parts):
        if number:
            console.print()
        _print(section, console)
    return _text(console)


def _console(width: int | None, color: bool) -> Console:
    return Console(
        file=io.StringIO(),
        width=width or PLAIN_WIDTH,
        force_terminal=color,
        no_color=not color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _print(section: Section, console: Console) -> None:
    console.print(Text(section.title, style="bold underline"))
    if not console.is_terminal:
        console.print(Text("─" * len(section.title)))
    if section.intro:
        console.print(Text(printable(section.intro)))
    if section.heads:
        rows = [Row(tuple(map(printable, row.cells)), row.is_sum) for row in section.rows]
        for line in table_lines(section.heads, rows, section.keys, console.width):
            console.print(Text(line.text, style=_STYLES[line.kind]), soft_wrap=True)
    for item in section.items:
        _print_indented(item, "- ", "", console)
    for note in section.notes:
        _print_indented(note, "  ", "dim", console)


def _print_indented(text: str, mark: str, style: str, console: Console) -> None:
    for number, line in enumerate(wrap_cell(printable(text), console.width - len(mark))):
        console.print(Text((mark if number == 0 else " " * len(mark)) + line, style=style), soft_wrap=True)


_STYLES = {"head": "bold", "row": "", "sum": "bold", "blank": ""}
