"""trace.dat through the whole path: every exception is one fault; without page frames the replay decides, or says unknown."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from cowtrace.ingest import ingest
from cowtrace.parsers import tracedat

DATA = Path(__file__).parents[1] / "data" / "tracedat"


def kinds(name: str, tmp_path: Path) -> dict[str, int]:
    store = ingest([DATA / name], tmp_path / "store", quiet=True)
    return dict(store.connect().execute("SELECT kind, count(*) FROM fault GROUP BY kind").fetchall())


def test_copies_and_reuses_of_a_forked_child_are_told_apart(tmp_path: Path) -> None:
    """64 pages copied and 64 reused by construction; the others of each are the program's own stack and data after fork."""
    assert kinds("function-graph-v6.dat.zst", tmp_path) == {
        "anon_zero": 72,
        "cow_copy": 71,
        "cow_reuse": 73,
        "file_cow": 5,
        "file_read": 29,
        "unknown": 12,
    }


@pytest.mark.parametrize("path", sorted(DATA.glob("*.dat*")), ids=lambda path: path.name)
def test_every_sample_ingests(path: Path, tmp_path: Path) -> None:
    store = ingest([path], tmp_path / "store", quiet=True)
    (source,) = store.manifest["sources"]
    exceptions = sum(event["count"] for event in source["events"] if event["name"].startswith("exceptions:page_fault"))
    # exceptions on kernel addresses are no faults of a process
    assert store.manifest["rows"]["fault"] <= exceptions


def test_every_call_is_a_span(tmp_path: Path) -> None:
    """The calls of a function_graph recording, each with its time, as trace-cmd report lists them."""
    store = ingest([DATA / "function-graph-v6.dat.zst"], tmp_path / "store", quiet=True)
    rows = store.connect().execute("SELECT function, count(*), count(duration_ns), max(depth) FROM span GROUP BY 1 ORDER BY 1").fetchall()
    (source,) = store.manifest["sources"]
    counts = {event["name"]: event["count"] for event in source["events"]}
    assert sum(row[1] for row in rows) == counts["ftrace:funcgraph_entry"] == counts["ftrace:funcgraph_exit"]
    assert all(calls == timed for _, calls, timed, _ in rows)
    assert {name: (calls, depth) for name, calls, _, depth in rows} == {
        "__handle_mm_fault": (306, 1),
        "copy_page_range": (12, 0),
        "do_fault": (86, 2),
        "do_wp_page": (147, 2),
        "handle_mm_fault": (306, 0),
        "page_add_new_anon_rmap": (150, 4),
        "ptep_clear_flush": (74, 4),
        "wp_page_copy": (74, 3),
    }


def test_batches_may_end_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page by page the same faults and spans as at once: calls and faults that are open at the end of a batch wait for the next."""
    sample = DATA / "function-graph-v6.dat.zst"
    questions = ("SELECT * FROM fault ORDER BY ts_ns, tid", "SELECT * FROM span ORDER BY ts_ns, depth")
    whole = ingest([sample], tmp_path / "whole", quiet=True).connect()
    at_once = [whole.execute(question).fetchall() for question in questions]
    monkeypatch.setattr(tracedat, "open_tracedat", partial(tracedat.open_tracedat, block_bytes=4096))
    pages = ingest([sample], tmp_path / "pages", quiet=True).connect()
    assert [pages.execute(question).fetchall() for question in questions] == at_once
