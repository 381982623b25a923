"""``cowtrace knobs``: every setting, and what can be said of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cowtrace.knobs import Knob

_TITLES = {
    "modelled": "Modelled: cowtrace replay predicts what they change",
    "measurable": "Measurable: a recording shows what they do, before and after",
    "not knowable": "Not knowable from a fault trace",
}


@click.command()
@click.argument("inputs", metavar="[STORE|INPUT]...", nargs=-1, type=click.Path())
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print it.")
def command(inputs: tuple[str, ...], form: str) -> None:
    """List every knob: modelled, measurable, or not knowable from a trace, and why.

    With STORE or INPUT, the modelled ones are tried on it and stand with their predicted effect.

    \b
    Examples:
      cowtrace knobs
      cowtrace knobs perf.data
      cowtrace knobs run.store --format json
    """
    from cowtrace.ingest import resolve
    from cowtrace.knobs import knobs

    found = knobs(resolve(inputs) if inputs else None)
    if form == "json":
        print(json.dumps({"schema": "cowtrace.knobs/1", "knobs": [asdict(knob) for knob in found]}, indent=1))
        return
    for group, title in _TITLES.items():
        print(title)
        for knob in found:
            if knob.group == group:
                _print(knob)
        print()


def _print(knob: Knob) -> None:
    print(f"  {knob.name}: {knob.about}")
    for effect in knob.effects:
        print(f"      {effect['what_if'][0]}: {_effect(effect)}")
    if knob.refused is not None:
        print(f"      not with this recording: {knob.refused}")
    elif knob.ask and not knob.effects:
        print(f"      {knob.ask}")


def _effect(effect: dict[str, object]) -> str:
    """Faults and time of one scenario, in words."""
    from cowtrace.units import format_count, format_ns

    baseline, totals = effect["baseline"], effect["totals"]
    assert isinstance(baseline, dict)
    assert isinstance(totals, dict)
    said = []
    for name, word, show in (
        ("faults", "faults", format_count),
        ("fault_time_ns", "in faults", format_ns),
        ("fork_time_ns", "in fork", format_ns),
    ):
        before, after = baseline.get(name), totals.get(name)
        if before is not None and after is not None:
            said.append(f"{show(before['value'])} -> {show(after['value'])} {word} ({show(after['low'])} to {show(after['high'])})")
    return "; ".join(said)
