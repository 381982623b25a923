"""Huge pages that ``record --occupancy`` looked into: which fill a look belongs to, and what it makes of thp=never."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cowtrace.replay import replay
from cowtrace.replay.occupancy import COLUMNS, seen_in
from cowtrace.replay.touches import HUGE_FILL, anonymous
from cowtrace.replay.trace import Trace
from cowtrace.store.reader import Store
from tests.support.stores import make_store

A, B = 2 << 21, 3 << 21
#: The process of mm 0 executes a new program at 1000; block A is given back and filled again at 500.
TABLES = {
    "process": "mm_id tgid parent_mm_id comm start_ns end_ns how\n0 12 - app 0 1000 seen\n1 12 0 app 1000 - exec\n",
    "vma": f"vma_id mm_id start_addr end_addr\n0 0 {A} {B + (1 << 21)}\n1 1 {A} {B + (1 << 21)}\n",
    "fault": "ts_ns mm_id vma_id addr kind is_write duration_ns zeroed_bytes copied_bytes\n"
    f"100 0 0 {A} thp_zero yes 50 2097152 0\n"
    f"200 0 0 {B} thp_zero yes 50 2097152 0\n"
    f"500 0 0 {A + 4096} thp_zero yes 50 2097152 0\n"
    f"1500 1 1 {A} thp_zero yes 50 2097152 0\n"
    "2000 1 - 4096 file_read no 50 0 0\n",
}
LOOKS = [
    [12, A, 50, 9, 50, 9],  # of a life before the recording
    [12, A, 150, 10, 400, 512],
    [12, A, 600, 5, 600, 5],
    [12, B, 250, 7, 900, 7],  # nothing was written between the looks
    [13, B, 250, 300, 900, 300],  # a stranger
    [12, A, 1600, 100, 1700, 200],
]


def store_with(path: Path, looks: Any) -> Store:
    store = make_store(path, **TABLES)
    store.manifest["recording"] = {"huge_page_occupancy": looks}
    return store


def test_a_look_belongs_to_the_fill_before_it(tmp_path: Path) -> None:
    trace = Trace(store_with(tmp_path / "s", {"columns": list(COLUMNS), "rows": LOOKS}))
    anon = anonymous(trace)
    fills = anon.take(anon.role == HUGE_FILL)
    seen = seen_in(trace, anon, fills)
    assert seen is not None
    assert fills.ts_ns.tolist() == [100, 200, 500, 1500]
    assert seen.looked.tolist() == [True, True, True, True]
    assert seen.written.tolist() == [512, 7, 5, 200]
    np.testing.assert_allclose(seen.unseen, [0.25, 0.0, 0.8, 0.6])


def test_full_pages_are_counted_exactly(tmp_path: Path) -> None:
    rows = [[12, A, 150, 512, 400, 512], [12, B, 250, 512, 900, 512], [12, A, 600, 512, 600, 512], [12, A, 1600, 512, 1700, 512]]
    result = replay(store_with(tmp_path / "s", {"columns": list(COLUMNS), "rows": rows}), ["thp=never"])
    kinds = {row.kind: row.what_if["faults"] for row in result.by_kind}
    assert kinds["anon_zero"] is not None
    assert kinds["anon_zero"].value == 4 * 512


@pytest.mark.parametrize(
    "looks",
    [
        None,
        [],
        {"columns": ["tgid"], "rows": [[1]]},
        {"columns": list(COLUMNS)},
        {"columns": list(COLUMNS), "rows": []},
        {"columns": list(COLUMNS), "rows": [["x"] * 6]},
        {"columns": list(COLUMNS), "rows": [[2**70] * 6]},
        {"columns": list(COLUMNS), "rows": [[1, 2]]},
    ],
)
def test_foreign_looks_are_no_clue(tmp_path: Path, looks: Any) -> None:
    trace = Trace(store_with(tmp_path / "s", looks))
    anon = anonymous(trace)
    assert seen_in(trace, anon, anon.take(anon.role == HUGE_FILL)) is None
