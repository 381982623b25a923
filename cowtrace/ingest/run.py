"""The whole ingest, from paths to a finished store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cowtrace.errors import InputError, UsageError
from cowtrace.ingest.digest import Digests
from cowtrace.ingest.discover import Found, discover

if TYPE_CHECKING:
    from cowtrace.store.reader import Store

_RECORDING_JSON_MAX_BYTES = 16 << 20


def ingest(
    inputs: Sequence[str | PathLike[str]],
    store: str | PathLike[str],
    *,
    force: bool = False,
    quiet: bool = False,
    digests: dict[Path, str] | None = None,
) -> Store:
    """Read recordings and snapshots into a store.

    Args:
        inputs: perf.data files or folders, smaps/vmstat/meminfo snapshots, folders of them, folders made by ``cowtrace record``.
        store: The store folder to make.
        force: Replace an existing store.
        quiet: No progress bar.
        digests: SHA-256 of inputs that are known already.

    Returns:
        The finished store.

    Raises:
        InputError: No input can be read at all.
        UsageError: The store exists, or nothing was given.
    """  # fmt: skip
    if not inputs:
        raise UsageError("nothing to ingest; name a recording")
    found = discover([Path(path) for path in inputs])
    target = Path(store)
    paths = [*found.recordings, *found.snapshots]
    with Digests(path for path in paths if path not in (digests or {})) as hashing:
        # these take 0.3 s to import, in which the inputs can be hashed already
        from cowtrace.ingest.manifest import manifest
        from cowtrace.ingest.tables import write_sources, write_tables
        from cowtrace.store.reader import Store
        from cowtrace.store.writer import StoreWriter

        with StoreWriter(target, force=force) as writer:
            entries = write_tables(found, writer, quiet=quiet)
            sums = {**(digests or {}), **hashing.results()}
            for entry, path in zip(entries, paths, strict=True):
                entry["sha256"] = sums[path]
            write_sources(writer, entries)
            writer.finish(manifest(entries, _record_facts(found)))
    return Store(target)


def _record_facts(found: Found) -> dict[str, Any] | None:
    """What ``cowtrace record`` wrote about the first folder it made."""
    for folder in found.record_folders:
        file = folder / "recording.json"
        try:
            if file.stat().st_size > _RECORDING_JSON_MAX_BYTES:
                raise InputError(file, f"{file.stat().st_size} bytes, expected a few KiB of JSON")
            facts = json.loads(file.read_text("utf-8"))
        except (ValueError, OSError) as error:
            raise InputError(file, f"not readable as JSON ({error})", hint="remove it to read the recording without it") from None
        return facts if isinstance(facts, dict) else None
    return None
