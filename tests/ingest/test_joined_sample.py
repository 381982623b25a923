"""A recording of ``cowtrace record --with ftrace``: software events in perf.data, tracepoints in trace.dat, truth declared."""

from __future__ import annotations

import json
from pathlib import Path

from cowtrace.ingest import ingest
from tests.support import phase_faults
from tests.support.truth import Phase

SAMPLES = Path(__file__).parents[2] / "sample-traces"


def test_perf_and_ftrace_of_one_run(tmp_path: Path) -> None:
    """Every declared fault has its kind, from the frames of one recording and the error codes and allocations of the other."""
    truth = json.loads((SAMPLES / "cowkinds-ftrace.json").read_text())["truth"]
    phases = [Phase(**entry) for entry in truth["phases"]]
    store = ingest([SAMPLES / "cowkinds-ftrace.rec"], tmp_path / "store", quiet=True)
    faults = phase_faults.gather(store.path, phases)
    assert truth["skipped"] == {}
    assert [line for p, seen in zip(phases, faults, strict=True) for line in phase_faults.wrong(p, seen)] == []
    assert [p.name for p, seen in zip(phases, faults, strict=True) if not phase_faults.exact(p, seen)] == []
    db = store.connect()
    (all_of_them, told, timed) = db.execute("SELECT count(*), count(error_code), count(duration_ns) FROM fault").fetchone() or (0, 0, 0)
    assert all_of_them == told >= timed > 0
    sources = {Path(source["path"]).name: source for source in store.manifest["sources"]}
    assert sources["trace.dat.zst"]["notes"][0]["text"] == "the same run as perf.data.zst: the two are read as one recording"
    counts = {event["name"]: event["count"] for source in sources.values() for event in source["events"] if event["count"]}
    assert counts["page-faults"] == all_of_them
