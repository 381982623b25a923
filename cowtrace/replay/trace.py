"""The columns of a store that replay works on: read once, shared by all scenarios."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from cowtrace.attribution.asof import ALWAYS, Int
from cowtrace.attribution.history import HOW, NEVER, VFORKED, Lives
from cowtrace.attribution.mappings import PAGE_BITS_4_LEVEL, PAGE_BITS_5_LEVEL
from cowtrace.schema import KINDS

if TYPE_CHECKING:
    from cowtrace.store.reader import Store

#: Number of each fault kind; kinds are small integers in replay.
KIND: dict[str, int] = {name: number for number, name in enumerate(KINDS)}
#: The fault does not happen under the scenario.
GONE = -1

PAGE_SHIFT, HUGE_SHIFT = 12, 21
#: Base pages of a PMD-sized block.
BLOCK_PAGES = 512

Small = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]


@dataclass(slots=True)
class Vmas:
    """Columns of ``vma``; arrays by ``vma_id``."""

    mm: Int
    start: Int
    end: Int
    kind: list[str]
    path: list[str | None]
    start_ns: Int


@dataclass(slots=True)
class Extents:
    """Columns of ``vma_extent``; arrays by ``extent_id``. One past the last row stands for none: it covers nothing."""

    vma: Int
    mm: Int
    ts_ns: Int
    start: Int
    end: Int
    perms: list[str]


@dataclass(slots=True)
class Calls:
    """Columns of ``memory_call``, -1 for NULL."""

    ts_ns: Int
    mm: Int
    call: list[str]
    addr: Int
    size_bytes: Int
    new_addr: Int
    advice: Int


@dataclass(slots=True)
class ForkRows:
    """Columns of ``fork``, -1 for NULL."""

    ts_ns: Int
    duration_ns: Int
    parent: Int
    child: Int
    end_ns: Int
    execed: Bools


@dataclass(slots=True)
class Faults:
    """Columns of ``fault`` in time order; -1 for NULL."""

    ts_ns: Int
    duration_ns: Int
    mm: Int
    page: Int
    kind: Small  # int8, number in KINDS
    write: Small  # int8: 0 read, 1 write, -1 unknown
    vma: Int
    extent: Int
    fork_id: Int
    by_child: Bools
    copied: Int
    zeroed: Int
    weight: Int
    group: Int  # row of Trace.groups

    def __len__(self) -> int:
        return len(self.ts_ns)


class Trace:
    """Everything that replay reads of a store.

    Args:
        store: The store.

    Attributes:
        groups: (comm, tgid) of every process that appears in results. Threads count to their process's name.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        #: What was derived from the trace and serves all scenarios.
        self.cache: dict[str, object] = {}
        self.release = kernel_release(store.manifest)
        recording = store.manifest.get("recording")
        self.settings: dict[str, str] = (recording or {}).get("settings") or {}
        self.lives, self.life_comm = _lives(store)
        self.faults, self.groups = _faults(store, self.life_comm, self.lives.tgid)
        self.vmas = _vmas(store)
        self.extents = _extents(store)
        self.calls = _calls(store)
        self.forks = _forks(store)

    @cached_property
    def space_of(self) -> Int:
        """mm_id -> the address space that it really is: a vfork child runs in its parent's."""
        space = np.arange(len(self.lives.tgid))
        borrowed = (self.lives.how == VFORKED) & (self.lives.parent >= 0)
        while borrowed.any():
            space[borrowed] = space[self.lives.parent[borrowed]]
            above = space[space]
            if (above == space).all():
                break
            space = above
        return space

    @cached_property
    def space(self) -> Int:
        """Address space of each fault, -1 unknown."""
        return np.append(self.space_of, -1)[self.faults.mm]

    @cached_property
    def page_bits(self) -> int:
        """Width of page numbers in keys of (space, page)."""
        top = int(self.faults.page.max()) if len(self.faults) else 0
        return PAGE_BITS_5_LEVEL if top >> PAGE_BITS_4_LEVEL else PAGE_BITS_4_LEVEL

    @cached_property
    def span_ns(self) -> int:
        """From the first fault to the last."""
        return int(self.faults.ts_ns[-1] - self.faults.ts_ns[0]) if len(self.faults) else 0

    @cached_property
    def lost_events(self) -> int:
        """Events that the recorder lost, as far as counted."""
        lost = self.store.lazy("loss").filter(pl.col("reason") != "lost_samples").select(pl.col("lost_events").sum()).collect()
        other = self.store.lazy("loss").filter(pl.col("reason") == "lost_samples").select(pl.col("lost_events").sum()).collect()
        # the same loss is told twice: by the ring buffer and by the kernel's count per event
        return max(int(lost.item() or 0), int(other.item() or 0))

    @cached_property
    def lost_share(self) -> float:
        """Share of all events that were lost."""
        recorded = sum(event["count"] or 0 for source in self.store.manifest.get("sources", []) for event in source.get("events", []))
        return self.lost_events / max(1, self.lost_events + max(recorded, len(self.faults)))

    @cached_property
    def sampled(self) -> bool:
        """The fault events were sampled: addresses between the samples are missing."""
        return bool((self.faults.weight > 1).any())


def kernel_release(manifest: dict[str, Any]) -> tuple[int, int]:
    """``6.18.44-x -> (6, 18)``; unknown kernels count as current."""
    parts = str((manifest.get("host") or {}).get("kernel_release") or "").split(".")
    try:
        return int(parts[0]), int("".join(char for char in parts[1] if char.isdigit()) or 0)
    except (IndexError, ValueError):
        return 99, 0


