"""Names of call chains, outermost frame first, as flame graphs and profiles want them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import polars as pl

from cowtrace.symbols.resolve import resolve
from cowtrace.symbols.sources import Sources

if TYPE_CHECKING:
    from cowtrace.store.reader import Store


def chain_names(store: Store, sources: Sources | None = None) -> Callable[[int, int | None], tuple[str, ...]]:
    """A lookup from (stack_id, mm_id) to frame names.

    A frame is its function, else its file and the address in it, else its address. Where code was remapped during the recording, the
    earliest meaning of a chain is taken.

    Args:
        store: An existing store; without call chains nothing is looked for.
        sources: Where code may be looked for.
    """
    if not store.lazy("stack").select(pl.len()).collect().item():
        return lambda stack_id, mm_id: ()
    symbols = resolve(store, sources)
    label = (
        pl.when(pl.col("symbol").is_not_null())
        .then("symbol")
        .when(pl.col("dso").is_not_null())
        .then(pl.format("{}+0x{}", pl.col("dso").str.split("/").list.last(), _hex(pl.col("address"))))
        .otherwise(pl.format("0x{}", _hex(pl.col("address"))))
    )
    named = symbols.frame.select("frame_id", label.alias("label"))
    chains = (
        symbols.stack_frame.join(named, on="frame_id", how="left")
        .sort("text_mm_id", "stack_id", "start_ns", "depth", descending=[False, False, False, True])
        .group_by("text_mm_id", "stack_id", "start_ns", maintain_order=True)
        .agg("label")
        .unique(["text_mm_id", "stack_id"], keep="first", maintain_order=True)
    )
    by_key = {(stack, text): tuple(labels) for text, stack, labels in chains.select("text_mm_id", "stack_id", "label").iter_rows()}
    text_of = dict(symbols.text_space.select("mm_id", "text_mm_id").iter_rows())
    return lambda stack_id, mm_id: by_key.get((stack_id, None if mm_id is None else text_of.get(mm_id)), ())


def _hex(column: pl.Expr) -> pl.Expr:
    return column.map_elements(lambda address: f"{address:x}", return_dtype=pl.String)
