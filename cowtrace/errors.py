"""The errors that cowtrace raises on purpose; anything else that escapes is a bug.

    CowtraceError
    ├── UsageError        the request can't be carried out as asked (unknown name, missing input, existing output)
    ├── InputError        a file can't be read: foreign, damaged, cut short
    │   └── TruncatedError  ... because it ends too early; what came before was kept
    ├── StoreError        a folder is not a store, or one of another schema version
    ├── HostError         this host lacks a tool, a right or a kernel feature
    └── FindingError      something the user asked to fail on was found (exit code 1)

Every message is one line: what, where, expected, found, next step.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from os import PathLike, fspath


class CowtraceError(Exception):
    """Base of all deliberate errors. ``exit_code`` is what the command line exits with."""

    exit_code = 2


class UsageError(CowtraceError):
    """The request can't be carried out as asked."""


class StoreError(CowtraceError):
    """A folder is not a usable store."""


class HostError(CowtraceError):
    """This host lacks a tool, a right or a kernel feature."""


class FindingError(CowtraceError):
    """A finding that the user asked to fail on."""

    exit_code = 1


class InputError(CowtraceError):
    """A file can't be read.

    Args:
        path: The file.
        problem: What was expected and what was found, without a final full stop.
        offset: Byte offset of the problem, when it has one.
        hint: The next step for the user.
    """

    def __init__(self, path: str | PathLike[str], problem: str, *, offset: int | None = None, hint: str | None = None) -> None:
        self.path = fspath(path)
        self.problem = problem
        self.offset = offset
        self.hint = hint
        where = f" at byte {offset}" if offset is not None else ""
        tail = f"; {hint}" if hint else ""
        super().__init__(f"{self.path}{where}: {problem}{tail}")


class TruncatedError(InputError):
    """A file ends before something that it promised."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """A ``UsageError`` for a name that does not exist, listing the nearest and the known ones."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    guess = f"did you mean {' or '.join(near)}? " if near else ""
    return UsageError(f"unknown {kind} {name!r}: {guess}known: {', '.join(names)}")
