"""``cowtrace report``: the bill."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from cowtrace.commands.symbol_options import symbol_options, symbol_sources
from cowtrace.report import RENDERERS, render
from cowtrace.startup import import_numpy


@click.command()
@click.argument("inputs", metavar="[STORE|INPUT]...", nargs=-1, type=click.Path())
@click.option("--format", "form", type=click.Choice(list(RENDERERS)), help="Default: the suffix of -o, else text.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@click.option("--top", type=click.IntRange(1, 10_000), default=10, show_default=True, help="Rows listed of each grouping.")
@click.option("--confidential", is_flag=True, help="Hash names of programs, files and hosts, the same name always alike.")
@symbol_options
def command(
    *,
    inputs: tuple[str, ...],
    form: str | None,
    output: Path | None,
    force: bool,
    top: int,
    confidential: bool,
    symfs: Path | None,
    symbols_from: tuple[Path, ...],
    perf_map: tuple[Path, ...],
) -> None:
    """Print the bill: faults by cause, process, mapping and fork.

    Recordings are ingested into a cache first. Without STORE or INPUT, cowtrace.rec, perf.data or trace.dat in the current folder is
    taken. What is not listed is summed: every table adds up to all faults. Functions are named from files of this machine, if their
    build-id is the recorded one; DEBUGINFOD_URLS, if set, names servers for the others.

    \b
    Examples:
      cowtrace report
      cowtrace report perf.data
      cowtrace report perf.data --format md -o bill.md
      cowtrace report perf.data -o bill.html
      cowtrace report perf.data -o to-share.html --confidential
      cowtrace report run.store --format json | jq -r .headline
    """
    import_numpy()
    from cowtrace.ingest import resolve
    from cowtrace.output import check_output, text_output
    from cowtrace.report.bill import compose

    if form is None:
        suffix = output.suffix if output is not None else ""
        form = next((name for name, renderer in RENDERERS.items() if renderer.suffix == suffix), "text")
    if output is not None:
        check_output(output, force=force)
    report = compose(resolve(inputs, confidential=confidential), top=top, sources=symbol_sources(symfs, symbols_from, perf_map))
    to_terminal = output is None and sys.stdout.isatty()
    width = shutil.get_terminal_size((0, 0)).columns or None
    text = render(report, form, width=width if to_terminal else None, color=to_terminal and not os.environ.get("NO_COLOR"))
    with text_output(output, force=force) as out:
        out.write(text)
    if output is not None:
        print(f"Wrote {output}", file=sys.stderr)
