"""A recording made of readable lines, for tests of everything behind the parsers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from cowtrace.parsers.base import BATCH_DTYPES, SIDE_BAND_SCHEMAS, EventDesc, FieldDesc, SideBand, SourceInfo

SAMPLE_COLUMNS = frozenset({"ts_ns", "tgid", "tid", "cpu", "ip", "addr", "period", "cpumode"})


def software(index: int, name: str, *extra: str) -> EventDesc:
    """A software event; ``extra`` names further columns such as phys_addr."""
    return EventDesc(index, name, SAMPLE_COLUMNS | set(extra))


def tracepoint(index: int, name: str, *fields: str) -> EventDesc:
    """A tracepoint with 8-byte fields."""
    described = tuple(FieldDesc(field, "u64", 8 * i, 8, False, "int", 8) for i, field in enumerate(fields))
    return EventDesc(index, name, SAMPLE_COLUMNS, described)


@dataclass
class FakeBatch:
    """``EventBatch`` over dictionaries, one an event: columns, ``event``, payload fields under ``f``, addresses under ``chain``."""

    lines: list[dict[str, Any]]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        self.count = len(self.lines)
        self.columns = {name: np.array([line.get(name, 0) for line in self.lines], BATCH_DTYPES[name]) for name in self.names}
        self.event = np.array([line["event"] for line in self.lines], np.uint16)

    def rows(self, event: int) -> np.ndarray:
        return np.flatnonzero(self.event == event)

    def field(self, event: int, name: str) -> np.ndarray:
        return np.array([self.lines[row]["f"][name] for row in self.rows(event)], np.int64)

    def field_values(self, event: int, name: str) -> list[Any]:
        return [self.lines[row]["f"][name] for row in self.rows(event)]

    def chains(self) -> tuple[np.ndarray, np.ndarray]:
        chains = [line.get("chain", []) for line in self.lines]
        return np.cumsum([0, *map(len, chains)]), np.array([ip for chain in chains for ip in chain], np.uint64)


@dataclass
class FakeRecording:
    """``Recording`` from events and side-band rows given as dictionaries."""

    events: list[EventDesc]
    lines: list[dict[str, Any]]
    side: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    batch_lines: int = 1 << 30
    info: SourceInfo = field(default_factory=lambda: SourceInfo("fake", "fake", kernel_release="6.18.0"))

    def side_band(self) -> SideBand:
        tables = {}
        for name, schema in SIDE_BAND_SCHEMAS.items():
            rows = [{column: row.get(column) for column in schema} for row in self.side.get(name, [])]
            tables[name] = pl.DataFrame(rows, schema=schema, orient="row")
        self.info.first_ns = min((line["ts_ns"] for line in self.lines), default=0)
        return SideBand(**tables)

    def function_names(self, values: np.ndarray, *, within_bytes: int = 32) -> list[str]:
        return [f"0x{value:x}" for value in values.tolist()]

    def batches(self) -> Iterator[FakeBatch]:
        names = tuple(sorted(frozenset().union(*(event.columns for event in self.events))))
        lines = sorted(self.lines, key=lambda line: line["ts_ns"])
        for start in range(0, len(lines), self.batch_lines):
            yield FakeBatch(lines[start : start + self.batch_lines], names)
