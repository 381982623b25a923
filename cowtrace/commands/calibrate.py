"""``cowtrace calibrate``: what faults and forks cost on this host."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from cowtrace.recording.levels import DEFAULT_LEVEL, LEVELS
from cowtrace.text import printable
from cowtrace.units import format_count, format_ns


@click.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the profile here.  [default: where replay looks for it]")
@click.option("--force", is_flag=True, help="Overwrite an existing file of -o.")
@click.option(
    "--level", type=click.Choice(list(LEVELS)), default=DEFAULT_LEVEL, show_default=True, help="Its own cost is part of every time."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print it.")
def command(output: Path | None, force: bool, level: str, form: str) -> None:
    """Measure what faults and forks cost on this host, for predictions.

    A recording prices only the kinds of faults that it holds: one made without huge pages cannot say what a huge page costs here. The
    profile can. Runs a small program that faults and forks in known ways under `cowtrace record`, and keeps the distribution of times
    of each kind, and a fork's time by mappings, pages and huge pages. Takes some ten seconds and needs root; settings that it turns
    (sizes of huge pages, one after the other) are put back.

    Without -o the profile is $COWTRACE_PROFILE or ~/.cache/cowtrace/profile.json, where replay finds it; an older one there is replaced.

    \b
    Examples:
      cowtrace calibrate
      cowtrace calibrate -o db1.json          for recordings of this machine that are replayed elsewhere
      COWTRACE_PROFILE=db1.json cowtrace replay night.rec --what-if thp=always
    """
    from cowtrace.calibration.profile import default_path, write_profile
    from cowtrace.calibration.session import calibrate
    from cowtrace.output import check_output
    from cowtrace.recording.host import this_host

    path = output or default_path()
    if output is None:
        path.parent.mkdir(parents=True, exist_ok=True)
    check_output(path, force=force or output is None)
    profile = calibrate(this_host(), level, _say)
    write_profile(profile, path, force=force or output is None)
    if form == "json":
        click.echo(json.dumps(profile, indent=1))
    else:
        _print(profile)
    _say(f"Wrote {path}")


def _print(profile: dict[str, Any]) -> None:
    click.echo(printable(f"{profile['cpu']}, Linux {profile['kernel']}, recorded at level {profile['level']} (its own cost is inside)"))
    click.echo(f"\n{'fault':<22}{'number':>8}{'p10':>10}{'median':>10}{'p90':>10}{'mean':>10}")
    sizes = {f"mthp_zero {int(size) // 1024} KiB": cost for size, cost in profile["mthp_zero"].items()}
    for name, cost in sorted({**profile["costs"], **sizes}.items()):
        times = "".join(f"{format_ns(cost[key]):>10}" for key in ("p10_ns", "p50_ns", "p90_ns", "mean_ns"))
        click.echo(f"{name:<22}{format_count(cost['n']):>8}{times}")
    fork = profile["fork"]
    each = f"per mapping {fork['ns_per_vma']:.0f} ns, per 4 KiB page {fork['ns_per_pte']:.0f} ns, per huge page {fork['ns_per_pmd']:.0f} ns"
    fits = f"fits {fork['n']} forks within {100 * fork['largest_error']:.0f} %"
    click.echo(f"\nfork {format_ns(round(fork['ns_base']))}, and {each} ({fits})")


def _say(line: str) -> None:
    print(f"cowtrace: {printable(line)}", file=sys.stderr, flush=True)
