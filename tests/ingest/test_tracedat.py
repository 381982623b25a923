"""trace.dat through the whole path: every exception is one fault; without page frames the replay decides, or says unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowtrace.ingest import ingest

DATA = Path(__file__).parents[1] / "data" / "tracedat"


def kinds(name: str, tmp_path: Path) -> dict[str, int]:
    store = ingest([DATA / name], tmp_path / "store", quiet=True)
    return dict(store.connect().execute("SELECT kind, count(*) FROM fault GROUP BY kind").fetchall())


def test_copies_and_reuses_of_a_forked_child_are_told_apart(tmp_path: Path) -> None:
    """64 pages copied and 64 reused by construction; the other seven of each are the program's own stack and data after fork."""
    assert kinds("function-graph-v6.dat.zst", tmp_path) == {"cow_copy": 71, "cow_reuse": 71, "zero_page_cow": 1, "unknown": 119}


@pytest.mark.parametrize("path", sorted(DATA.glob("*.dat*")), ids=lambda path: path.name)
def test_every_sample_ingests(path: Path, tmp_path: Path) -> None:
    store = ingest([path], tmp_path / "store", quiet=True)
    (source,) = store.manifest["sources"]
    exceptions = sum(event["count"] for event in source["events"] if event["name"].startswith("exceptions:page_fault"))
    # exceptions on kernel addresses are no faults of a process
    assert store.manifest["rows"]["fault"] <= exceptions
