"""``cowtrace backtest``: a prediction judged by a rerun."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cowtrace.errors import UsageError
from cowtrace.recording.levels import DEFAULT_LEVEL, LEVELS
from cowtrace.text import printable

DEFAULT_FOLDER = "cowtrace.backtest"


@click.command(context_settings={"allow_interspersed_args": False})
@click.option(
    "--what-if", "what_if", metavar="KNOB=VALUE", multiple=True, help="The change: thp=, mthp=, ksm=off, fault_around=. Repeatable."
)
@click.option(
    "--repeat", type=click.IntRange(1, 100), default=3, show_default=True, help="Runs under each setting; two and more show noise."
)
@click.option("--level", type=click.Choice(list(LEVELS)), default=DEFAULT_LEVEL, show_default=True, help="How much to record.")
@click.option(
    "-o", "--output", "folder", type=click.Path(path_type=Path), default=DEFAULT_FOLDER, show_default=True, help="Folder to write."
)
@click.option("--force", is_flag=True, help="Replace the folder when it is a back-test.")
@click.option("--format", "form", type=click.Choice(["text", "md", "json"]), default="text", show_default=True, help="How to print it.")
@click.argument("argv", metavar="[--] COMMAND...", nargs=-1, type=click.UNPROCESSED)
def command(
    what_if: tuple[str, ...], repeat: int, level: str, folder: Path, force: bool, form: str, argv: tuple[str, ...]
) -> None:  # fmt: skip
    """Predict a what-if, run the command under it, print both side by side.

    Records COMMAND under the present settings, predicts what the change would do, makes the change on this host, records COMMAND again,
    and shows predicted, measured, error and noise for each measure and process. The settings are put back whatever happens; after kill -9
    every cowtrace command says how. Needs root, and a COMMAND that does the same work in every run. Its output goes to stderr, its
    input is empty.

    The folder keeps a store of every run (before.1, after.1, ...) and backtest.json.

    \b
    Examples:
      cowtrace backtest --what-if thp=always -- ./batch-job
      cowtrace backtest --what-if thp=never --repeat 5 --format md -- make
      cowtrace backtest --what-if mthp=64k:always --format json -- ./server --once | jq .covered
    """
    from cowtrace.backtest.session import BackTestRequest, back_test
    from cowtrace.backtest.text import RENDERERS
    from cowtrace.recording.host import this_host

    if not what_if:
        raise UsageError("no change to test: give --what-if KNOB=VALUE, such as --what-if thp=never")
    if not argv:
        raise UsageError("nothing to run: give a COMMAND (cowtrace backtest --what-if thp=never -- make)")
    test = back_test(BackTestRequest(what_if, argv, repeat, level, folder, force), this_host(), _say)
    click.echo(RENDERERS[form](test), nl=False)
    _say(f"Wrote {folder}")


def _say(line: str) -> None:
    print(f"cowtrace: {printable(line)}", file=sys.stderr, flush=True)
