"""Side bands of several recordings of one run as one history: every task, fork and mapping told once.

The recording that shows the faults tells the history of all tasks that it mentions; the others add the tasks that it does not. Two
recorders tell one fork at two times, microseconds apart: to match them would gain nothing and could go wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from cowtrace.parsers.base import SIDE_BAND_SCHEMAS, SideBand

#: Column by which the rows of a table are somebody's.
_OWNER = {"comm": "tid", "fork": "tid", "exit": "tid", "mmap": "tgid", "cgroup": "cgroup_id"}


def merge_sides(sides: Sequence[SideBand]) -> SideBand:
    """All side bands as one; the first has the last word."""
    merged = {name: getattr(sides[0], name) for name in SIDE_BAND_SCHEMAS}
    for side in sides[1:]:
        shift = 1 + max((int(table["seq"].max() or 0) for table in merged.values() if len(table)), default=-1)
        tasks = pl.concat([merged["comm"]["tid"], merged["fork"]["tid"]]).unique()
        for name, schema in SIDE_BAND_SCHEMAS.items():
            table: pl.DataFrame = getattr(side, name)
            if name in _OWNER:
                known = tasks if _OWNER[name] == "tid" else merged[name][_OWNER[name]].unique()
                table = table.filter(~pl.col(_OWNER[name]).is_in(known.implode()))
            table = table.with_columns(pl.col("seq") + shift)
            merged[name] = pl.concat([merged[name], table.select(pl.col(column).cast(kind) for column, kind in schema.items())])
    return SideBand(**merged)


def shifted(side: SideBand, shift_ns: int) -> SideBand:
    """The same on another clock; times that are not known stay so."""
    if not shift_ns:
        return side
    moved = pl.when(pl.col("ts_ns") >= 0).then(pl.col("ts_ns") + shift_ns).otherwise(pl.col("ts_ns")).alias("ts_ns")
    return SideBand(**{name: getattr(side, name).with_columns(moved) for name in SIDE_BAND_SCHEMAS})
