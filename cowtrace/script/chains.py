"""Call chains: few distinct ones in any recording, so each is made text once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from cowtrace.attribution.stacks import StackTable
from cowtrace.parsers.base import EventBatch, EventDesc
from cowtrace.script.columns import masked
from cowtrace.script.hexadecimal import hex_text


def has_chain(batch: EventBatch, events: Sequence[EventDesc]) -> np.ndarray:
    """bool per row: does its event record call chains."""
    return np.array([event.has_callchain for event in events])[batch.event]


def chain_text(batch: EventBatch, events: Sequence[EventDesc], join: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Text of each row's call chain, null where its event records none.

    Args:
        batch: The events.
        events: Their descriptions.
        join: Makes one text of each list of addresses: column of ``list[u64]`` -> column of text.
    """
    valid = has_chain(batch, events)
    if not valid.any():
        return pl.repeat(None, batch.count, dtype=pl.String, eager=True)
    stacks = StackTable()
    numbers = stacks.assign(batch)
    distinct = pl.Series(stacks.table()["ips"], dtype=pl.List(pl.UInt64))
    empty = pl.Series([[]], dtype=pl.List(pl.UInt64))
    texts = join(pl.concat([distinct, empty]))
    return texts.gather(masked(np.where(numbers >= 0, numbers, len(distinct)), valid))


def hex_lists(chains: pl.Series, width: int = 0) -> pl.Series:
    """Lists of addresses as lists of hexadecimal texts."""
    lengths = chains.list.len().to_numpy()
    offsets = np.zeros(len(chains) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    addresses = hex_text(chains.explode(empty_as_null=False).to_numpy(), width)
    return pl.Series(pa.LargeListArray.from_arrays(offsets, addresses.to_arrow()), dtype=pl.List(pl.String))
