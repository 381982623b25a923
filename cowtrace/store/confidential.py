"""A copy of a store that can be given away: names of programs, files and hosts replaced by keyed hashes, the numbers as they are.

The same name always gets the same hash, here and in every copy made with the same key, so that copies can still be compared. Without
the key nobody can find a name by hashing guesses.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cowtrace.errors import StoreError
from cowtrace.schema import TABLES
from cowtrace.store.layout import table_path
from cowtrace.store.reader import Store
from cowtrace.store.writer import StoreWriter

#: Texts that the kernel and cowtrace choose. Every other text of a store is private: a new column is so until it stands here.
PUBLIC = frozenset(
    {
        "kind", "possible_kinds", "evidence", "fork_side", "how", "perms", "dev", "vma_kind", "call", "form", "vm_flags",
        "trigger", "function", "parent", "source", "reason", "event", "name", "type_name", "format", "type", "file_type", "matched_by",
    }
)  # fmt: skip
#: Paths that are no files.
_PSEUDO = frozenset({"[heap]", "[stack]", "[vdso]", "[vvar]", "[vvar_vclock]", "[vsyscall]", "[uprobes]", "//anon", "/dev/zero (deleted)"})
#: Facts of a source that name nobody.
_FACTS = frozenset(
    {
        "source_id", "format", "size_bytes", "recorder", "kernel_release", "arch", "page_size", "cpu_desc", "cpu_count",
        "total_mem_bytes", "clock", "first_ns", "last_ns", "records_read", "records_unknown", "records_damaged", "bytes_unread",
        "records_by_type", "lost_events", "lost_samples", "events",
    }
)  # fmt: skip
_BATCH_ROWS = 1 << 18


def confidential_copy(store: Store, target: Path, key: bytes, *, force: bool = False) -> Store:
    """Write the copy.

    Args:
        store: The original.
        target: Folder to make.
        key: Secret; see ``local_key``.
        force: Replace an existing store.

    Raises:
        StoreError: A table of the original can't be read.
        UsageError: The target exists.
    """
    with StoreWriter(target, force=force) as writer:
        for name in TABLES:
            path = table_path(store.path, name)
            if not path.is_file():
                continue
            try:
                for batch in pq.ParquetFile(path).iter_batches(_BATCH_ROWS):
                    writer.table(name).write(_hashed(batch, key))
            except (pa.ArrowException, OSError) as error:
                raise StoreError(f"{path}: unreadable ({error})") from None
        writer.finish(_manifest(store.manifest, key))
    return Store(target)


def local_key(folder: Path) -> bytes:
    """This user's key, made at its first use: copies of one user stay comparable with each other, and with nobody else's.

    Args:
        folder: Where it is kept, readable by the user alone.
    """
    path = folder / "confidential.key"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
    except FileExistsError:
        pass
    return path.read_bytes()


def hash_name(name: str, column: str, key: bytes) -> str:
    """``('redis-server', 'comm', key) -> 'comm-5f1c09ab37'``; names of no file, such as ``[heap]``, stay."""
    if not name or name in _PSEUDO:
        return name
    return f"{column}-{hmac.new(key, f'{column}:{name}'.encode('utf-8', 'surrogateescape'), hashlib.sha256).hexdigest()[:10]}"


def _hashed(batch: pa.RecordBatch, key: bytes) -> pa.Table:
    columns = [_column(batch.column(number), field, key) for number, field in enumerate(batch.schema)]
    return pa.table(columns, schema=batch.schema)


def _column(array: pa.Array, field: pa.Field, key: bytes) -> pa.Array:
    if pa.types.is_binary(field.type):
        return pa.array([b""] * len(array), field.type)
    if field.name in PUBLIC:
        return array
    if pa.types.is_dictionary(field.type):
        return pa.DictionaryArray.from_arrays(array.indices, _each(array.dictionary, field.name, key))
    return _each(array, field.name, key) if pa.types.is_string(field.type) else array


def _each(names: Iterable[pa.Scalar], column: str, key: bytes) -> pa.Array:
    texts = (name.as_py() for name in names)
    hashed = [None if text is None else "{}" if column == "facts" else hash_name(text, column, key) for text in texts]
    return pa.array(hashed, pa.string())


def _manifest(manifest: dict[str, Any], key: bytes) -> dict[str, Any]:
    sources = []
    for source in manifest.get("sources") or []:
        kept = {name: value for name, value in source.items() if name in _FACTS}
        kept["path"] = hash_name(str(source.get("path", "")), "path", key)
        kept["hostname"] = hash_name(str(source.get("hostname") or ""), "hostname", key) or None
        notes = source.get("notes") or []
        kept["notes"] = [{"text": "notes that may hold names are left out", "count": len(notes)}] if notes else []
        sources.append(kept)
    host = dict(manifest.get("host") or {})
    host["hostname"] = hash_name(str(host.get("hostname") or ""), "hostname", key) or None
    kept = {name: manifest.get(name) for name in ("schema", "schema_version", "cowtrace_version")}
    return {**kept, "host": host, "sources": sources, "recording": None, "confidential": True}
