"""Where results go: standard output, or a file that appears whole or not at all and never replaces another unasked."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from cowtrace.errors import UsageError


@contextmanager
def binary_output(path: Path | None, *, force: bool = False) -> Iterator[BinaryIO]:
    """A stream for bytes; the file gets its name when the block ends without an error.

    Args:
        path: The file; None for standard output. A device or pipe is written to directly.
        force: Replace an existing file.

    Raises:
        UsageError: The file exists and is not to be replaced, or its folder does not exist.
    """
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    check_output(path, force=force)
    if path.exists() and not path.is_file():
        with path.open("wb") as device:
            yield device
        return
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            yield file
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def text_output(path: Path | None, *, force: bool = False) -> Iterator[TextIO]:
    """The same for text: UTF-8 in files; on standard output what the terminal takes, other characters as escapes."""
    if path is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        yield sys.stdout
        sys.stdout.flush()
        return
    with binary_output(path, force=force) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="\n")
        yield cast(TextIO, text)
        text.detach()


def check_output(path: Path, *, force: bool = False) -> None:
    """Refuse an output early, before the work for it is done.

    Raises:
        UsageError: As ``binary_output``.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; -o names the file to write")
    if path.is_file() and not force:
        raise UsageError(f"{path}: exists; --force overwrites it")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: the folder {path.parent} does not exist")
