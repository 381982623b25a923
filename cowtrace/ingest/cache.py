"""Stores of inputs that were given where a store is expected: made once, found again by content."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cowtrace import __version__
from cowtrace.ingest.digest import digest_of, sha256_of
from cowtrace.ingest.discover import default_input, discover, name_files
from cowtrace.ingest.run import ingest
from cowtrace.store.layout import is_store

if TYPE_CHECKING:
    from cowtrace.store.reader import Store


#: Parts of the package that decide what a store holds.
_CODE = ("attribution", "copyup", "ingest", "parsers")


def cache_folder() -> Path:
    """Where cached stores lie: $COWTRACE_CACHE, else cowtrace/ in the user's cache folder, else in the temporary folder."""
    if chosen := os.environ.get("COWTRACE_CACHE"):
        return Path(chosen)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    try:
        folder = base / "cowtrace"
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    except OSError:
        return Path(tempfile.gettempdir()) / f"cowtrace-{os.getuid()}"


def resolve(inputs: Sequence[str | os.PathLike[str]], *, quiet: bool = False, confidential: bool = False) -> Store:
    """The store that inputs stand for.

    Args:
        inputs: One store; or recordings and snapshots, which are ingested into the cache first; or nothing: the recording that
            lies in the current folder.
        quiet: No progress bar.
        confidential: A copy in which names are hashed with this user's key; made anew each time.

    Raises:
        InputError, UsageError, StoreError: As ``ingest`` and ``Store``.
    """
    if confidential:
        from cowtrace.store.confidential import confidential_copy, local_key

        store = resolve(inputs, quiet=quiet)
        target = cache_folder() / f"confidential-{digest_of([('store', str(store.path.resolve()))])[:24]}"
        return confidential_copy(store, target, local_key(cache_folder()), force=True)
    # heavy imports, in which an ingest that is called for itself hashes already
    from cowtrace.schema import SCHEMA_VERSION
    from cowtrace.store.reader import Store

    paths = [Path(path) for path in inputs] or [default_input(Path())]
    if len(paths) == 1 and paths[0].is_dir() and is_store(paths[0]):
        return Store(paths[0])
    found = discover(paths)
    files = [*found.recordings, *found.snapshots]
    digests = {path: sha256_of(path) for path in files}
    beside = [*(folder / "recording.json" for folder in found.record_folders), *name_files(found)]
    notes = [(str(path), sha256_of(path)) for path in beside]
    # names matter beside contents: they say pid and time of a snapshot, and appear in reports
    key = digest_of([("cowtrace", f"{__version__}/{SCHEMA_VERSION}/{_code_state()}"), *((str(p), digests[p]) for p in files), *notes])
    target = cache_folder() / key[:32]
    if is_store(target):
        return Store(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    return ingest(inputs=paths, store=target, force=True, quiet=quiet, digests=digests)


def _code_state() -> str:
    """Newest change of the package's own files: a cache made by other code is not used again."""
    root = Path(__file__).resolve().parent.parent
    return str(max((file.stat().st_mtime_ns for part in _CODE for file in (root / part).rglob("*.py")), default=0))
