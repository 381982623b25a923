"""Files of the recorded host, packed by ``perf archive``: its build-id cache as a tar (tools/perf/perf-archive.sh)."""

from __future__ import annotations

import os
import tarfile
import zlib
from lzma import LZMAError
from pathlib import Path

from cowtrace.errors import InputError
from cowtrace.symbols.cache import download_folder

#: Of one packed file; the largest programs with debug information are a few GiB.
_MAX_FILE_BYTES = 8 << 30
_COPY_BYTES = 4 << 20
#: Name of a file in the cache's folder of one build-id, and what it is.
_KINDS = {"elf": "executable", "debug": "debuginfo", "kallsyms": "kallsyms", "vdso": "vdso"}


class Archive:
    """One archive; the files of wanted builds are unpacked once, under names of our own.

    Args:
        path: The archive.
        wanted: Build-ids that matter; everything else stays packed.

    Raises:
        InputError: The file is no archive, or cut short.
    """

    def __init__(self, path: Path, wanted: frozenset[str]) -> None:
        self.found: dict[tuple[str, str], Path] = {}
        if not path.is_file():
            raise InputError(path, "not a regular file", hint="name what perf archive wrote (perf.data.tar.bz2)")
        try:
            with tarfile.open(path, "r|*") as packed:
                for member in packed:
                    self._take(packed, member, wanted)
        except (tarfile.TarError, EOFError, OSError, zlib.error, LZMAError) as error:
            raise InputError(
                path, f"not readable as an archive ({error})", hint="name what perf archive wrote (perf.data.tar.bz2)"
            ) from None

    def fetch(self, build_id: str, kind: str) -> Path | None:
        """See ``Shelf``."""
        return self.found.get((build_id, kind))

    def _take(self, packed: tarfile.TarFile, member: tarfile.TarInfo, wanted: frozenset[str]) -> None:
        parts = member.name.split("/")
        # <path of the file>/<build-id>/elf; before perf 4.12 <path of the file>/<build-id>
        build_id, kind = (parts[-2], _KINDS.get(parts[-1])) if len(parts) > 1 and parts[-2] in wanted else (parts[-1], "executable")
        if build_id not in wanted or kind is None or not member.isfile() or member.size > _MAX_FILE_BYTES:
            return
        target = download_folder() / build_id / kind
        self.found[build_id, kind] = target
        if target.is_file() and target.stat().st_size == member.size:
            return
        source = packed.extractfile(member)
        if source is None:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{kind}.{os.getpid()}.partial")
        try:
            with partial.open("wb") as file:
                while block := source.read(_COPY_BYTES):
                    file.write(block)
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)
