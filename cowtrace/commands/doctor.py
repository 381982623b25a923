"""``cowtrace doctor``: what this host can record, and what to change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cowtrace.errors import FindingError
from cowtrace.recording.levels import LEVELS
from cowtrace.text import printable

if TYPE_CHECKING:
    from cowtrace.recording.doctor.check import Check
    from cowtrace.recording.doctor.diagnosis import Diagnosis
    from cowtrace.recording.doctor.perf import LevelState

_MARKS = {"ok": ("ok", "green"), "lack": ("LACK", "bold yellow"), "absent": ("absent", "dim"), "info": ("-", "dim")}


@click.command()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print it.")
@click.option("--require", type=click.Choice(list(LEVELS)), help="Exit with 1 when this level can't be recorded in full.")
def command(form: str, require: str | None) -> None:
    """Check what this host can record, and what to change.

    Looks at perf, rights, events, memory settings and file systems, and makes three small trial recordings in a temporary folder.
    Changes nothing. Every lack comes with what it costs and how to end it. Exits with 0 also when something lacks (see --require).

    \b
    Examples:
      cowtrace doctor
      cowtrace doctor --require standard      in CI: fail early when the runner can't record
      cowtrace doctor --format json | jq '.checks[] | select(.state == "lack")'
    """
    from cowtrace.recording.doctor.diagnosis import examine
    from cowtrace.recording.host import this_host

    diagnosis = examine(this_host())
    if form == "json":
        click.echo(json.dumps(diagnosis.as_json(), indent=1))
    else:
        _print(diagnosis)
    if require is not None:
        state = diagnosis.level(require)
        if not state.is_complete:
            lack = state.refusal or f"it lacks {', '.join(missing.what for missing in state.missing)}"
            raise FindingError(f"this host can't record level {require} in full: {lack}")


def _print(diagnosis: Diagnosis) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    for state in diagnosis.levels:
        console.print(Text.assemble("level ", (f"{state.name:<9}", "bold"), _verdict(state)), soft_wrap=True)
    console.print()
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    for check in diagnosis.checks:
        mark, style = _MARKS[check.state]
        table.add_row(check.name, Text(mark, style), Text(printable(check.found)))
    console.print(table)
    for kind, title in (("lack", "What lacks, and how to change it"), ("absent", "What no level needs, and this host has not")):
        by_fix: dict[str, list[Check]] = {}
        for check in diagnosis.checks:
            if check.state == kind:
                by_fix.setdefault(check.fix or "nothing helps on this host", []).append(check)
        if by_fix:
            console.print(Text(f"\n{title}", "bold"))
        for fix, checks in by_fix.items():
            for check in checks:
                console.print(Text(f"  {check.name}: {printable(check.costs)}"), soft_wrap=True)
            console.print(Text(f"    -> {printable(fix)}", "cyan"), soft_wrap=True)


def _verdict(state: LevelState) -> tuple[str, str]:
    if state.is_complete:
        return "can be recorded in full", "green"
    if state.refusal:
        return f"can't be recorded: {printable(state.refusal)}", "bold red"
    parts = [lack.what for lack in state.missing]
    shown = ", ".join(parts[:3]) + (f" and {len(parts) - 3} more" if len(parts) > 3 else "")
    return f"can be recorded, but lacks {shown}", "yellow"
