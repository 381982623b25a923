"""``cowtrace info``: what was read, what was lost, what the recording can tell."""

from __future__ import annotations

import json
import os
import shutil
import sys

import click

from cowtrace.startup import import_numpy


@click.command()
@click.argument("inputs", metavar="[STORE|INPUT]...", nargs=-1, type=click.Path())
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(inputs: tuple[str, ...], form: str) -> None:
    """Show what was read, what was lost, what this recording can and cannot tell.

    Recordings are ingested into a cache first. Without STORE or INPUT, cowtrace.rec, perf.data or trace.dat in the current folder is
    taken.

    \b
    Examples:
      cowtrace info perf.data
      cowtrace info run.store --format json | jq .capabilities
    """
    import_numpy()
    from cowtrace.ingest import resolve
    from cowtrace.output import text_output
    from cowtrace.report.info import compose_info, info_dict, info_sections
    from cowtrace.report.text import render_sections

    info = compose_info(resolve(inputs))
    if form == "json":
        text = json.dumps(info_dict(info), indent=1) + "\n"
    else:
        width = (shutil.get_terminal_size((0, 0)).columns or None) if sys.stdout.isatty() else None
        text = render_sections(info_sections(info), width=width, color=sys.stdout.isatty() and not os.environ.get("NO_COLOR"))
    with text_output(None) as out:
        out.write(text)
