"""Names of kernel code: those that came with the recording, else those of this machine if it is the recorded one, and of perf's cache."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from cowtrace.parsers.recorded_names import read_names
from cowtrace.symbols.elf import note_build_id
from cowtrace.symbols.find import Shelf
from cowtrace.symbols.sources import Sources
from cowtrace.symbols.table import Int, SymbolTable, build

if TYPE_CHECKING:
    from cowtrace.store.reader import Store

#: Addresses of the upper half are kept without their top bits, which are all ones, to fit signed columns with room for sums.
_LOW_BITS = (1 << 62) - 1
_PAGE_BYTES = 4096
_KERNEL = "[kernel.kallsyms]"


def kernel_table(store: Store, sources: Sources, shelves: Sequence[Shelf] = (), root: Path = Path("/")) -> tuple[SymbolTable | None, str]:
    """Symbols of the recorded kernel by ``kernel_key``, names as ``function`` or ``function<TAB>[module]``; and why there are none.

    Args:
        store: The recording.
        sources: Names perf's cache.
        shelves: May have the kernel's kallsyms by build-id.
        root: Where /proc and /sys of this machine are.
    """
    recorded = store.lazy("kernel_symbol").select("addr", pl.col("function").alias("name"), pl.col("module").cast(pl.String)).collect()
    if len(recorded):
        return _table(recorded), ""
    build_id, text_addr = kernel_identity(store)
    if build_id is None or text_addr is None:
        return None, "the recording has no names of kernel functions, and does not say which kernel it was (record with `cowtrace record`)"
    cached = sources.build_id_cache / ".build-id" / build_id[:2] / build_id[2:] / "kallsyms"
    candidates = [*(path for shelf in shelves if (path := shelf.fetch(build_id, "kallsyms")) is not None), cached]
    if _own_build_id(root) == build_id:
        candidates.insert(0, root / "proc" / "kallsyms")
    for path in candidates:
        try:
            names = read_names(path)
        except (OSError, ValueError):
            continue
        moved = None if names is None else _moved(names, text_addr)
        if moved is not None:
            return _table(moved), ""
    hidden = _own_build_id(root) == build_id
    return None, "/proc/kallsyms hides its addresses (kptr_restrict)" if hidden else "recorded under another kernel than this one's"


def kernel_key(address: Any) -> Int:
    """Kernel addresses (uint64) as ``kernel_table`` has them."""
    key: Int = (address & np.uint64(_LOW_BITS)).astype(np.int64)
    return key


def _table(names: pl.DataFrame) -> SymbolTable:
    names = names.sort("addr", maintain_order=True)
    suffix = pl.when(pl.col("module").is_null()).then(pl.lit("")).otherwise("\t[" + pl.col("module") + "]")
    texts = [text.replace("\0", "").encode() for text in names.select(pl.col("name") + suffix)["name"].to_list()]
    lengths = np.array([len(text) + 1 for text in texts], np.int64)
    blob = np.frombuffer(b"\0".join(texts) + b"\0", np.uint8)
    start = kernel_key(names["addr"].to_numpy())
    # the last function before a module's first, or before the kernel's, does not reach there
    module = names["module"].fill_null("").to_numpy()
    edge = np.append(module[1:] != module[:-1], True) & np.append(start[1:] > start[:-1], True)
    size = np.where(edge, (start // _PAGE_BYTES + 1) * _PAGE_BYTES - start, 0)
    return build(start, size, np.cumsum(lengths) - lengths, blob, np.zeros(len(start), np.int64))


def kernel_identity(store: Store) -> tuple[str | None, int | None]:
    """Build-id of the recorded kernel, and the address at which perf saw its text."""
    for source in store.manifest.get("sources") or []:
        features = source.get("features") or {}
        build_ids = [entry["build_id"] for entry in features.get("build_ids") or () if entry["path"] == _KERNEL]
        # the record's pgoff is the address of the symbol that its name ends with (tools/perf/util/event.c)
        texts = [entry["pgoff"] for entry in source.get("kernel_maps") or () if entry["path"] in (f"{_KERNEL}_text", f"{_KERNEL}_stext")]
        if build_ids and texts:
            return build_ids[0], texts[0]
    return None, None


def _own_build_id(root: Path) -> str | None:
    try:
        return note_build_id((root / "sys" / "kernel" / "notes").read_bytes(), "<" if sys.byteorder == "little" else ">")
    except OSError:
        return None


def _moved(names: pl.DataFrame, text_addr: int) -> pl.DataFrame | None:
    """The same names where the recorded kernel lay; None when these say nothing about that."""
    anchor = names.filter(pl.col("name").is_in(["_text", "_stext"]))["addr"]
    if not len(anchor):
        return None
    delta = text_addr - int(anchor[0])
    if delta == 0:
        return names
    # another boot: the kernel moved as a whole, modules each for itself
    own = names.filter(pl.col("module").is_null())
    return own.with_columns(((pl.col("addr").cast(pl.Int128) + delta) % (1 << 64)).cast(pl.UInt64).alias("addr"))
