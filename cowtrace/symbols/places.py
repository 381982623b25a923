"""Distinct places in code that the faults of a store name, and which fault and call chain names which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from cowtrace.symbols.find import Dso
from cowtrace.symbols.maps import TextMaps
from cowtrace.symbols.table import Int

if TYPE_CHECKING:
    from cowtrace.store.reader import Store

_TIMES = ("first_ns", "ts_ns", "start_ns", "end_ns")
_EVER = (np.iinfo(np.int64).min, np.iinfo(np.int64).max)
#: The kernel's half begins here with five-level page tables (Documentation/arch/x86/x86_64/mm.rst), as a signed number.
_KERNEL_START = -(1 << 56)
#: Values of a call chain from here on are context markers (include/uapi/linux/perf_event.h: PERF_CONTEXT_MAX).
_MARKERS = (1 << 64) - 4095


@dataclass(frozen=True, slots=True)
class Space:
    """What an offset counts from.

    Attributes:
        kind: ``kernel``: offsets are kernel addresses; ``file``: offsets in ``dso``; ``process``: addresses of code that no file
            holds (just-in-time compilers) or that no mapping explains, in process ``tgid``.
    """

    kind: Literal["kernel", "file", "process"]
    dso: Dso | None = None
    tgid: int | None = None


@dataclass(slots=True)
class Places:
    """Distinct places, and who names them.

    Attributes:
        spaces: What offsets count from.
        space: int64[n], index into ``spaces``.
        offset: uint64[n].
        text_spaces: mm_id, text_mm_id.
        ips: text_mm_id, ip, start_ns, end_ns, place: of faulting instructions; the times are those between which the address meant
            this place.
        chains: text_mm_id, stack_id, start_ns, end_ns, depth, place: of call chains, depth 0 innermost, markers left out.
    """

    spaces: list[Space]
    space: Int
    offset: Any
    text_spaces: pl.DataFrame
    ips: pl.DataFrame
    chains: pl.DataFrame


def find_places(store: Store) -> Places:
    """All distinct places of a store."""
    maps = TextMaps(store)
    ips = _distinct(store, maps, "ip")
    if maps.split(*(_signed(ips[name]) for name in ("text_mm_id", "ip", "first_ns", "ts_ns"))):
        ips = _distinct(store, maps, "ip")
    text_spaces = pl.DataFrame({"mm_id": np.arange(len(maps.text_mm)), "text_mm_id": maps.text_mm})
    stacks = _distinct(store, maps, "stack_id")
    chains = _exploded(store, stacks)
    wanted = pl.concat([ips.select("text_mm_id", "ip", "ts_ns"), chains.select("text_mm_id", "ip", "ts_ns")])
    place, spaces, space, offset = _located(maps, wanted)
    times = ("start_ns", "end_ns")
    return Places(
        spaces,
        space,
        offset,
        text_spaces,
        ips.select("text_mm_id", "ip", *times, pl.Series("place", place[: len(ips)])),
        chains.select("text_mm_id", "stack_id", *times, "depth", pl.Series("place", place[len(ips) :])),
    )


def _signed(column: pl.Series) -> Int:
    """A column of 64-bit numbers as int64[n]; NULL, which only text_mm_id has, is -1."""
    values: Int = (column if column.dtype == pl.UInt64 else column.fill_null(-1)).to_numpy().view(np.int64)
    return values


def _distinct(store: Store, maps: TextMaps, column: str) -> pl.DataFrame:
    """Distinct (text_mm_id, column) of the faults, apart where code was remapped.

    With first_ns and ts_ns, the first and last time of each, and start_ns and end_ns, between which they can be told apart.
    """
    contested, when = maps.changes
    faults = store.lazy("fault").select("mm_id", "ts_ns", column).filter(pl.col(column).is_not_null())
    owners = pl.DataFrame({"mm_id": np.arange(len(maps.text_mm)), "text_mm_id": maps.text_mm}).lazy()
    plain = faults
    split: list[pl.DataFrame] = []
    if len(contested):
        is_split = pl.col("mm_id").is_in(np.unique(contested).tolist()).fill_null(False)
        plain = faults.filter(~is_split)
        split = [_epochs(faults.filter(is_split).collect(), contested, when, column)]
    # forks that only inherit count as their ancestor from the start: a fork storm has few places in code, but in every process
    table = (
        plain.join(owners, on="mm_id", how="left")
        .group_by("text_mm_id", column)
        .agg(pl.col("ts_ns").min().alias("first_ns"), pl.col("ts_ns").max())
        .with_columns(start_ns=pl.lit(_EVER[0], pl.Int64), end_ns=pl.lit(_EVER[1], pl.Int64))
        .collect(engine="streaming")
    )
    # the order of groups is chance; numbers given later must not be
    return pl.concat([table.select("text_mm_id", column, *_TIMES), *split]).sort("text_mm_id", column, "start_ns")


def _epochs(faults: pl.DataFrame, contested: Int, when: Int, column: str) -> pl.DataFrame:
    parts = []
    for key, rows in faults.partition_by("mm_id", as_dict=True).items():
        times = np.unique(when[contested == key[0]])
        bounds = np.concatenate([[_EVER[0]], times, [_EVER[1]]])
        epoch = np.searchsorted(times, rows["ts_ns"].to_numpy(), side="right")
        parts.append(
            rows.with_columns(start_ns=pl.Series(bounds[epoch]), end_ns=pl.Series(bounds[epoch + 1]))
            .group_by("mm_id", column, "start_ns", "end_ns")
            .agg(pl.col("ts_ns").min().alias("first_ns"), pl.col("ts_ns").max())
            .select(pl.col("mm_id").alias("text_mm_id"), column, *_TIMES)
        )
    empty = pl.DataFrame(schema={"text_mm_id": pl.Int64, column: faults.schema[column], **dict.fromkeys(_TIMES, pl.Int64)})
    return pl.concat([empty, *parts])


def _exploded(store: Store, stacks: pl.DataFrame) -> pl.DataFrame:
    chains = store.lazy("stack").collect()
    rows = stacks.join(chains, on="stack_id", how="inner", maintain_order="left").filter(pl.col("ips").list.len() > 0)
    flat = rows.explode("ips").rename({"ips": "ip"})
    flat = flat.filter(pl.col("ip") < _MARKERS)
    lengths = rows.select(pl.col("ips").list.eval(pl.element().filter(pl.element() < _MARKERS)).list.len().alias("n"))["n"].to_numpy()
    depth = np.arange(len(flat)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return flat.with_columns(pl.Series("depth", depth, pl.Int32))


def _located(maps: TextMaps, wanted: pl.DataFrame) -> tuple[Int, list[Space], Int, Any]:
    """Place number of each row, and the places."""
    ip = wanted["ip"].to_numpy()
    address = ip.view(np.int64)
    mm = wanted["text_mm_id"].fill_null(-1).to_numpy()
    in_kernel = (address < 0) & (address >= _KERNEL_START)
    row = np.full(len(ip), -1, np.int64)
    user = np.flatnonzero(~in_kernel & (mm >= 0))
    row[user] = maps.find(mm[user], address[user], wanted["ts_ns"].to_numpy()[user])
    spaces, of_row = _file_spaces(maps)
    tgids = np.where(mm >= 0, maps.tgid[np.maximum(mm, 0)] if len(maps.tgid) else -1, -1)
    has_file = (row >= 0) & ((of_row[np.maximum(row, 0)] > 0) if len(of_row) else False)
    distinct, process = np.unique(tgids, return_inverse=True)
    space = np.where(in_kernel, 0, np.where(has_file, of_row[np.maximum(row, 0)] if len(of_row) else 0, len(spaces) + process))
    spaces += [Space("process", tgid=value if value >= 0 else None) for value in distinct.tolist()]
    if len(maps.rows):
        start = maps.rows["start_addr"].to_numpy().astype(np.int64)
        pgoff = maps.rows["pgoff"].to_numpy().astype(np.int64)
        offset = np.where(has_file, address - start[np.maximum(row, 0)] + pgoff[np.maximum(row, 0)], address).view(np.uint64)
    else:
        offset = ip
    table = pl.DataFrame({"space": space, "offset": offset}).with_row_index("at")
    groups = table.group_by("space", "offset").agg(pl.col("at").first()).sort("at").with_row_index("place")
    place = table.join(groups.select("space", "offset", "place"), on=["space", "offset"], how="left", maintain_order="left")["place"]
    return place.to_numpy().astype(np.int64), spaces, groups["space"].to_numpy().astype(np.int64), groups["offset"].to_numpy()


def _file_spaces(maps: TextMaps) -> tuple[list[Space], Int]:
    """The kernel's space (0), one for each mapped file, and the space of each mapping: 0 for code of no file."""
    path, kind = pl.col("path"), pl.col("vma_kind")
    is_file = kind.is_in(["file_private", "file_shared"]) | ((kind == "unknown") & path.str.starts_with("/"))
    files = maps.rows.with_row_index("at").filter(path.is_not_null() & (is_file | (path == "[vdso]")))
    files = files.filter(~pl.col("path").str.contains(r"^(//anon|/memfd:|/dev/zero|/SYSV|/anon_hugepage)"))
    keys = ["path", "build_id", "inode"]
    groups = files.group_by(keys).agg(pl.col("pgoff").min(), pl.col("at").min()).sort("at").with_row_index("space", offset=1)
    spaces = [Space("kernel")]
    spaces += [Space("file", Dso(row["path"], row["build_id"], row["inode"], row["pgoff"])) for row in groups.iter_rows(named=True)]
    of_row = np.zeros(len(maps.rows), np.int64)
    joined = files.join(groups.select(*keys, "space"), on=keys, how="left", nulls_equal=True)
    of_row[joined["at"].to_numpy()] = joined["space"].to_numpy()
    return spaces, of_row
