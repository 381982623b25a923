"""``cowtrace demo``: a first look that needs no input."""

from __future__ import annotations

import sys
from importlib.resources import as_file, files
from pathlib import Path

import click


@click.command()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("cowtrace-demo.html"), show_default=True, help="Page to write."
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def command(output: Path, force: bool) -> None:
    """Show what cowtrace does, on a recording that comes along: Redis takes a snapshot under load.

    Prints the bill in one sentence, writes the whole of it as an HTML page, and says how to go on.

    \b
    Examples:
      cowtrace demo
      cowtrace demo -o /tmp/demo.html --force
    """
    from cowtrace.ingest import resolve
    from cowtrace.output import check_output, text_output
    from cowtrace.report import render
    from cowtrace.report.bill import compose
    from cowtrace.report.headline import headline
    from cowtrace.text import printable

    check_output(output, force=force)
    with as_file(files("cowtrace") / "demo.data.zst") as sample:
        report = compose(resolve([sample]))
    with text_output(output, force=force) as out:
        out.write(render(report, "html"))
    click.echo(printable(headline(report)))
    click.echo(
        "\nTry next:\n"
        "  cowtrace doctor                    what this host can record\n"
        "  cowtrace record -- YOUR COMMAND    record it\n"
        "  cowtrace report                    its bill"
    )
    print(f"Wrote {output}", file=sys.stderr)
