"""Symbol tables between runs: one file for each build of a file, beside the cached stores."""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

import numpy as np

from cowtrace.ingest.cache import cache_folder
from cowtrace.symbols.table import SymbolTable

#: Raised when what is kept, or how symbols are chosen, changes.
_FORM = 1
_COLUMNS = ("start", "end", "name_at", "names")


def cached_table(build_id: str, identities: list[tuple[str, int, int, int]]) -> SymbolTable | None:
    """The table that ``keep_table`` kept for these files; None without, or when it is damaged."""
    try:
        with _path(build_id, identities).open("rb") as file, np.load(file, allow_pickle=False) as columns:
            start, end, name_at, names = (columns[name] for name in _COLUMNS)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError):
        return None
    whole = all(column.dtype == np.int64 and column.ndim == 1 and len(column) == len(start) for column in (start, end, name_at))
    return SymbolTable(start, end, name_at, names) if whole and names.dtype == np.uint8 and names.ndim == 1 else None


def keep_table(build_id: str, identities: list[tuple[str, int, int, int]], table: SymbolTable) -> None:
    """Keep a table; a full or read-only disk is no reason to complain."""
    path = _path(build_id, identities)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            np.savez(file, start=table.start, end=table.end, name_at=table.name_at, names=table.names)
        os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)


def download_folder() -> Path:
    """Where files from archives and servers are kept, by build-id."""
    return cache_folder() / "symbols" / "files"


def _path(build_id: str, identities: list[tuple[str, int, int, int]]) -> Path:
    digest = hashlib.sha256(repr((_FORM, sorted(identities))).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return cache_folder() / "symbols" / build_id[:2] / f"{build_id[2:]}-{digest}.npz"
