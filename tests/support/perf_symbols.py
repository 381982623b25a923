"""Names as ``perf script`` prints them, and as ``cowtrace.symbols`` finds them, in one form to compare."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import polars as pl

from cowtrace.store.reader import Store
from cowtrace.symbols import Sources, Symbols, resolve

#: ``(function+0xoffset or None, dso or None)`` of each frame, innermost first.
Chain = list[tuple[str | None, str | None]]

_FRAME = re.compile(r"^\s+([0-9a-f]+) (.+) \((.*)\)$")


def chains_of_perf(recording: Path, *options: str) -> list[Chain]:
    """One chain for each sample, in perf's order; without recorded chains of one frame."""
    text = subprocess.run(
        ["perf", "script", "-i", recording, "-F", "time,event,ip,sym,symoff,dso", "--no-inline", "--no-demangle", "--ns", *options],
        check=True, capture_output=True, text=True, errors="backslashreplace",
    ).stdout  # fmt: skip
    chains: list[Chain] = []
    for line in text.splitlines():
        head = re.match(r"^\s*\d+\.\d+:\s+\S+\s*(.*)$", line)
        if head is not None:
            chains.append([])
        frame = _FRAME.match(line if head is None else "  " + head[1])
        if frame is not None:
            name, dso = frame[2], frame[3]
            chains[-1].append((None if name == "[unknown]" else name, None if dso == "[unknown]" else dso))
    return chains


def chains_of_store(store: Store, symbols: Symbols) -> list[Chain]:
    """The same from a store's faults, in time order."""
    frame = symbols.frame.with_columns(
        pl.coalesce("linkage_name", "symbol").alias("name"),
        ("+0x" + pl.col("symbol_offset").map_elements(lambda offset: f"{offset:x}", return_dtype=pl.String)).alias("plus"),
    ).with_columns(pl.col("name") + pl.col("plus"))
    names = dict(zip(frame["frame_id"].to_list(), zip(frame["name"].to_list(), frame["dso"].to_list(), strict=True), strict=True))
    spaces = dict(symbols.text_space.iter_rows())
    at: dict[tuple[int | None, int], list[tuple[int, int, int]]] = {}
    for mm, ip, start, end, place in symbols.ip_frame.iter_rows():
        at.setdefault((mm, ip), []).append((start, end, place))
    by_stack: dict[tuple[int | None, int], list[tuple[int, int, int]]] = {}
    for mm, stack, start, end, _, place in symbols.stack_frame.sort("depth", maintain_order=True).iter_rows():
        by_stack.setdefault((mm, stack), []).append((start, end, place))
    chains = []
    faults = store.lazy("fault").sort("ts_ns", maintain_order=True).select("mm_id", "ts_ns", "ip", "stack_id").collect()
    for mm, ts, ip, stack in faults.iter_rows():
        found = at[(spaces.get(mm), ip)] if stack is None else by_stack[(spaces.get(mm), stack)]
        chains.append([names[place] for start, end, place in found if start <= ts < end])
    return chains


def differences(recording: Path, store: Store, *options: str, sources: Sources | None = None) -> tuple[int, list[str]]:
    """Frames compared, and those that differ as ``perf | cowtrace``."""
    ours, perfs = chains_of_store(store, resolve(store, sources)), chains_of_perf(recording, *options)
    assert len(ours) == len(perfs)
    wrong = []
    count = 0
    for mine, theirs in zip(ours, perfs, strict=True):
        if len(mine) != len(theirs):
            wrong.append(f"{theirs} | {mine}")
        for own, other in zip(mine, theirs, strict=False):
            count += 1
            if own != other:
                wrong.append(f"{other} | {own}")
    return count, wrong
