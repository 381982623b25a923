"""ELF headers and symbol tables, of every class and byte order, whole and broken."""

from __future__ import annotations

import lzma

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cowtrace.symbols.elf import Elf, NotElf
from cowtrace.symbols.symtab import has_symtab, read_symbols
from tests.support.elf_bytes import LOCAL, NOTYPE, OBJECT, WEAK, Symbol, elf

CODE = [Symbol("main", 0x401000, 0x20), Symbol("helper", 0x401020, 0x10, binding=LOCAL)]


def opened(raw: bytes) -> Elf:
    return Elf(np.frombuffer(raw, np.uint8))


def named(raw: bytes) -> list[tuple[int, int, bytes]]:
    table = read_symbols(opened(raw))
    assert table is not None
    return [(int(table.start[row]), int(table.end[row]), table.name(row)) for row in range(len(table))]


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_symbols_of_every_class_and_byte_order(bits: int, order: str) -> None:
    raw = elf(CODE, order=order, bits=bits)
    assert named(raw) == [(0x401000, 0x401020, b"main"), (0x401020, 0x401030, b"helper")]
    assert opened(raw).build_id == "ab" * 20
    assert opened(raw).vaddr(np.array([0xFFF, 0x1000, 0x1FFF, 0x2000])).tolist() == [-1, 0x401000, 0x401FFF, -1]


def test_what_is_no_code_has_no_name() -> None:
    table = [
        *CODE,
        Symbol("table", 0x401030, 8, kind=OBJECT),
        Symbol("elsewhere", 0x500000, 8),
        Symbol("imported", 0x401040, 8, shndx=0),
        Symbol("label", 0x401050, kind=NOTYPE),
        Symbol("$x", 0x401060, kind=NOTYPE),
    ]
    assert [name for _, _, name in named(elf(table))] == [b"main", b"helper", b"label"]


def test_the_name_that_perf_would_show_stands_for_several_at_one_address() -> None:
    rivals = [
        Symbol("__long_underscored", 0x401000, 8),
        Symbol("weak_but_longest_of_all", 0x401000, 8, binding=WEAK),
        Symbol("local_and_longer_too", 0x401000, 8, binding=LOCAL),
        Symbol("chosen", 0x401000, 8),
        Symbol("short", 0x401000, 8),
        Symbol("without_size_and_longest", 0x401000, 0),
    ]
    assert named(elf(rivals)) == [(0x401000, 0x401008, b"chosen")]


def test_the_dynamic_table_serves_where_nothing_else_does() -> None:
    mini = lzma.compress(elf([Symbol("hidden", 0x401040, 8, binding=LOCAL)]))
    raw = elf(dynamic=CODE[:1], debugdata=mini)
    assert not has_symtab(opened(raw))
    assert named(raw) == [(0x401000, 0x401020, b"main"), (0x401040, 0x401048, b"hidden")]
    assert named(elf(dynamic=CODE[:1], debugdata=mini[: len(mini) // 2])) == [(0x401000, 0x401020, b"main")]


def test_a_stripped_file_names_nothing() -> None:
    assert read_symbols(opened(elf())) is None


def test_a_link_to_a_debug_file() -> None:
    linked = elf(CODE)
    assert opened(elf(debuglink=("app.debug", linked))).debuglink == ("app.debug", __import__("zlib").crc32(linked))
    assert opened(elf(debuglink=("../../etc/x", linked))).debuglink is None


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "not an ELF file"),
        (b"#!/bin/sh\n" * 10, "not an ELF file"),
        (b"\x7fELF\x02\x01" + b"\0" * 50, "ELF header cut short"),
        (elf()[:16] + b"\x01\0" + elf()[18:], "neither a program nor a library"),
        (elf()[:90], "headers lie outside the file"),
    ],
)
def test_what_is_no_program_is_refused_with_the_reason(raw: bytes, why: str) -> None:
    with pytest.raises(NotElf, match=why):
        opened(raw)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_damage_raises_anything_else(data: st.DataObject) -> None:
    raw = bytearray(elf(CODE, dynamic=CODE, debuglink=("a.debug", b""), debugdata=b"\xfd7zXZ", bits=data.draw(st.sampled_from([32, 64]))))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
    raw = raw[: data.draw(st.integers(len(raw) // 2, len(raw)))]
    try:
        found = opened(bytes(raw))
    except NotElf:
        return
    table = read_symbols(found)
    _ = found.build_id, found.debuglink, found.vaddr(np.arange(0, 1 << 14, 7))
    if table is not None:
        for row in np.unique(table.find(np.arange(0x400000, 0x403000))).tolist():
            if row >= 0:
                assert isinstance(table.name(row), bytes)
