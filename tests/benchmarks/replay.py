"""``python -m tests.benchmarks.replay FOLDER``: CPU seconds of replaying a made store of 5 million faults, as JSON.

The hard case: one process fills 800 MiB and forks 100 times; every child copies a stretch of it, the parent writes it afterwards.
Nothing but faults whose outcome depends on who still shares what.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cowtrace.replay.engine import Replayer
from cowtrace.replay.scenario import parse
from cowtrace.replay.sweep import sweep
from cowtrace.schema import TABLES
from cowtrace.store.reader import Store
from cowtrace.store.writer import StoreWriter

FAULTS, PAGES, CHILDREN = 5_000_000, 200_000, 100
BASE = 1 << 30
PLAIN: dict[str, Any] = {
    "tid": 0, "evidence": "frames", "confidence": 1.0, "weight": 1, "comm": "app", "pgoff": 0, "perms": "rw-p", "vma_kind": "anon",
    "execed": False, "start_ns": 0, "ts_ns": 0,
}  # fmt: skip


def _table(name: str, **columns: Any) -> pa.Table:
    count = len(next(iter(columns.values())))
    schema = TABLES[name].arrow()
    made = []
    for field in schema:
        if field.name in columns:
            made.append(pa.array(columns[field.name]).cast(field.type))
        elif field.nullable:
            made.append(pa.nulls(count, field.type))
        else:
            made.append(pa.repeat(pa.scalar(PLAIN[field.name]), count).cast(field.type))
    return pa.Table.from_arrays(made, schema=schema)


def make(path: Path) -> Store:
    """The store."""
    rng = np.random.default_rng(1)
    each = (FAULTS - PAGES) // CHILDREN // 2
    space, page, kind, ts, born, ended = (
        [np.zeros(PAGES, np.int64)],
        [np.arange(PAGES)],
        ["anon_zero"],
        [np.arange(PAGES) * 1000],
        [],
        [],
    )
    now = PAGES * 1000
    for child in range(1, CHILDREN + 1):
        stretch = rng.integers(0, PAGES - each) + np.arange(each)
        born.append(now + 500)
        for who, what in ((child, "cow_copy"), (0, "cow_reuse")):
            space.append(np.full(each, who))
            page.append(stretch)
            kind.append(what)
            ts.append(now + 1000 + np.arange(each) * 1000)
            now += each * 1000 + 2000
            if who:
                ended.append(now - 500)
    mm = np.concatenate(space)
    kinds = pa.concat_arrays([pa.repeat(pa.scalar(name), len(part)) for name, part in zip(kind, page, strict=True)])
    numbers, addr = np.arange(CHILDREN), ((BASE + np.concatenate(page)) << 12).astype(np.uint64)
    zero = np.zeros(len(mm), np.int64)
    with StoreWriter(path, force=True) as writer:
        writer.table("fault").write(
            _table(
                "fault",
                ts_ns=np.concatenate(ts),
                duration_ns=zero + 900,
                tgid=mm + 100,
                mm_id=mm,
                addr=addr,
                kind=kinds,
                vma_id=zero,
                extent_id=zero,
            )
        )
        lives = np.arange(CHILDREN + 1)
        parents = pa.array([None, *[0] * CHILDREN])
        how = ["exec", *["fork"] * CHILDREN]
        writer.table("process").write(
            _table(
                "process",
                mm_id=lives,
                tgid=lives + 100,
                parent_mm_id=parents,
                start_ns=[0, *born],
                end_ns=pa.array([None, *ended]),
                how=how,
            )
        )
        forks = {"fork_id": numbers, "ts_ns": born, "duration_ns": numbers + 5_000_000, "parent_tgid": numbers * 0 + 100, "end_ns": ended}
        writer.table("fork").write(_table("fork", **forks, child_tgid=numbers + 101, parent_mm_id=numbers * 0, child_mm_id=numbers + 1))
        where = {"mm_id": [0], "start_addr": [BASE << 12], "end_addr": [(BASE + PAGES) << 12]}
        writer.table("vma").write(_table("vma", vma_id=[0], **where))
        writer.table("vma_extent").write(_table("vma_extent", extent_id=[0], vma_id=[0], **where))
        writer.finish({"schema_version": 1, "cowtrace_version": "0", "sources": [], "host": {"kernel_release": "6.18.1"}})
    return Store(path)


def main() -> None:
    """Measure and print."""
    store = make(Path(sys.argv[1]) / "replay.store")
    replayer = Replayer(store)
    seconds = {}
    for name in ("thp=never", "thp=always", "fork=none", "fork=odf"):
        begin = time.process_time()
        replayer.run(parse([name]), processes=False)
        seconds[name] = time.process_time() - begin
    begin = time.process_time()
    tried = len(sweep(store).entries)
    print(json.dumps({"faults": FAULTS, "seconds": seconds, "sweep_s": time.process_time() - begin, "scenarios": tried}))


if __name__ == "__main__":
    main()
