"""The recordings in ``sample-traces/`` against what is true of them; needs no privilege and no perf."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cowtrace.ingest import ingest
from tests.support import phase_faults, witness, witnessed
from tests.support.truth import Phase

SAMPLES = Path(__file__).parent.parent / "sample-traces"
WITNESSED = ("apache-prefork", "python-workers", "redis-bgsave-thp-always", "redis-bgsave-thp-never")


def opened(name: str, tmp_path: Path) -> tuple[Any, Path]:
    """What is true of a sample, and the store made of it."""
    (trace,) = SAMPLES.glob(f"{name}.data*")
    ingest([trace], tmp_path / "store")
    return json.loads((SAMPLES / f"{name}.json").read_text())["truth"], tmp_path / "store"


def kinds(store: Path) -> Counter[str]:
    """Rows of the fault table by kind."""
    with duckdb.connect() as db:
        rows = db.execute("SELECT kind, count(*) FROM read_parquet(?) GROUP BY kind", [str(store / "fault.parquet")]).fetchall()
    return Counter(dict(rows))


def test_cowkinds(tmp_path: Path) -> None:
    """Every declared fault: its kind, count, bytes, thread, access."""
    truth, store = opened("cowkinds", tmp_path)
    phases = [Phase(**entry) for entry in truth["phases"]]
    faults = phase_faults.gather(store, phases)
    assert truth["skipped"] == {}
    assert sum(phase.faults for phase in phases) == 8602
    assert [line for p, seen in zip(phases, faults, strict=True) for line in phase_faults.wrong(p, seen)] == []
    assert [line for p, seen in zip(phases, faults, strict=True) for line in phase_faults.wrong_measures(p, seen)] == []
    assert [p.name for p, seen in zip(phases, faults, strict=True) if not phase_faults.exact(p, seen)] == []


@pytest.mark.parametrize("name", WITNESSED)
def test_witnessed(name: str, tmp_path: Path) -> None:
    """Copies, fills and reuses of every process within half a percent of the kernel's account."""
    truth, store = opened(name, tmp_path)
    accounts = {p["tgid"]: witness.Account(p["tgid"], p["comm"], p["begin_ns"], Counter(p["counts"])) for p in truth["processes"]}
    rows = witnessed.compare(store, accounts)
    assert [row for row in rows if not row.agrees] == []


def test_plain_page_faults(tmp_path: Path) -> None:
    """Entries alone tell no outcome, unless the mapping leaves but one: read-only file pages."""
    truth, store = opened("plain-page-faults", tmp_path)
    found = kinds(store)
    assert found.total() == truth["samples"]
    assert found.keys() <= {"unknown", "file_read"}


def test_truncated(tmp_path: Path) -> None:
    """What came before the cut is kept, what is lost is said."""
    truth, store = opened("truncated", tmp_path)
    whole = sum(sum(process["counts"].values()) for process in truth["processes"])
    assert 0.3 * whole < kinds(store).total() < whole
    manifest = json.loads((store / "manifest.json").read_text())
    assert "truncated" in json.dumps(manifest["sources"]).lower()


@pytest.mark.parametrize("name", ("graph-fork-v6", "graph-thp-v7", "graph-fork", "graph-overlay", "kprobe-threads", "events-fork"))
def test_ftrace(name: str, tmp_path: Path) -> None:
    """Each phase's faults by kind and its copy-ups, from what the kernel called; plain exceptions tell fewer, and nothing wrong."""
    (trace,) = (path for form in ("dat", "txt") for path in SAMPLES.glob(f"{name}.{form}.zst"))
    store = ingest([trace], tmp_path / "store")
    truth = json.loads((SAMPLES / f"{name}.json").read_text())["truth"]
    unsure = set(truth.get("told_or_unknown", ()))
    db = store.connect()
    for phase in truth["phases"]:
        window = [phase["begin_ns"], phase["end_ns"]]
        if "kinds" in phase:
            query = "SELECT kind, count(*) FROM fault WHERE ts_ns BETWEEN ? AND ? AND addr >= ? AND addr < ? GROUP BY kind"
            found = dict(db.execute(query, [*window, phase["start"], phase["end"]]).fetchall())
            declared = Counter({"unknown" if kind in unsure else kind: count for kind, count in phase["kinds"].items()})
            assert found == declared, phase["name"]
        if "copyups" in phase:
            query = "SELECT count(*), count(*) FILTER (NOT metadata_only) FROM copyup WHERE ts_ns BETWEEN ? AND ?"
            assert db.execute(query, window).fetchall() == [tuple(phase["copyups"].values())], phase["name"]
    if name != "events-fork":
        told = db.execute("SELECT DISTINCT evidence FROM fault WHERE kind IN ('cow_copy', 'cow_reuse', 'thp_split')").fetchall()
        assert told in ([("span",)], [])
