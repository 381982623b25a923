"""Stores of other versions of cowtrace."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cowtrace.errors import StoreError
from cowtrace.schema import TABLES
from cowtrace.store.reader import Store, sql_type
from tests.support.stores import make_store

FAULTS = """
    ts_ns cpu addr ip is_user kind copied_bytes
    5 0 4096 1 yes cow_copy 4096
    7 0 8192 1 yes anon_zero 0
"""


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A store from before fault.copied_bytes and fault.kind, and from before table span."""
    folder = make_store(tmp_path / "store", fault=FAULTS).path
    faults = pq.read_table(folder / "fault.parquet")
    pq.write_table(faults.drop_columns(["copied_bytes", "kind"]), folder / "fault.parquet")
    (folder / "span.parquet").unlink()
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["rows"]["span"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_what_an_older_store_lacks_is_null_or_empty_in_sql(older: Path) -> None:
    db = Store(older).connect()
    assert db.execute("SELECT ts_ns, copied_bytes, kind FROM fault ORDER BY ts_ns").fetchall() == [(5, None, None), (7, None, None)]
    assert db.execute("SELECT sum(duration_ns), count(*) FROM span").fetchall() == [(None, 0)]
    types = dict(db.execute("SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'fault'").fetchall())
    assert (types["copied_bytes"], types["kind"]) == ("BIGINT", "VARCHAR")


def test_what_an_older_store_lacks_is_null_or_empty_in_frames(older: Path) -> None:
    store = Store(older)
    assert store.lazy("fault").select("ts_ns", "copied_bytes", "kind").collect().rows() == [(5, None, None), (7, None, None)]
    assert store.lazy("span").collect().shape == (0, len(TABLES["span"].columns))


def test_every_declared_type_has_a_name_in_sql_and_every_table_all_columns(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store")
    for table in TABLES.values():
        (store.path / f"{table.name}.parquet").unlink()
    (store.path / "manifest.json").write_text(json.dumps({"schema_version": 1, "rows": {}}))
    db = Store(store.path).connect()
    for table in TABLES.values():
        described = db.execute(f"DESCRIBE {table.name}").fetchall()
        assert [(row[0], row[1]) for row in described] == [(column.name, sql_type(column.type)) for column in table.columns]


def test_a_store_of_a_newer_schema_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"schema_version": 2, "cowtrace_version": "3.1", "rows": {}}))
    with pytest.raises(StoreError) as caught:
        Store(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: made by cowtrace 3.1 with schema version 2, this cowtrace reads up to 1; "
        "update cowtrace, or ingest again with --force"
    )


def test_a_table_that_was_written_and_is_gone_is_damage(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", fault=FAULTS)
    (store.path / "fork.parquet").unlink()
    with pytest.raises(StoreError, match="table fork is missing; ingest again with --force"):
        Store(store.path)


def test_a_table_that_is_no_parquet_is_damage(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", fault=FAULTS)
    (store.path / "fork.parquet").write_bytes(b"PAR1")
    with pytest.raises(StoreError, match=r"store: unreadable \(fork\.parquet: ArrowInvalid\); ingest the recording again with --force$"):
        Store(store.path).connect()
