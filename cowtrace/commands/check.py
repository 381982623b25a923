"""``cowtrace check``: budgets."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cowtrace.gate import RENDERERS, SUFFIXES, render


@click.command()
@click.argument("inputs", metavar="[STORE|INPUT]...", nargs=-1, type=click.Path())
@click.option("--budget", "budget_file", type=click.Path(path_type=Path), default=Path("cow.toml"), show_default=True, help="Budget file.")
@click.option("--format", "form", type=click.Choice(list(RENDERERS)), help="Default: the suffix of -o, else text.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file; a line on stderr still says the verdict.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@click.option("--strict", is_flag=True, help="Fail too when the recording can't tell whether a budget is kept.")
def command(inputs: tuple[str, ...], budget_file: Path, form: str | None, output: Path | None, force: bool, strict: bool) -> None:
    """Judge a recording by budgets; exit with 1 when one is broken.

    \b
    A budget file is TOML:
      [budget.snapshot-copies]
      measure = "copied_bytes"    # also faults, copies, reuses, zeroed_bytes, fault_time_ns, forks, ...
      max = "64 MiB"
      process = "redis-server"    # optional: shell patterns on process, kind, mapping, fork_side, path
      per = "fork"                # optional: process, fork or child: the limit holds for each

    A budget is broken when the recording proves it, kept when it proves the opposite, else undecided.

    \b
    Examples:
      cowtrace check --budget cow.toml
      cowtrace check perf.data --budget cow.toml --format junit -o cow.xml
      cowtrace check run.store --format github
      cowtrace check run.store --format md >> "$GITHUB_STEP_SUMMARY"
    """
    from cowtrace.gate.budgets import read_budgets
    from cowtrace.gate.check import check
    from cowtrace.gate.subject import subject_of
    from cowtrace.ingest import resolve
    from cowtrace.output import check_output, text_output

    if output is not None:
        check_output(output, force=force)
    budgets = read_budgets(budget_file)
    store = resolve(inputs)
    with subject_of(store, ", ".join(inputs) or str(store.path)) as subject:
        verdicts = check(subject, budgets, budget_file, strict=strict)
    with text_output(output, force=force) as out:
        out.write(render(verdicts, form or (SUFFIXES.get(output.suffix, "text") if output is not None else "text")))
    if output is not None:
        print(f"{verdicts.summary} Wrote {output}", file=sys.stderr)
    if verdicts.failed:
        sys.exit(1)