def _ints(table: pl.DataFrame, name: str, absent: int = -1) -> Int:
    # addresses of the upper half wrap to negative numbers: no mapping of a process is there
    column = table[name]
    values = column.fill_null(0).to_numpy()
    numbers: Int = values.view(np.int64) if values.dtype == np.uint64 else values.astype(np.int64)
    return np.where(column.is_null().to_numpy(), absent, numbers) if column.null_count() else numbers


def _text(table: pl.DataFrame, name: str) -> list[Any]:
    return table[name].cast(pl.String).to_list()


def _lives(store: Store) -> tuple[Lives, list[str]]:
    table = store.lazy("process").sort("mm_id").collect()
    how_text = _text(table, "how")
    how = np.array([HOW.index(text) if text in HOW else HOW.index("seen") for text in how_text], np.int64)
    start, end = _ints(table, "start_ns"), _ints(table, "end_ns", NEVER)
    parent = _ints(table, "parent_mm_id")
    execed = np.zeros(len(table), np.bool_)
    execed[parent[(how == HOW.index("exec")) & (parent >= 0)]] = True
    # lives that began before the recording have no birth
    start = np.where(how == HOW.index("seen"), ALWAYS, start)
    return Lives(_ints(table, "tgid"), start, end, parent, how, execed), [text or "?" for text in _text(table, "comm")]


_FAULT_COLUMNS = (
    "ts_ns", "duration_ns", "tgid", "comm", "mm_id", "addr", "is_write", "kind", "copied_bytes", "zeroed_bytes", "fork_id",
    "fork_side", "vma_id", "extent_id", "weight",
)  # fmt: skip


def _faults(store: Store, life_comm: list[str], life_tgid: Int) -> tuple[Faults, list[tuple[str, int]]]:
    table = store.lazy("fault").select(_FAULT_COLUMNS).collect()
    ts = _ints(table, "ts_ns")
    if len(ts) and (ts[1:] < ts[:-1]).any():
        table = table.sort("ts_ns", maintain_order=True)
        ts = _ints(table, "ts_ns")
    mm = _ints(table, "mm_id")
    kinds = table["kind"].cast(pl.String).replace_strict(KIND, default=KIND["unknown"], return_dtype=pl.Int8).to_numpy()
    write = table["is_write"].cast(pl.Int8).fill_null(-1).to_numpy()
    addr = _ints(table, "addr")
    page = np.where(addr < 0, -1, addr >> PAGE_SHIFT)
    by_child = (table["fork_side"].cast(pl.String) == "child").fill_null(False).to_numpy()
    groups, group = _groups(table, mm, life_comm, life_tgid)
    faults = Faults(
        ts, _ints(table, "duration_ns"), mm, page, kinds, write, _ints(table, "vma_id"), _ints(table, "extent_id"),
        _ints(table, "fork_id"), by_child, _ints(table, "copied_bytes"), _ints(table, "zeroed_bytes"), _ints(table, "weight", 1), group,
    )  # fmt: skip
    return faults, groups


def _groups(table: pl.DataFrame, mm: Int, life_comm: list[str], life_tgid: Int) -> tuple[list[tuple[str, int]], Int]:
    """The processes of all lives and of faults without a life, and the one of each fault."""
    names: dict[tuple[str, int], int] = {}
    of_life = np.array([names.setdefault(who, len(names)) for who in zip(life_comm, life_tgid.tolist(), strict=True)], np.int64)
    group = np.append(of_life, -1)[mm]
    strangers = np.flatnonzero(group < 0)
    if len(strangers):
        who = table[strangers].select(pl.col("comm").cast(pl.String), "tgid")
        group[strangers] = [names.setdefault((comm, tgid), len(names)) for comm, tgid in who.iter_rows()]
    return list(names), group


def _vmas(store: Store) -> Vmas:
    table = store.lazy("vma").sort("vma_id").collect()
    return Vmas(
        _ints(table, "mm_id"),
        _ints(table, "start_addr"),
        _ints(table, "end_addr"),
        [text or "unknown" for text in _text(table, "vma_kind")],
        _text(table, "path"),
        _ints(table, "start_ns"),
    )


def _extents(store: Store) -> Extents:
    table = store.lazy("vma_extent").sort("extent_id").collect()
    vma, mm, ts, start, end = (np.append(_ints(table, name), -1) for name in ("vma_id", "mm_id", "ts_ns", "start_addr", "end_addr"))
    return Extents(vma, mm, ts, start, end, [*_text(table, "perms"), "????"])


def _calls(store: Store) -> Calls:
    table = store.lazy("memory_call").sort("ts_ns").collect()
    ts, mm, addr, size, new, advice = (_ints(table, name) for name in ("ts_ns", "mm_id", "addr", "size_bytes", "new_addr", "advice"))
    return Calls(ts, mm, _text(table, "call"), addr, size, new, advice)


def _forks(store: Store) -> ForkRows:
    table = store.lazy("fork").sort("fork_id").collect()
    columns = ("ts_ns", "duration_ns", "parent_mm_id", "child_mm_id")
    ts, duration, parent, child = (_ints(table, name) for name in columns)
    return ForkRows(ts, duration, parent, child, _ints(table, "end_ns", NEVER), table["execed"].fill_null(False).to_numpy())
