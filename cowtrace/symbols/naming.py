"""From distinct places in code to rows of ``frame``: which file, which function, how far into it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from cowtrace.symbols.cache import cached_table, keep_table
from cowtrace.symbols.demangle import demangle
from cowtrace.symbols.find import Dso, Finder, Found, Shelf
from cowtrace.symbols.kernel import kernel_key, kernel_table
from cowtrace.symbols.places import Places, Space
from cowtrace.symbols.sources import Sources
from cowtrace.symbols.symtab import read_symbols
from cowtrace.symbols.table import Int, SymbolTable
from cowtrace.symbols.vdso import find_vdso

if TYPE_CHECKING:
    from cowtrace.store.reader import Store

_BUILD_ID = re.compile(r"(?:[0-9a-f]{2}){2,64}")
#: Notes on files; further ones are counted.
_NOTES_SHOWN = 20


@dataclass(slots=True)
class Named:
    """Names of one space's offsets: arrays of one length.

    Attributes:
        address: uint64[n], within the file as its symbols count; the address itself for kernel and process.
        dso: Name of the file, of each.
        symbol: Function, None where none is known.
        linkage: Its name before demangling.
        symbol_offset: int64[n], bytes from the function's start; -1 without one.
        note: Why names are missing; "" when none are.
    """

    address: Any
    dso: list[str | None]
    symbol: list[str | None]
    linkage: list[str | None]
    symbol_offset: Int
    note: str = ""


@dataclass(slots=True)
class Namer:
    """Names places of one store.

    Args:
        store: The recording.
        sources: Where code may be looked for.
        near, far: As in ``Finder``.

    Attributes:
        notes: What could not be named and why.
        found: Files by number of their space; filled by ``frames``, like ``addresses``, those of the places in their files.
    """

    store: Store
    sources: Sources
    near: list[Shelf] = field(default_factory=list)
    far: list[Shelf] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    found: dict[int, Found] = field(default_factory=dict)
    addresses: Any = None

    def frames(self, places: Places) -> pl.DataFrame:
        """Rows of ``frame``, in order of places; ``notes`` then says what could not be named and why."""
        count = len(places.offset)
        address = places.offset.copy()
        columns: dict[str, Any] = {name: np.full(count, None, object) for name in ("dso", "build_id", "symbol", "linkage_name")}
        symbol_offset = np.full(count, -1, np.int64)
        finder = Finder(self.sources, self.near, self.far, same_host=self._same_host())
        missing: list[tuple[int, str]] = []
        order = np.argsort(places.space, kind="stable")
        bounds = np.searchsorted(places.space[order], np.arange(len(places.spaces) + 1))
        for number, space in enumerate(places.spaces):
            rows = order[bounds[number] : bounds[number + 1]]
            if not len(rows):
                continue
            named = self._name(number, space, places.offset[rows], finder)
            address[rows], symbol_offset[rows] = named.address, named.symbol_offset
            for name, values in (("dso", named.dso), ("symbol", named.symbol), ("linkage_name", named.linkage)):
                columns[name][rows] = values
            columns["build_id"][rows] = space.dso.build_id if space.dso is not None else None
            if named.note:
                missing.append((len(rows), named.note))
        self.addresses = address
        missing.sort(key=lambda entry: -entry[0])
        self.notes += [note for _, note in missing[:_NOTES_SHOWN]]
        if len(missing) > _NOTES_SHOWN:
            self.notes.append(f"{len(missing) - _NOTES_SHOWN} more files have no names here")
        return pl.DataFrame(
            {
                "frame_id": np.arange(count),
                **{name: pl.Series(columns[name].tolist(), dtype=pl.String) for name in ("dso", "build_id")},
                "address": address,
                **{name: pl.Series(columns[name].tolist(), dtype=pl.String) for name in ("symbol", "linkage_name")},
                "symbol_offset": pl.Series(symbol_offset).replace(-1, None),
            }
        )

    def _same_host(self) -> bool:
        return (self.store.manifest.get("host") or {}).get("hostname") == os.uname().nodename

    def _name(self, number: int, space: Space, offset: Any, finder: Finder) -> Named:
        if space.kind == "kernel":
            table, why = kernel_table(self.store, self.sources, self.near)
            note = f"kernel functions: {why}" if table is None else ""
            return _named(table, kernel_key(offset), offset, _kernel_names, note)
        if space.dso is None:
            return self._name_process(space, offset)
        dso = space.dso
        dso = replace(dso, build_id=plain_build_id(dso.build_id))
        if dso.path == "[vdso]":
            code = find_vdso(dso.build_id, self.sources)
            found = Found(code, code, note="" if code is not None else "not this machine's")
        else:
            found = finder.find(dso)
        self.found[number] = found
        return _name_file(dso, found, offset)

    def _name_process(self, space: Space, offset: Any) -> Named:
        table = None if space.tgid is None else self._perf_map(space.tgid)
        key = np.where(offset < 1 << 62, offset, 0).astype(np.int64)
        path = None if table is None else f"perf-{space.tgid}.map"
        return _named(table, key, offset, lambda raw: (path, demangle(raw), raw), "", unknown_dso=None)

    def _perf_map(self, tgid: int) -> SymbolTable | None:
        from cowtrace.symbols.perfmap import map_table

        return map_table(self.store, tgid, self.sources)


def plain_build_id(recorded: str | None) -> str | None:
    """A build-id as files carry it; None for what can't be one.

    Old versions of perf wrote every id as 20 bytes, shorter ones (16 of MD5, 8 of lld's fast hash) with zeros behind.
    """
    if recorded is None or not _BUILD_ID.fullmatch(recorded):
        return None
    if len(recorded) == 2 * 20:
        for size in (8, 16):
            if recorded.endswith("00" * (20 - size)):
                return recorded[: 2 * size]
    return recorded


def _name_file(dso: Dso, found: Found, offset: Any) -> Named:
    path = dso.path
    in_file = np.where(offset < 1 << 62, offset, 0).astype(np.int64)
    key, table = in_file, None
    if found.code is not None:
        key = found.code.vaddr(in_file)
    elif found.names is not None:
        key = found.names.vaddr_without_file(in_file, dso.text_pgoff)
    if found.names is not None:
        table = _symbols(dso, found)
    address = np.where(key >= 0, key, in_file).astype(np.uint64)
    note = found.note if table is None and found.note else "stripped: no symbol table" if table is None else ""
    return _named(table, key, address, lambda raw: (path, demangle(raw), raw), f"{path}: {note}" if note else "", unknown_dso=path)


def _symbols(dso: Dso, found: Found) -> SymbolTable | None:
    assert found.names is not None
    build_id = dso.build_id or found.names.build_id
    table = cached_table(build_id, found.identities) if build_id and found.identities else None
    if table is None:
        table = read_symbols(found.names)
        if table is None and found.code is not None and found.code is not found.names:
            table = read_symbols(found.code)
        if table is not None and build_id and found.identities:
            keep_table(build_id, found.identities, table)
    return table


def _kernel_names(raw: bytes) -> tuple[str, str, bytes]:
    name, _, module = raw.partition(b"\t")
    return module.decode("utf-8", "backslashreplace") or "[kernel.kallsyms]", demangle(name), name


def _named(
    table: SymbolTable | None,
    key: Int,
    address: Any,
    names_of: Callable[[bytes], tuple[str | None, str, bytes]],
    note: str,
    unknown_dso: str | None = "[kernel.kallsyms]",
) -> Named:
    nothing: list[str | None] = [None] * len(key)
    if table is None or not len(table):
        return Named(address, [unknown_dso] * len(key), nothing, nothing, np.full(len(key), -1, np.int64), note)
    row = table.find(key)
    row = np.where(key >= 0, row, -1)
    distinct, place = np.unique(row, return_inverse=True)
    triples = [(unknown_dso, None, None) if at < 0 else _texts(names_of(table.name(at))) for at in distinct.tolist()]
    dso, symbol, linkage = ([triple[part] for triple in triples] for part in range(3))
    offset = np.where(row >= 0, key - table.start[np.maximum(row, 0)], -1)
    return Named(address, [dso[at] for at in place], [symbol[at] for at in place], [linkage[at] for at in place], offset, note)


def _texts(names: tuple[str | None, str, bytes]) -> tuple[str | None, str | None, str | None]:
    dso, symbol, raw = names
    linkage = raw.decode("utf-8", "backslashreplace")
    return dso, symbol, None if linkage == symbol else linkage
