"""The entry point: finds the command, turns deliberate errors into one line and an exit code.

Only click is imported up front; a command's module, and with it duckdb, polars and pyarrow, is loaded when it is called.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import sys
from typing import Any, NoReturn

import click

from cowtrace import __version__
from cowtrace.commands import REGISTRY
from cowtrace.errors import CowtraceError, unknown_name
from cowtrace.text import printable


class _ReaderGone(Exception):
    """The reader of our output (head, less) has closed it."""


class LazyGroup(click.Group):
    """A group whose commands are imported at their first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(REGISTRY)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in REGISTRY:
            return None
        command: click.Command = importlib.import_module(f"cowtrace.commands.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        _warn_of_settings_left()
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            # click would exit with 1, which here says that something was found
            raise _ReaderGone from error

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in REGISTRY and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise unknown_name("command", args[0], REGISTRY)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(REGISTRY.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="cowtrace")
def cli() -> None:
    """What did copy-on-write, huge pages and overlay copy-up cost this workload?

    \b
    Examples:
      cowtrace report perf.data                 the bill of a recording that you already have
      cowtrace record -- make -j4               record a command (writes cowtrace.rec)
      cowtrace report                           the bill of cowtrace.rec, perf.data or trace.dat here
    \b
    Shell completion:  eval "$(_COWTRACE_COMPLETE=bash_source cowtrace)"      (zsh_source, fish_source)
    """


def main(argv: list[str] | None = None) -> Any:
    """Run the command line and exit: 0 fine, 1 a finding to fail on, 2 usage or input error, 130 interrupted."""
    # the big libraries make a million objects that live to the end: looking for garbage among them takes 0.1 s of every run
    gc.set_threshold(100_000, 50, 100)
    try:
        code = cli.main(argv, prog_name="cowtrace", standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except CowtraceError as error:
        _fail(str(error), error.exit_code)
    except click.ClickException as error:
        _fail(error.format_message(), 2)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted; nothing was left half-written", 130)
    except (BrokenPipeError, _ReaderGone):
        # not an error, but Python would complain again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        place = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
        _fail(f"{place}{error.strerror or error}", 2)


def _warn_of_settings_left() -> None:
    """A backtest that was killed could not put its settings back: say so until somebody does."""
    if not os.path.exists("/run/cowtrace-settings.json"):
        return
    from cowtrace.recording.held import left_turned
    from cowtrace.recording.host import this_host

    for one in left_turned(this_host()):
        what = f"a cowtrace that was killed left /{one.path} at {one.value}; put it back: {one.undo}"
        print(f"cowtrace: warning: {printable(what)}", file=sys.stderr)


def run() -> NoReturn:
    """``main``, after which the process ends at once: taking a million objects apart one by one would need another 0.1 s."""
    try:
        main()
    except SystemExit as done:
        code = done.code
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int) -> None:
    print(f"cowtrace: error: {printable(' '.join(message.split()))}", file=sys.stderr)
    sys.exit(code)
