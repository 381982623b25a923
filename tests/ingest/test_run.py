"""A store is whole or absent, and equal inputs give equal bytes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cowtrace.errors import InputError, StoreError, UsageError
from cowtrace.ingest import ingest, resolve
from cowtrace.schema import TABLES
from cowtrace.store.reader import Store

SAMPLES = Path(__file__).parents[2] / "sample-traces"
REDIS = SAMPLES / "redis-bgsave-thp-never.data.zst"
PLAIN = SAMPLES / "plain-page-faults.data"


def contents(store: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(store.iterdir())}


def test_equal_inputs_give_equal_bytes(tmp_path: Path) -> None:
    ingest([REDIS], tmp_path / "a")
    ingest([REDIS], tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_every_declared_table_exists_with_its_columns(tmp_path: Path) -> None:
    store = ingest([PLAIN], tmp_path / "store")
    connection = store.connect()
    for name, table in TABLES.items():
        columns = [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
        assert columns[: len(table.columns)] == list(table.names())


def test_faults_by_kind_and_by_fork_add_up(tmp_path: Path) -> None:
    connection = ingest([REDIS], tmp_path / "store").connect()
    (total,) = connection.execute("SELECT count(*) FROM fault").fetchone() or (0,)
    (by_kind,) = connection.execute("SELECT sum(n) FROM (SELECT count(*) n FROM fault GROUP BY kind)").fetchone() or (0,)
    (by_fork,) = connection.execute("SELECT sum(n) FROM (SELECT count(*) n FROM fault GROUP BY fork_id)").fetchone() or (0,)
    (dangling,) = connection.execute(
        "SELECT count(*) FROM fault ANTI JOIN fork USING (fork_id) WHERE fault.fork_id IS NOT NULL"
    ).fetchone() or (1,)
    assert (by_kind, by_fork, dangling) == (total, total, 0)


def test_existing_store_is_refused_then_replaced_by_force(tmp_path: Path) -> None:
    ingest([PLAIN], tmp_path / "store")
    with pytest.raises(UsageError, match="--force replaces it"):
        ingest([PLAIN], tmp_path / "store")
    ingest([PLAIN], tmp_path / "store", force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]


def test_a_folder_that_is_no_store_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="never overwritten"):
        ingest([PLAIN], tmp_path / "mine", force=True)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_failure_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("dear diary")
    with pytest.raises(InputError, match="it looks like text"):
        ingest([tmp_path / "notes.txt"], tmp_path / "store")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt"]


def test_one_bad_input_among_good_ones_is_told_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "bad.data").write_bytes(b"PERFILE2" + bytes(20))
    store = ingest([PLAIN, tmp_path / "bad.data"], tmp_path / "store")
    good, bad = store.manifest["sources"]
    assert (good["format"], bad["format"]) == ("perf.data", "unreadable")
    assert "bad.data" in bad["notes"][0]["text"]


def test_killed_ingest_leaves_no_store_and_a_rerun_finishes_it(tmp_path: Path) -> None:
    target = tmp_path / "store"
    script = "import sys; from cowtrace.ingest import ingest; ingest(sys.argv[2:], sys.argv[1])"
    process = subprocess.Popen([sys.executable, "-c", script, str(target), *[str(REDIS)] * 40])
    deadline = time.monotonic() + 30
    while not (tmp_path / "store.partial" / "fault.parquet").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store.partial"]
    with pytest.raises(StoreError, match="not a cowtrace store"):
        Store(tmp_path / "store.partial")
    assert len(ingest([REDIS], target).manifest["sources"]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]


def test_cache_is_keyed_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COWTRACE_CACHE", str(tmp_path / "cache"))
    trace = tmp_path / "perf.data"
    shutil.copy(PLAIN, trace)
    first = resolve([trace])
    os.utime(trace, (1, 1))
    assert resolve([trace]).path == first.path
    monkeypatch.chdir(tmp_path)
    assert resolve([]).manifest["rows"] == first.manifest["rows"]
    trace.write_bytes((SAMPLES / "truncated.data.zst").read_bytes())
    assert resolve([trace]).path != first.path


def test_nothing_here_names_what_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"none of cowtrace\.rec, perf\.data, trace\.dat is here"):
        resolve([])


def test_hostile_names_do_not_leave_the_sql_string(tmp_path: Path) -> None:
    target = tmp_path / "it's; DROP TABLE fault"
    ingest([PLAIN], target)
    assert Store(target).connect().execute("SELECT count(*) > 0 FROM fault").fetchone() == (True,)
