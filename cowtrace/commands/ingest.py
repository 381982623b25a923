"""``cowtrace ingest``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cowtrace.startup import import_numpy

if TYPE_CHECKING:
    from cowtrace.store.reader import Store


@click.command()
@click.argument("inputs", nargs=-1, required=True, type=click.Path())
@click.option("-o", "--output", "store", required=True, metavar="STORE", type=click.Path(), help="Store folder to make.")
@click.option("--force", is_flag=True, help="Replace an existing store.")
@click.option("--confidential", is_flag=True, help="Hash names of programs, files and hosts, the same name always alike.")
def command(inputs: tuple[str, ...], store: str, force: bool, confidential: bool) -> None:
    """Read recordings into a store: a folder of Parquet tables with a manifest.

    INPUTS are perf.data files, smaps, vmstat and meminfo snapshots, folders of them, or folders made by `cowtrace record`. What they are is
    told by content, not by name. The store appears whole or not at all.

    \b
    Examples:
      cowtrace ingest perf.data -o night.store
      cowtrace ingest perf.data.0 perf.data.1 smaps/ -o night.store --force
      cowtrace ingest perf.data -o to-share.store --confidential
    """
    import_numpy()
    from cowtrace.ingest import ingest
    from cowtrace.units import format_count

    made = _confidential(inputs, store, force) if confidential else ingest(inputs, store, force=force)
    for source in made.manifest["sources"]:
        for note in source["notes"]:
            click.echo(f"cowtrace: {source['path']}: {note['text']}", err=True)
    click.echo(f"Wrote {store}: {format_count(made.manifest['rows']['fault'])} faults", err=True)


def _confidential(inputs: tuple[str, ...], store: str, force: bool) -> Store:
    from cowtrace.ingest import resolve
    from cowtrace.ingest.cache import cache_folder
    from cowtrace.store.confidential import confidential_copy, local_key

    return confidential_copy(resolve(inputs), Path(store), local_key(cache_folder()), force=force)
