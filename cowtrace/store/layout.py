"""Where things lie in a store folder.

STORE/manifest.json       written last: a folder without it is not a store
STORE/<table>.parquet     one file per table, all tables always present
"""

from __future__ import annotations

from pathlib import Path

MANIFEST = "manifest.json"


def table_path(store: Path, table: str) -> Path:
    """The Parquet file of a table."""
    return store / f"{table}.parquet"


def is_store(path: Path) -> bool:
    """True when the folder holds a finished store."""
    return (path / MANIFEST).is_file()
