"""Confidential copies: no private name survives in any file, the bill stays the same, equal names stay equal."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from cowtrace.report import RENDERERS, render
from cowtrace.report.bill import compose
from cowtrace.schema import TABLES
from cowtrace.store.confidential import PUBLIC, confidential_copy, hash_name, local_key
from cowtrace.store.reader import Store
from tests.support.bill import small_bill
from tests.support.cli import cowtrace

KEY = b"k" * 32
SECRETS = ("redis", "/lib/libc.so.6", "/srv/secret.db", "db1", "/home/me", "/user.slice")
SMAPS = "ts_ns tgid form path\n1 12 smaps /srv/secret.db\n1 12 smaps [heap]"


def original(path: Path) -> Path:
    return small_bill(
        path,
        smaps=SMAPS,
        copyup="ts_ns comm trigger path\n1 redis chown /srv/secret.db",
        cgroup="cgroup_id path\n1 /user.slice",
        source="source_id path\n0 /home/me/perf.data",
    ).path


def test_no_private_name_is_left(tmp_path: Path) -> None:
    copy = confidential_copy(Store(original(tmp_path / "s")), tmp_path / "copy", KEY)
    for name in TABLES:
        said = json.dumps(copy.lazy(name).collect().to_dicts(), default=str)
        assert [secret for secret in SECRETS if secret in said] == [], name
    manifest = json.dumps(copy.manifest)
    assert [secret for secret in SECRETS if secret in manifest] == []
    for form in RENDERERS:
        page = render(compose(copy), form)
        shown = page.replace("cowtrace", "") if form != "html" else page[: page.index("<script>")]
        assert [secret for secret in SECRETS if secret in shown] == [], form
        assert str(tmp_path) not in shown


def test_the_bill_is_the_same(tmp_path: Path) -> None:
    store = Store(original(tmp_path / "s"))
    before, after = compose(store), compose(confidential_copy(store, tmp_path / "copy", KEY))
    assert after.total == before.total
    assert [row.kind for row in after.kinds] == [row.kind for row in before.kinds]
    assert after.processes.rows[0].keys == {"comm": hash_name("redis", "comm", KEY), "tgid": 12}
    assert after.memory[0]["tgid"] == 12


def test_hashes_are_keyed_and_by_column() -> None:
    hashes = {hash_name("redis", "comm", KEY), hash_name("redis", "path", KEY), hash_name("redis", "comm", b"j" * 32)}
    assert len(hashes) == 3
    assert hash_name("redis", "comm", KEY) == hash_name("redis", "comm", KEY)
    assert (hash_name("[heap]", "path", KEY), hash_name("", "path", KEY)) == ("[heap]", "")


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    first = local_key(tmp_path / "cache")
    assert (len(first), local_key(tmp_path / "cache")) == (32, first)
    assert (tmp_path / "cache" / "confidential.key").stat().st_mode & 0o777 == 0o600


def test_every_text_column_is_decided() -> None:
    texts = {
        column.name
        for table in TABLES.values()
        for column in table.columns
        if pa.types.is_dictionary(column.type) or pa.types.is_string(column.type)
    }
    overlay = {"mount_point", "upper", "upper_path", "lower"}
    assert texts - PUBLIC == {"comm", "path", "sha256", "facts", "build_id", "module", "symbol"} | overlay


def test_commands(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COWTRACE_CACHE", str(tmp_path / "cache"))
    store = original(tmp_path / "s")
    ran = cowtrace(capfd, "report", store, "--confidential")
    assert ran.code == 0
    assert "redis" not in ran.out
    assert ran.out.startswith("comm-")
    assert cowtrace(capfd, "ingest", store, "-o", tmp_path / "copy", "--confidential").code == 0
    assert "redis" not in cowtrace(capfd, "report", tmp_path / "copy").out
