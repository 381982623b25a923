"""Content digests of inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

_BLOCK_BYTES = 4 << 20


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents below a folder, as hex."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return digest_of([(str(file.relative_to(path)), sha256_of(file)) for file in files])
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def digest_of(parts: Sequence[tuple[str, str]]) -> str:
    """One digest of named digests."""
    digest = hashlib.sha256()
    for name, value in parts:
        digest.update(f"{len(name)}:{name}={value};".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
