"""From a mapped file of the recording to its code and names here: never a file of another build."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cowtrace.symbols.elf import Elf, NotElf
from cowtrace.symbols.files import Identity, Opened, open_regular
from cowtrace.symbols.sources import Sources
from cowtrace.symbols.symtab import has_symtab

_CRC_BLOCK_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Dso:
    """A mapped file as the recording knows it.

    Attributes:
        path: As recorded.
        build_id: Hex; None when not recorded.
        inode: None when not recorded.
        text_pgoff: Lowest file offset that was mapped executable.
    """

    path: str
    build_id: str | None = None
    inode: int | None = None
    text_pgoff: int = 0


@dataclass(slots=True)
class Found:
    """What there is of a Dso.

    Attributes:
        code: The file itself: says where offsets lie.
        names: The file with the best symbol table; may be ``code``.
        identities: Of the files used, for caches; the last one is that of ``names``.
        note: Why something is missing, for people; "" when nothing is.
    """

    code: Elf | None = None
    names: Elf | None = None
    identities: list[Identity] = field(default_factory=list)
    note: str = ""


class Shelf(Protocol):
    """Anything that may hold files by build-id: an archive, a server."""

    def fetch(self, build_id: str, kind: str) -> Path | None:
        """A file of kind ``executable`` or ``debuginfo`` on this machine; None without."""
        ...


class Finder:
    """Looks for files.

    Args:
        sources: Where.
        shelves: Asked by build-id: those of ``near`` before, those of ``far`` after everything on this machine.
        same_host: The recording was made on this machine, so that a path without build-id may mean the same file.
    """

    def __init__(self, sources: Sources, near: list[Shelf], far: list[Shelf], *, same_host: bool) -> None:
        self._sources = sources
        self._near, self._far = near, far
        self._same_host = same_host

    def find(self, dso: Dso) -> Found:
        """Code and names of a mapped file; ``note`` says why there are none."""
        found = Found()
        refusals: list[str] = []
        for path in self._code_paths(dso):
            opened = open_regular(path)
            if opened is None:
                continue
            refusal = self._accept(dso, opened, found)
            if refusal:
                refusals.append(refusal)
            if found.code is not None:
                break
        if found.code is None or not has_symtab(found.code):
            self._add_debug_file(dso, found)
        if found.code is None and found.names is None:
            found.note = refusals[0] if refusals else "no such file here" if dso.build_id or self._same_host else _NO_BUILD_ID
        found.names = found.names or found.code
        return found

    def _accept(self, dso: Dso, opened: Opened, found: Found) -> str:
        """Take a file as the code, or say why not."""
        try:
            elf = Elf(opened.data)
        except NotElf as error:
            return f"{opened.path}: {error}"
        if dso.build_id is not None and elf.build_id != dso.build_id:
            return f"{opened.path} has build-id {elf.build_id or '(none)'}, the recording {dso.build_id}: not used"
        if dso.build_id is None and not self._may_be_same(dso, opened):
            return f"{opened.path} may be another file than the recorded one (no build-id in the recording): not used"
        found.code = elf
        found.identities.append(opened.identity)
        return ""

    def _may_be_same(self, dso: Dso, opened: Opened) -> bool:
        if self._sources.symfs is not None and opened.path.is_relative_to(self._sources.symfs):
            return True
        return self._same_host and dso.inode in (None, opened.inode)

    def _code_paths(self, dso: Dso) -> Iterator[Path]:
        inside = dso.path.lstrip("/")
        if dso.build_id is not None:
            yield from (path for shelf in self._near if (path := shelf.fetch(dso.build_id, "executable")) is not None)
        if dso.path.startswith("/"):
            if self._sources.symfs is not None:
                yield self._sources.symfs / inside
            yield Path(dso.path)
        if dso.build_id is not None:
            yield self._sources.build_id_cache / ".build-id" / dso.build_id[:2] / dso.build_id[2:] / "elf"
            yield self._sources.build_id_cache / ".build-id" / dso.build_id[:2] / dso.build_id[2:]  # before perf 4.12: the file itself
            yield from (path for shelf in self._far if (path := shelf.fetch(dso.build_id, "executable")) is not None)

    def _add_debug_file(self, dso: Dso, found: Found) -> None:
        build_id = dso.build_id or (found.code.build_id if found.code is not None else None)
        link = found.code.debuglink if found.code is not None else None
        for path in self._debug_paths(dso, build_id, link[0] if link is not None else None):
            opened = open_regular(path)
            if opened is None:
                continue
            try:
                elf = Elf(opened.data)
            except NotElf:
                continue
            same = elf.build_id == build_id if build_id is not None else link is not None and _crc32(opened) == link[1]
            if same and has_symtab(elf):
                found.names = elf
                found.identities.append(opened.identity)
                return

    def _debug_paths(self, dso: Dso, build_id: str | None, link: str | None) -> Iterator[Path]:
        folder, inside = Path(dso.path).parent, Path(dso.path.lstrip("/")).parent
        roots = [root for root in (self._sources.symfs, Path("/")) if root is not None]
        if build_id is not None:
            yield from (path for shelf in self._near if (path := shelf.fetch(build_id, "debuginfo")) is not None)
            for root in roots:
                yield root / self._sources.debug_folder.relative_to("/") / ".build-id" / build_id[:2] / f"{build_id[2:]}.debug"
            cached = self._sources.build_id_cache / ".build-id" / build_id[:2] / build_id[2:]
            yield from (cached / "debug", cached / "elf")  # the cache may have seen the file before it was stripped
        if link is not None and folder.is_absolute():
            for root in roots:
                yield root / inside / link
                yield root / inside / ".debug" / link
                yield root / self._sources.debug_folder.relative_to("/") / inside / link
        if build_id is not None:
            yield from (path for shelf in self._far if (path := shelf.fetch(build_id, "debuginfo")) is not None)


_NO_BUILD_ID = "the recording has no build-id for it and comes from another host; --symfs DIR names that host's files"


def _crc32(opened: Opened) -> int:
    value = 0
    for start in range(0, len(opened.data), _CRC_BLOCK_BYTES):
        value = zlib.crc32(opened.data[start : start + _CRC_BLOCK_BYTES].data, value)
    return value
