"""``cowtrace export``: to other tools."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cowtrace.export import EXPORTERS, MEASURES


@click.command(epilog="Formats: " + "; ".join(f"{name}: {exporter.says}" for name, exporter in EXPORTERS.items()))
@click.argument("inputs", metavar="[STORE|INPUT]...", nargs=-1, type=click.Path())
@click.option("--format", "form", type=click.Choice(list(EXPORTERS)), required=True, help="Which tool it is for.")
@click.option("--measure", type=click.Choice(list(MEASURES)), default="copied_bytes", show_default=True, help="What a stack weighs.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file; - or nothing: standard output.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def command(inputs: tuple[str, ...], form: str, measure: str, output: Path | None, force: bool) -> None:
    """Write the faults for another tool: flame graphs, time lines, profiles.

    A stack is the call chain, where one was recorded (record --level full), else the mapping that was touched; its leaf is the kind.

    \b
    Examples:
      cowtrace export perf.data --format perfetto -o cow.json
      cowtrace export perf.data --format speedscope -o cow.speedscope.json --measure time
      cowtrace export perf.data --format pprof -o cow.pb.gz
      cowtrace export perf.data --format folded --measure copies | flamegraph.pl > cow.svg
    """
    import importlib

    from cowtrace.errors import UsageError
    from cowtrace.ingest import resolve
    from cowtrace.output import binary_output, check_output

    output = None if output == Path("-") else output
    if output is not None:
        check_output(output, force=force)
    elif form == "pprof" and sys.stdout.isatty():
        raise UsageError("pprof is binary and would garble the terminal; name a file with -o")
    store = resolve(inputs)
    with binary_output(output, force=force) as out:
        importlib.import_module(EXPORTERS[form].module).export(store, out, measure)
    if output is not None:
        print(f"Wrote {output}", file=sys.stderr)
