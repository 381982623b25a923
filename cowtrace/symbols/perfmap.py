"""Names that just-in-time compilers wrote down: ``perf-PID.map``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from cowtrace.parsers.recorded_names import SCHEMA, read_perf_map
from cowtrace.symbols.files import open_regular
from cowtrace.symbols.sources import Sources
from cowtrace.symbols.table import SymbolTable, build

if TYPE_CHECKING:
    from cowtrace.store.reader import Store

_MAX_BYTES = 256 << 20


def map_table(store: Store, tgid: int, sources: Sources) -> SymbolTable | None:
    """Functions of a process by address: from the folders that ``sources`` names, else as they came with the recording.

    /tmp is not looked at unless named: the process that now has this number need not be the recorded one.
    """
    names = pl.DataFrame(schema=SCHEMA)
    for folder in sources.perf_maps:
        opened = open_regular(folder / f"perf-{tgid}.map")
        if opened is not None and len(opened.data) <= _MAX_BYTES:
            names = read_perf_map(opened.data.tobytes(), tgid)
    if not len(names):
        names = store.lazy("jit_symbol").filter(pl.col("tgid") == tgid).rename({"symbol": "name"}).collect()
    names = names.filter(pl.col("addr") < 1 << 56)
    if not len(names):
        return None
    texts = [text.replace("\0", "").encode("utf-8", "backslashreplace") for text in names["name"].to_list()]
    lengths = np.array([len(text) + 1 for text in texts], np.int64)
    blob = np.frombuffer(b"\0".join(texts) + b"\0", np.uint8)
    size = names["size_bytes"].fill_null(0).to_numpy().astype(np.int64)
    return build(names["addr"].to_numpy().astype(np.int64), size, np.cumsum(lengths) - lengths, blob, np.zeros(len(size), np.int64))
