"""Symbol tables between runs: one file for each build of a file, beside the cached stores."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from cowtrace.ingest.cache import cache_folder
from cowtrace.symbols.files import Identity
from cowtrace.symbols.table import SymbolTable

#: Raised when what is kept, or how symbols are chosen, changes.
_FORM = 1
_COLUMNS = ("start", "end", "name_at", "names")


def cached_table(build_id: str, identities: list[Identity]) -> SymbolTable | None:
    """The table that ``keep_table`` kept for these files; None without, or when it is damaged."""
    try:
        with _path(build_id, identities).open("rb") as file, np.load(file, allow_pickle=False) as columns:
            start, end, name_at, names = (columns[name] for name in _COLUMNS)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError):
        return None
    whole = all(column.dtype == np.int64 and column.ndim == 1 and len(column) == len(start) for column in (start, end, name_at))
    return SymbolTable(start, end, name_at, names) if whole and names.dtype == np.uint8 and names.ndim == 1 else None


def keep_table(build_id: str, identities: list[Identity], table: SymbolTable) -> None:
    """Keep a table; a full or read-only disk is no reason to complain."""
    _write(
        _path(build_id, identities),
        lambda file: np.savez(file, start=table.start, end=table.end, name_at=table.name_at, names=table.names),
    )


def kept_lines(identity: Identity) -> dict[int, list[tuple[str | None, str | None, int | None]]]:
    """Calls at addresses of one file that ``keep_lines`` kept; empty without, or when they are damaged."""
    try:
        kept = json.loads(_lines_path(identity).read_bytes())
        return {int(address): [(name, file, line) for name, file, line in calls] for address, calls in kept.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def keep_lines(identity: Identity, calls: dict[int, list[tuple[str | None, str | None, int | None]]]) -> None:
    """Keep calls at addresses, as ``keep_table`` does."""
    _write(_lines_path(identity), lambda file: file.write(json.dumps(calls).encode()))


def _lines_path(identity: Identity) -> Path:
    digest = hashlib.sha256(repr((_FORM, identity)).encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return cache_folder() / "symbols" / "lines" / f"{digest}.json"


def _write(path: Path, write: Callable[[BinaryIO], object]) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            write(file)
        os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)


def download_folder() -> Path:
    """Where files from archives and servers are kept, by build-id."""
    return cache_folder() / "symbols" / "files"


def _path(build_id: str, identities: list[Identity]) -> Path:
    digest = hashlib.sha256(repr((_FORM, sorted(identities))).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return cache_folder() / "symbols" / build_id[:2] / f"{build_id[2:]}-{digest}.npz"
