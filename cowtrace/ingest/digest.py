"""Content digests of inputs."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType

#: Large pieces, as each has to wait its turn among the threads of Python.
_BLOCK_BYTES = 8 << 20


def sha256_of(path: Path, stopped: Callable[[], bool] = lambda: False) -> str:
    """SHA-256 of a file, or of the names and contents below a folder, as hex; of less than that once ``stopped`` says so."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return digest_of([(str(file.relative_to(path)), sha256_of(file, stopped)) for file in files])
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        block = memoryview(bytearray(min(_BLOCK_BYTES, path.stat().st_size + 1)))
        while (size := stream.readinto(block)) and not stopped():
            digest.update(block[:size])
    return digest.hexdigest()


def digest_of(parts: Sequence[tuple[str, str]]) -> str:
    """One digest of named digests."""
    digest = hashlib.sha256()
    for name, value in parts:
        digest.update(f"{len(name)}:{name}={value};".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


class Digests:
    """SHA-256 of inputs, made in a thread meanwhile. Use as a context manager: leaving it ends the thread.

    Args:
        paths: Files and folders.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = list(paths)
        self._sums: dict[Path, str | None] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cowtrace-hash", daemon=True)

    def __enter__(self) -> Digests:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def results(self) -> dict[Path, str | None]:
        """Wait for all digests; None for what can't be read, of which its reader says more."""
        self._thread.join()
        return self._sums

    def _run(self) -> None:
        for path in self._paths:
            if self._stop.is_set():
                return
            try:
                # reading a FIFO would wait for ever
                self._sums[path] = sha256_of(path, self._stop.is_set) if path.is_file() or path.is_dir() else None
            except OSError:
                self._sums[path] = None
