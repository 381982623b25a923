"""Symbols of an ELF file: ``.symtab``, else ``.dynsym`` with the mini debug information of ``.gnu_debugdata``."""

from __future__ import annotations

import lzma
from typing import Any

import numpy as np

from cowtrace.symbols.elf import PF_X, PT_LOAD, SHT_DYNSYM, SHT_SYMTAB, Elf, NotElf, Section
from cowtrace.symbols.table import Int, SymbolTable, build

_NOTYPE, _FUNC, _GNU_IFUNC = 0, 2, 10
_WEAK, _GLOBAL = 2, 1
_UNDEF, _ABS = 0, 0xFFF1
#: Unpacked mini debug information: Fedora's largest are below 20 MiB.
_MAX_UNPACKED_BYTES = 256 << 20


def read_symbols(elf: Elf) -> SymbolTable | None:
    """Functions and labels in executable segments, by virtual address; None when the file names none."""
    for section in _sections(elf, SHT_SYMTAB):
        rows = _Rows.read(elf, section)
        if rows is not None:
            return rows.table()
    found = [rows for section in _sections(elf, SHT_DYNSYM) if (rows := _Rows.read(elf, section)) is not None]
    mini = _unpacked(elf)
    if mini is not None:
        found += [rows for section in _sections(mini, SHT_SYMTAB) if (rows := _Rows.read(mini, section, code_of=elf)) is not None]
    if not found:
        return None
    return _joined(found).table()


def has_symtab(elf: Elf) -> bool:
    """True when the file has a full symbol table and not only what the dynamic linker needs."""
    return any(True for _ in _sections(elf, SHT_SYMTAB))


def _sections(elf: Elf, kind: int) -> list[Section]:
    return [section for section in elf.sections if section.type == kind and len(elf.content(section))]


class _Rows:
    """Symbols before sorting."""

    def __init__(self, start: Int, size: Int, name_at: Int, rank: Int, names: Any) -> None:
        self.start, self.size, self.name_at, self.rank, self.names = start, size, name_at, rank, names

    def table(self) -> SymbolTable:
        return build(self.start, self.size, self.name_at, self.names, self.rank)

    @classmethod
    def read(cls, elf: Elf, section: Section, code_of: Elf | None = None) -> _Rows | None:
        """Rows of one symbol table whose addresses lie in executable segments (of ``code_of``); None without any."""
        if not 0 <= section.link < len(elf.sections):
            return None
        names = elf.content(elf.sections[section.link])
        fields = (
            [("name", "u4"), ("info", "u1"), ("other", "u1"), ("shndx", "u2"), ("value", "u8"), ("size", "u8")]
            if elf.is_64
            else [("name", "u4"), ("value", "u4"), ("size", "u4"), ("info", "u1"), ("other", "u1"), ("shndx", "u2")]
        )
        dtype = np.dtype([(name, elf.order + code) for name, code in fields])
        raw = elf.content(section)
        if not len(names) or (section.entsize and section.entsize != dtype.itemsize):
            return None
        table = raw[: len(raw) // dtype.itemsize * dtype.itemsize].view(dtype)
        kind, binding = table["info"] & 15, table["info"] >> 4
        defined = (table["name"] != 0) & (table["shndx"] != _UNDEF)
        # labels of hand-written assembly have no type; mapping marks of ARM ($x, $d) say nothing
        wanted = defined & ((kind == _FUNC) | (kind == _GNU_IFUNC) | ((kind == _NOTYPE) & (table["shndx"] != _ABS)))
        wanted &= table["name"] < len(names)
        table = table[wanted]
        start = table["value"].astype(np.uint64).view(np.int64)
        if not len(start):
            return None
        marks = (names[table["name"]] == ord("$")) & (kind[wanted] == _NOTYPE)
        inside = _in_code(code_of or elf, start) & ~marks
        binding = binding[wanted][inside]
        rank = np.where(binding == _WEAK, 2, np.where(binding == _GLOBAL, 0, 1)).astype(np.int64)
        size = np.minimum(table["size"][inside].astype(np.uint64), 1 << 61).astype(np.int64)
        return cls(start[inside], size, table["name"][inside].astype(np.int64), rank, names) if inside.any() else None


def _joined(found: list[_Rows]) -> _Rows:
    if len(found) == 1:
        return found[0]
    offsets = np.cumsum([0, *(len(rows.names) for rows in found)])
    return _Rows(
        np.concatenate([rows.start for rows in found]),
        np.concatenate([rows.size for rows in found]),
        np.concatenate([rows.name_at + offset for rows, offset in zip(found, offsets[:-1], strict=True)]),
        np.concatenate([rows.rank for rows in found]),
        np.concatenate([rows.names for rows in found]),
    )


def _in_code(elf: Elf, address: Int) -> Any:
    inside = np.zeros(len(address), np.bool_)
    for kind, flags, _, vaddr, _, memory_bytes in elf.segments.tolist():
        if kind == PT_LOAD and flags & PF_X:
            inside |= (address >= vaddr) & (address < vaddr + memory_bytes)
    return inside


def _unpacked(elf: Elf) -> Elf | None:
    """The ELF file inside ``.gnu_debugdata`` (xz); None without one, or when it is damaged or swells."""
    section = elf.section(".gnu_debugdata")
    packed = elf.content(section, _MAX_UNPACKED_BYTES).tobytes() if section is not None else b""
    if not packed:
        return None
    try:
        unpacked = lzma.LZMADecompressor(memlimit=_MAX_UNPACKED_BYTES).decompress(packed, max_length=_MAX_UNPACKED_BYTES)
        return Elf(np.frombuffer(unpacked, np.uint8))
    except (lzma.LZMAError, NotElf, MemoryError):
        return None
