"""The command line as a user meets it: arguments in; exit code, standard output and standard error out."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cowtrace.cli import main


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str


def cowtrace(capfd: pytest.CaptureFixture[str], *arguments: object) -> Ran:
    """Run ``cowtrace ARGUMENTS`` in this process; output is captured at the file descriptors."""
    capfd.readouterr()
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    captured = capfd.readouterr()
    assert isinstance(exit_.value.code, int)
    return Ran(exit_.value.code, captured.out, captured.err)
