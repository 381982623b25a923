"""Options of the commands that show names of code: where files are looked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from cowtrace.symbols import Sources

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--symfs", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder that holds the recorded host's files."
    ),
    click.option(
        "--symbols-from",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        multiple=True,
        help="File made by perf archive; can be repeated.",
    ),
    click.option(
        "--perf-map",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        multiple=True,
        help="Folder with perf-PID.map files of just-in-time compilers, such as /tmp; can be repeated.",
    ),
)


def symbol_options(function: Function) -> Function:
    """Add ``symfs``, ``symbols_from`` and ``perf_map`` to a command's parameters; see ``symbol_sources``."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def symbol_sources(symfs: Path | None, symbols_from: tuple[Path, ...], perf_map: tuple[Path, ...]) -> Sources:
    """What the options say, for ``cowtrace.symbols``."""
    from cowtrace.symbols import Sources

    return Sources(symfs=symfs, archives=symbols_from, perf_maps=perf_map)
