"""``cowtrace script``: every recorded event."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cowtrace.errors import UsageError
from cowtrace.startup import import_numpy
from cowtrace.text import printable

_FORMATS = ("text", "csv", "parquet")


@click.command()
@click.argument("inputs", nargs=-1, metavar="[INPUT]...", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(_FORMATS), help="Default: the suffix of -o, else text.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def command(inputs: tuple[Path, ...], form: str | None, output: Path | None, force: bool) -> None:
    """Print every recorded event in time order, like perf script.

    Several INPUTS are merged by time. Without one, cowtrace.rec, perf.data or trace.dat in the current folder is taken. Nothing is
    resolved: addresses stay addresses.

    text follows perf script: comm tid [cpu] seconds: period event: addr ip. Tracepoints print their fields, call chains follow as
    indented lines.

    csv has the columns ts_ns, event, comm, pid (of the process), tid, cpu, ip, addr, period, callchain, args. Addresses are
    hexadecimal, those of a callchain joined by ";" with the kernel's context markers; args are the fields of a tracepoint as JSON; what was
    not recorded is empty. parquet has the same columns, typed.

    \b
    Examples:
      cowtrace script perf.data | less
      cowtrace script perf.data --format csv -o events.csv
      cowtrace script perf.data.0 perf.data.1 -o events.parquet
    """
    import_numpy()
    from cowtrace.output import binary_output, check_output
    from cowtrace.script import open_inputs, script, warnings

    form = form or (output.suffix[1:] if output is not None and output.suffix[1:] in _FORMATS else "text")
    if form == "parquet" and output is None and sys.stdout.isatty():
        raise UsageError("Parquet is binary and would garble the terminal; name a file with -o")
    if output is not None:
        check_output(output, force=force)
    recordings = open_inputs(inputs)
    for sentence in warnings(recordings):
        click.echo(f"cowtrace: {printable(sentence)}", err=True)
    with binary_output(output, force=force) as out:
        script(recordings, form, out)
    if output is not None:
        click.echo(f"Wrote {output}", err=True)
