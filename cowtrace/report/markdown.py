"""The report for pull requests and wikis: GitHub's Markdown, names from the trace escaped."""

from __future__ import annotations

import re

from cowtrace.report.bill import Report
from cowtrace.report.headline import caveats, headline
from cowtrace.report.section import Section
from cowtrace.report.sections import sections
from cowtrace.text import printable

#: Characters that start markup anywhere in a line; < and & start HTML. An underscore inside a word does not.
_MARKUP = re.compile(r"[\\`*\[\]|~#]|(?<!\w)_|_(?!\w)")


def render(report: Report, *, width: int | None = None, color: bool = False) -> str:
    """The report as Markdown; ``width`` and ``color`` change nothing."""
    del width, color
    lines = [f"**{escape(headline(report))}**", ""]
    lines += [line for sentence in caveats(report) for line in (f"> {escape(sentence)}", "")]
    for section in sections(report):
        lines += _section(section)
    return "\n".join(lines).rstrip("\n") + "\n"


def escape(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, one line."""
    plain = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub(lambda found: "\\" + found[0], plain)


def _one_line(title: str) -> str:
    """A column title without the line breaks that narrow terminals like."""
    return title.replace("-\n", "").replace("\n", " ")


def _section(section: Section) -> list[str]:
    lines = [f"## {escape(section.title)}", ""]
    if section.intro:
        lines += [escape(section.intro), ""]
    if section.heads:
        lines.append("| " + " | ".join(escape(_one_line(head.title)) for head in section.heads) + " |")
        lines.append("|" + "|".join("---:" if head.align == "right" else "---" for head in section.heads) + "|")
        for row in section.rows:
            cells = [escape(cell) for cell in row.cells]
            if row.is_sum:
                cells = [f"**{cell}**" if cell else "" for cell in cells]
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    lines += [f"- {escape(item)}" for item in section.items]
    if section.items:
        lines.append("")
    for note in section.notes:
        lines += [escape(note), ""]
    return lines
