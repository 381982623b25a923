"""``cowtrace ingest``."""

from __future__ import annotations

import click

from cowtrace.startup import import_numpy


@click.command()
@click.argument("inputs", nargs=-1, required=True, type=click.Path())
@click.option("-o", "--output", "store", required=True, metavar="STORE", type=click.Path(), help="Store folder to make.")
@click.option("--force", is_flag=True, help="Replace an existing store.")
def command(inputs: tuple[str, ...], store: str, force: bool) -> None:
    """Read recordings into a store: a folder of Parquet tables with a manifest.

    INPUTS are perf.data files, smaps, vmstat and meminfo snapshots, folders of them, or folders made by `cowtrace record`. What they are is
    told by content, not by name. The store appears whole or not at all.

    \b
    Examples:
      cowtrace ingest perf.data -o night.store
      cowtrace ingest perf.data.0 perf.data.1 smaps/ -o night.store --force
    """
    import_numpy()
    from cowtrace.ingest import ingest
    from cowtrace.units import format_count

    made = ingest(inputs, store, force=force)
    for source in made.manifest["sources"]:
        for note in source["notes"]:
            click.echo(f"cowtrace: {source['path']}: {note['text']}", err=True)
    click.echo(f"Wrote {store}: {format_count(made.manifest['rows']['fault'])} faults", err=True)
