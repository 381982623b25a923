"""The parts of an ELF file that names need: program headers, sections, build-id, link to a debug file. Source: include/uapi/linux/elf.h.

Every offset and size is checked against the file before use; what does not fit is treated as absent.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cowtrace.symbols.files import Bytes

PT_LOAD, PT_NOTE, PF_X = 1, 4, 1
SHT_SYMTAB, SHT_NOTE, SHT_NOBITS, SHT_DYNSYM = 2, 7, 8, 11
SHF_COMPRESSED = 0x800
_NT_GNU_BUILD_ID = 3
_ET = (2, 3)  # ET_EXEC, ET_DYN; relocatable files and cores have no addresses that a mapping could have
#: More sections or segments than this is no program; the kernel itself takes at most 64 KiB of program headers.
_MAX_HEADERS = 1 << 16
_MAX_NOTE_BYTES = 1 << 20


class NotElf(Exception):
    """The bytes are not an ELF program or library, or its headers lie; the message says which."""


@dataclass(frozen=True, slots=True)
class Section:
    """One section header."""

    name: str
    type: int
    flags: int
    addr: int
    offset: int
    size: int
    link: int
    entsize: int


class Elf:
    """Headers of an ELF program, library or debug file of any class and byte order.

    Args:
        data: The whole file, mapped.

    Raises:
        NotElf: Wrong magic, a kind of file without addresses, or headers outside the file.
    """

    def __init__(self, data: Bytes) -> None:
        head = data[:64].tobytes()
        if len(head) < 52 or head[:4] != b"\x7fELF" or head[4] not in (1, 2) or head[5] not in (1, 2):
            raise NotElf("not an ELF file")
        self.data = data
        self.is_64 = head[4] == 2
        self.order = "<" if head[5] == 1 else ">"
        if self.is_64 and len(head) < 64:
            raise NotElf("ELF header cut short")
        if self._number(head, 16, "H") not in _ET:
            raise NotElf("neither a program nor a library")
        layout = "QQIHHHHHH" if self.is_64 else "IIIHHHHHH"
        phoff, shoff, _, _, phentsize, phnum, shentsize, shnum, shstrndx = struct.unpack_from(
            self.order + layout, head, 32 if self.is_64 else 28
        )
        #: Rows of (type, flags, offset, vaddr, filesz, memsz): int64[n, 6], loadable and note segments.
        self.segments = self._segments(phoff, phentsize, phnum)
        self.sections = self._sections(shoff, shentsize, shnum, shstrndx)

    @staticmethod
    def _clip(start: int, size: int, limit: int) -> bool:
        return start >= 0 and size >= 0 and start + size <= limit

    def _number(self, raw: bytes, offset: int, code: str) -> int:
        value: int = struct.unpack_from(self.order + code, raw, offset)[0]
        return value

    def _records(self, offset: int, stride: int, count: int, dtype: np.dtype[Any]) -> Any:
        if count > _MAX_HEADERS or stride < dtype.itemsize or not self._clip(offset, stride * count, len(self.data)):
            raise NotElf("headers lie outside the file")
        block = self.data[offset : offset + stride * count].reshape(count, stride)[:, : dtype.itemsize]
        return np.ascontiguousarray(block).view(dtype)[:, 0]

    def _segments(self, offset: int, stride: int, count: int) -> Any:
        if not count or not offset:
            return np.empty((0, 6), np.int64)
        names, codes = (
            (("type", "flags", "offset", "vaddr", "paddr", "filesz", "memsz"), "IIQQQQQ")
            if self.is_64
            else (("type", "offset", "vaddr", "paddr", "filesz", "memsz", "flags"), "IIIIIII")
        )
        rows = self._records(offset, stride, count, self._dtype(names, codes))
        columns = [rows[name].astype(np.uint64).view(np.int64) for name in ("type", "flags", "offset", "vaddr", "filesz", "memsz")]
        table = np.stack(columns, axis=1)
        sane = (table[:, 2:] >= 0).all(axis=1) & (table[:, 2] < 1 << 62) & (table[:, 3] < 1 << 62) & (table[:, 5] < 1 << 62)
        return table[sane]

    def _sections(self, offset: int, stride: int, count: int, names_at: int) -> list[Section]:
        if not offset:
            return []
        fields = ("name", "type", "flags", "addr", "offset", "size", "link", "info", "addralign", "entsize")
        dtype = self._dtype(fields, "IIQQQQIIQQ" if self.is_64 else "IIIIIIIIII")
        try:
            if count == 0:  # more than 65,279 sections: the count stands in the first one
                count = int(self._records(offset, stride, 1, dtype)[0]["size"])
            rows = self._records(offset, stride, count, dtype)
        except NotElf:
            return []  # a file cut at its end, or stripped of section headers: segments still serve
        if names_at == 0xFFFF and len(rows):
            names_at = int(rows[0]["link"])
        names = b""
        if names_at < len(rows):
            start, size = int(rows[names_at]["offset"]), int(rows[names_at]["size"])
            names = self.data[start : start + size].tobytes() if self._clip(start, size, len(self.data)) and size < 1 << 24 else b""
        found = []
        for row in rows:
            begin = int(row["name"])
            name = names[begin : names.find(b"\0", begin)] if begin < len(names) else b""
            numbers = (int(row[key]) for key in ("type", "flags", "addr", "offset", "size", "link", "entsize"))
            found.append(Section(name.decode("ascii", "replace"), *numbers))
        return found

    def _dtype(self, names: tuple[str, ...], codes: str) -> np.dtype[Any]:
        return np.dtype([(name, f"{self.order}u{8 if code == 'Q' else 4}") for name, code in zip(names, codes, strict=True)])

    def section(self, name: str) -> Section | None:
        """The first section of a name."""
        return next((section for section in self.sections if section.name == name), None)

    def content(self, section: Section, limit: int | None = None) -> Bytes:
        """Bytes of a section; empty when it has none, lies outside the file, is compressed, or is longer than ``limit``."""
        nothing = self.data[:0]
        if section.type == SHT_NOBITS or section.flags & SHF_COMPRESSED or not self._clip(section.offset, section.size, len(self.data)):
            return nothing
        if limit is not None and section.size > limit:
            return nothing
        return self.data[section.offset : section.offset + section.size]

    @cached_property
    def build_id(self) -> str | None:
        """The GNU build-id as hex, from note sections or note segments; None without one."""
        places = [(section.offset, section.size) for section in self.sections if section.type == SHT_NOTE]
        places += [(int(row[2]), int(row[4])) for row in self.segments if row[0] == PT_NOTE]
        for offset, size in places:
            if self._clip(offset, size, len(self.data)) and size <= _MAX_NOTE_BYTES:
                found = note_build_id(self.data[offset : offset + size].tobytes(), self.order)
                if found is not None:
                    return found
        return None

    @cached_property
    def debuglink(self) -> tuple[str, int] | None:
        """Name and CRC-32 of the separate debug file; None without a sane ``.gnu_debuglink``."""
        section = self.section(".gnu_debuglink")
        raw = self.content(section, 4096).tobytes() if section is not None else b""
        end = raw.find(b"\0")
        place = (end + 4) & ~3
        if end <= 0 or place + 4 > len(raw):
            return None
        name = raw[:end].decode("utf-8", "surrogateescape")
        return None if "/" in name or name in (".", "..") else (name, self._number(raw, place, "I"))

    def vaddr(self, offset: Any) -> Any:
        """File offsets as virtual addresses of the file: int64[n]; -1 where no executable segment has them."""
        result = np.full(len(offset), -1, np.int64)
        loads = self.segments[(self.segments[:, 0] == PT_LOAD) & ((self.segments[:, 1] & PF_X) != 0)]
        for _, _, start, vaddr, file_bytes, _ in loads.tolist():
            inside = (offset >= start) & (offset < start + file_bytes)
            result[inside] = offset[inside] - start + vaddr
        return result

    def vaddr_without_file(self, offset: Any, text_pgoff: int) -> Any:
        """The same for a debug file, whose segments no longer say where the code lay in the file that was mapped.

        With a single executable segment, that is what was mapped from ``text_pgoff`` on; with several nothing is known: -1.
        """
        loads = self.segments[(self.segments[:, 0] == PT_LOAD) & ((self.segments[:, 1] & PF_X) != 0)]
        if len(loads) != 1:
            return np.full(len(offset), -1, np.int64)
        return offset - text_pgoff + (int(loads[0, 3]) & ~4095)


def note_build_id(raw: bytes, order: str = "<") -> str | None:
    """The build-id in a run of ELF notes: {u32 name size, u32 size, u32 type, name, bytes}, each padded to 4."""
    place = 0
    while place + 12 <= len(raw):
        name_bytes, size, kind = struct.unpack_from(order + "III", raw, place)
        start = place + 12 + ((name_bytes + 3) & ~3)
        if kind == _NT_GNU_BUILD_ID and raw[place + 12 : place + 16] == b"GNU\0" and 0 < size <= 64 and start + size <= len(raw):
            return raw[start : start + size].hex()
        place = start + ((size + 3) & ~3)
    return None
