"""Names of code that came with a recording: kernel functions, functions of just-in-time compilers, where the kernel lay."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import zstandard

from cowtrace.errors import InputError
from cowtrace.parsers.base import Recording, SideBand
from cowtrace.parsers.recorded_names import read_kallsyms, read_names
from cowtrace.schema import TABLES
from cowtrace.store.writer import StoreWriter
from cowtrace.text import decode_name

#: Kernel mappings kept in the manifest: the kernel's text, and modules.
_MAX_KERNEL_MAPS = 1024


def write_names(files: Sequence[Path], recordings: Sequence[Recording], writer: StoreWriter) -> list[dict[str, Any]]:
    """Write tables ``kernel_symbol`` and ``jit_symbol``; of several lists of kernel functions the first one counts.

    Returns:
        Notes on what could not be read, as the manifest holds them.
    """
    kernel: pl.DataFrame | None = None
    tables: list[pl.DataFrame] = []
    notes: list[str] = []
    for path in files:
        try:
            names = read_names(path)
        except (OSError, ValueError, zstandard.ZstdError) as error:
            notes.append(f"{path.name}: names not read ({error})")
            continue
        if names is None:
            continue
        if path.name.startswith("perf-"):
            tables.append(names)
        elif kernel is None and len(names):
            kernel = names
    for recording in recordings:
        # only trace.dat may carry them inside
        read_text = getattr(recording, "text", None)
        if kernel is not None or read_text is None:
            continue
        try:
            names = read_kallsyms(read_text("kallsyms"))
        except InputError as error:
            notes.append(f"names of kernel functions not read ({error.problem})")
            continue
        kernel = names if len(names) else None
    if kernel is not None:
        _write(kernel.select("addr", pl.col("name").alias("function"), pl.col("module").cast(pl.Categorical)), "kernel_symbol", writer)
    for names in tables:
        _write(names.select("tgid", "addr", "size_bytes", pl.col("name").alias("symbol")), "jit_symbol", writer)
    return [{"text": note, "count": 1} for note in notes]


def _write(rows: pl.DataFrame, table: str, writer: StoreWriter) -> None:
    writer.table(table).write(rows.to_arrow().cast(TABLES[table].arrow()))


def kernel_maps(side: SideBand) -> list[dict[str, Any]]:
    """Where the kernel and its modules lay, as perf notes it at the start: rows of path, start_addr, size_bytes, pgoff."""
    rows = side.mmap.filter(pl.col("tgid") == -1).select("path", "start_addr", "size_bytes", "pgoff").head(_MAX_KERNEL_MAPS)
    return [{**row, "path": decode_name(row["path"])} for row in rows.to_dicts()]
