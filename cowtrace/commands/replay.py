"""``cowtrace replay``: what the workload would have cost under other settings."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cowtrace.commands.completion import settings
from cowtrace.replay.render import RENDERERS


@click.command()
@click.argument("inputs", metavar="[STORE|INPUT]...", nargs=-1, type=click.Path())
@click.option(
    "--what-if",
    "what_if",
    metavar="KNOB=VALUE[@comm=NAME]",
    multiple=True,
    shell_complete=settings,
    help="A setting to try; several are combined.",
)
@click.option("--sweep", "sweeping", is_flag=True, help="Try everything that the recording supports, one by one, and rank it.")
@click.option("--backtest", "rerun", type=click.Path(path_type=Path), help="A recording made under the other setting: compare with it.")
@click.option("--format", "form", type=click.Choice(list(RENDERERS)), help="Default: the suffix of -o, else text.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def command(
    inputs: tuple[str, ...],
    what_if: tuple[str, ...],
    sweeping: bool,
    rerun: Path | None,
    form: str | None,
    output: Path | None,
    force: bool,
) -> None:
    """Predict what the recorded workload would have cost under other settings.

    A model of the kernel's page state replays the recorded faults and forks. Every number has a 90 % interval; what it rests on and what
    it leaves out is said below the tables. Record with --level standard: mappings, forks and latencies are needed.

    \b
    Knobs:
      thp=never|madvise|always             transparent huge pages for anonymous memory
      mthp=<size>:never|madvise|always     anonymous folios of 16K to 1024K
      fork=vfork|spawn|none|odf            start children that exec without copying; no snapshot at all; share page tables
      dontfork=PATTERN  hugetlb=PATTERN    keep mappings out of children; map them from the hugetlb pool
      prefault=PATTERN  fault_around=SIZE  populate mappings; cached file memory mapped by one fault
      ksm=off                              do not merge equal pages
    PATTERN is a mapping's path (* stands for anything), its kind (heap, anon, ...) or an address in it (0x...).
    Each can be narrowed to processes of a name: thp=never@comm=redis-server

    \b
    Examples:
      cowtrace replay --what-if thp=never
      cowtrace replay run.store --what-if thp=always --format json
      cowtrace replay perf.data --sweep
      cowtrace replay monday.rec --what-if thp=never --backtest tuesday.rec    was the prediction right?
    """
    from cowtrace.errors import UsageError
    from cowtrace.ingest import resolve
    from cowtrace.output import check_output, text_output
    from cowtrace.replay.render import render
    from cowtrace.replay.scenario import parse

    if sweeping and what_if:
        raise UsageError("--sweep tries every setting by itself; leave out --what-if, or --sweep to combine the named ones")
    if rerun is not None and not what_if:
        raise UsageError("--backtest compares one prediction with a recording: give --what-if KNOB=VALUE")
    if not sweeping:
        parse(what_if)  # before the recording is read
    if form is None:
        suffix = output.suffix if output is not None else ""
        form = next((name for name, renderer in RENDERERS.items() if renderer.suffix == suffix), "text")
    if output is not None:
        check_output(output, force=force)
    store = resolve(inputs)
    if sweeping:
        from cowtrace.replay.sweep import sweep

        text = render(sweep(store), form)
    elif rerun is not None:
        from cowtrace.backtest.result import from_stores
        from cowtrace.backtest.text import RENDERERS as FORMS

        text = FORMS[form](from_stores(store, resolve([str(rerun)]), what_if))
    else:
        from cowtrace.replay import replay

        text = render(replay(store, what_if), form)
    with text_output(output, force=force) as out:
        out.write(text)
    if output is not None:
        print(f"Wrote {output}", file=sys.stderr)
