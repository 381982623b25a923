"""``cowtrace query``: SQL, or a question of the library."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cowtrace.commands.completion import questions
from cowtrace.commands.symbol_options import symbol_options, symbol_sources
from cowtrace.errors import UsageError
from cowtrace.startup import import_numpy
from cowtrace.text import printable

if TYPE_CHECKING:
    from cowtrace.queries import Result

FORMATS = ("table", "csv", "json", "parquet")


@click.command()
@click.argument("store", required=False, type=click.Path())
@click.argument("question", metavar="SQL|NAME", required=False, shell_complete=questions)
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: the suffix of -o, else table.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@click.option("--list", "listing", is_flag=True, help="List the queries of the library and the tables.")
@click.option("--describe", metavar="NAME", shell_complete=questions, help="Say what a query or table answers, column by column.")
@symbol_options
def command(
    *,
    store: str | None,
    question: str | None,
    form: str | None,
    output: Path | None,
    force: bool,
    listing: bool,
    describe: str | None,
    symfs: Path | None,
    symbols_from: tuple[Path, ...],
    perf_map: tuple[Path, ...],
) -> None:
    """Run SQL, or a query of the library, on a store.

    STORE may also be a recording: it is ingested into a cache first. Without it, cowtrace.rec, perf.data or trace.dat in the current
    folder is taken. SQL is one SELECT in DuckDB's dialect; - reads it from standard input. Results of any size stream.

    \b
    Examples:
      cowtrace query --list
      cowtrace query --describe cow/fork_bill
      cowtrace query perf.data cow/by_process
      cowtrace query perf.data code/by_function
      cowtrace query run.store "FROM fault_timeline(bucket_ns := 100000000)"
      cowtrace query run.store "SELECT comm, count(*) FROM fault GROUP BY comm" --format csv -o faults.csv
    """
    if listing or describe is not None:
        from cowtrace.queries.describe import describe_catalog, describe_name

        click.echo(describe_name(describe) if describe is not None else describe_catalog())
        return
    if question is None and store is not None and not os.path.exists(store):
        store, question = None, store
    if question is None:
        raise UsageError("query needs SQL or the name of a query; cowtrace query --list shows the names")
    sql = sys.stdin.read() if question == "-" else question
    form = form or (output.suffix[1:] if output is not None and output.suffix[1:] in FORMATS else "table")

    import_numpy()
    from cowtrace.ingest import resolve
    from cowtrace.output import check_output
    from cowtrace.queries import connect, run, symbol_notes

    if output is not None:
        check_output(output, force=force)
    sources = symbol_sources(symfs, symbols_from, perf_map)
    with connect(resolve([store] if store is not None else []), sources) as connection:
        _print(run(connection, sql), form, output, force)
        for note in symbol_notes(connection):
            print(f"cowtrace: note: {printable(note)}", file=sys.stderr)
    if output is not None:
        print(f"Wrote {output}", file=sys.stderr)


def _print(result: Result, form: str, output: Path | None, force: bool) -> None:
    from cowtrace.output import binary_output, text_output

    to_terminal = output is None and sys.stdout.isatty()
    if form == "table":
        from rich.console import Console

        from cowtrace.queries.table import write_table

        with text_output(output, force=force) as text:
            console = Console(file=text, highlight=False, markup=False, emoji=False)
            count = write_table(result, console)
            if to_terminal:
                console.print(f"({count} row{'' if count == 1 else 's'})", style="dim")
        return
    from cowtrace.queries.write import WRITERS, write_csv

    if form == "parquet" and to_terminal:
        raise UsageError("Parquet is binary and would garble the terminal; name a file with -o")
    with binary_output(output, force=force) as out:
        if form == "csv":
            write_csv(result, out, for_terminal=to_terminal)
        else:
            WRITERS[form](result, out)
