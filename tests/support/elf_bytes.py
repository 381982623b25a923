"""Small ELF files from readable lines."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

FUNC, NOTYPE, OBJECT, IFUNC = 2, 0, 1, 10
LOCAL, GLOBAL, WEAK = 0, 1, 2


@dataclass(frozen=True)
class Symbol:
    """One symbol; addresses are virtual."""

    name: str
    start: int
    size: int = 0
    kind: int = FUNC
    binding: int = GLOBAL
    shndx: int = 1


def elf(
    symbols: Sequence[Symbol] = (),
    *,
    dynamic: Sequence[Symbol] = (),
    build_id: str | None = "ab" * 20,
    segments: Sequence[tuple[int, int, int]] = ((0x1000, 0x401000, 0x1000),),
    debuglink: tuple[str, bytes] | None = None,
    debugdata: bytes | None = None,
    order: str = "<",
    bits: int = 64,
) -> bytes:
    """A program: executable segments of (file offset, vaddr, bytes), tables of symbols, a build-id, a link to the bytes of a debug file."""
    contents: list[tuple[str, int, bytes, int]] = []  # name, type, bytes, link
    if build_id is not None:
        raw = bytes.fromhex(build_id)
        contents.append((".note.gnu.build-id", 7, struct.pack(order + "III", 4, len(raw), 3) + b"GNU\0" + raw, 0))
    for name, kind, table in ((".symtab", 2, symbols), (".dynsym", 11, dynamic)):
        if table:
            rows, names = _table(table, order, bits)
            contents.append((name, kind, rows, len(contents) + 2))
            contents.append((".strtab", 3, names, 0))
    if debuglink is not None:
        name, linked = debuglink
        padded = name.encode() + b"\0" * (4 - len(name) % 4)
        contents.append((".gnu_debuglink", 1, padded + struct.pack(order + "I", zlib.crc32(linked)), 0))
    if debugdata is not None:
        contents.append((".gnu_debugdata", 1, debugdata, 0))
    names = b"\0"
    name_at = []
    for name, *_ in [*contents, (".shstrtab",)]:
        name_at.append(len(names))
        names += name.encode() + b"\0"
    contents.append((".shstrtab", 3, names, 0))
    wide = bits == 64
    ehsize, phentsize, shentsize = (64, 56, 64) if wide else (52, 32, 40)
    body = b""
    start = ehsize + phentsize * len(segments)
    sections = [struct.pack(order + ("IIQQQQIIQQ" if wide else "IIIIIIIIII"), *[0] * 10)]
    for (_, kind, raw, link), at in zip(contents, name_at, strict=True):
        body += b"\0" * (-len(body) % 8)
        entry = (24 if wide else 16) if kind in (2, 11) else 0
        sections.append(
            struct.pack(order + ("IIQQQQIIQQ" if wide else "IIIIIIIIII"), at, kind, 0, 0, start + len(body), len(raw), link, 0, 8, entry)
        )
        body += raw
    shoff = start + len(body)
    head = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + b"\0" * 9
    head += struct.pack(
        order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"),
        3, 62, 1, 0, ehsize, shoff, 0, ehsize, phentsize, len(segments), shentsize, len(sections), len(sections) - 1,
    )  # fmt: skip
    loads = b"".join(
        struct.pack(order + "IIQQQQQQ", 1, 5, offset, vaddr, vaddr, size, size, 4096)
        if wide
        else struct.pack(order + "IIIIIIII", 1, offset, vaddr, vaddr, size, size, 5, 4096)
        for offset, vaddr, size in segments
    )
    return head + loads + body + b"".join(sections)


def _table(symbols: Sequence[Symbol], order: str, bits: int) -> tuple[bytes, bytes]:
    names, rows = b"\0", b"\0" * (24 if bits == 64 else 16)
    for symbol in symbols:
        info = symbol.binding << 4 | symbol.kind
        if bits == 64:
            rows += struct.pack(order + "IBBHQQ", len(names), info, 0, symbol.shndx, symbol.start, symbol.size)
        else:
            rows += struct.pack(order + "IIIBBH", len(names), symbol.start, symbol.size, info, 0, symbol.shndx)
        names += symbol.name.encode("utf-8", "surrogateescape") + b"\0"
    return rows, names
