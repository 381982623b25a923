"""What commands print as JSON is what the published schemas say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.bill import small_bill
from tests.support.cli import cowtrace
from tests.support.live import ROOT
from tests.support.stores import make_store

SCHEMAS = ROOT / "cowtrace" / "schemas"
Capture = pytest.CaptureFixture[str]
SAMPLES = [ROOT / "sample-traces" / name for name in ("redis-bgsave-thp-always.data.zst", "plain-page-faults.data", "truncated.data.zst")]
SMAPS = "ts_ns tgid form rss_kb pss_kb private_dirty_kb shared_dirty_kb\n1 12 smaps 100 60 10 80"
BUDGET = '[budget.a]\nmeasure = "copies"\nmax = 7\nper = "fork"\n\n[budget.b]\nmeasure = "fault_time_ns"\nmax = "1 s"\n'


def valid(name: str, text: str) -> dict[str, Any]:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    document: dict[str, Any] = json.loads(text)
    jsonschema.Draft202012Validator(schema).validate(document)
    assert document["schema"] == schema["title"] == f"cowtrace.{name}/1"
    return document


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("schemas")
    return [
        small_bill(folder / "bill", loss="source_id ts_ns lost_events reason\n0 - - lost", smaps=SMAPS).path,
        small_bill(folder / "hostile", hostile=True, copyup="ts_ns comm trigger path\n1 sed chown -").path,
        make_store(folder / "empty").path,
    ]


@pytest.mark.parametrize("name", ["report", "info"])
def test_reports(capfd: Capture, stores: list[Path], name: str) -> None:
    for path in [*stores, *SAMPLES]:
        valid(name, cowtrace(capfd, name, path, "--format", "json").out)


def test_gates(capfd: Capture, stores: list[Path], tmp_path: Path) -> None:
    (tmp_path / "cow.toml").write_text(BUDGET)
    for path in stores:
        valid("check", cowtrace(capfd, "check", path, "--budget", tmp_path / "cow.toml", "--format", "json").out)
    valid("diff", cowtrace(capfd, "diff", SAMPLES[0], SAMPLES[0], "--fail-on", "copies > +5%", "--format", "json").out)


def test_replays(capfd: Capture, stores: list[Path]) -> None:
    for path in (stores[0], SAMPLES[0]):
        for what in ("never", "always"):
            valid("replay", cowtrace(capfd, "replay", path, "--what-if", f"thp={what}", "--format", "json").out)
        valid("sweep", cowtrace(capfd, "replay", path, "--sweep", "--format", "json").out)
        valid("knobs", cowtrace(capfd, "knobs", path, "--format", "json").out)


def test_the_others(capfd: Capture) -> None:
    valid("guide", cowtrace(capfd, "guide", "--format", "json").out)
    valid("knobs", cowtrace(capfd, "knobs", "--format", "json").out)
    valid("doctor", cowtrace(capfd, "doctor", "--format", "json").out)


def test_schemas_are_schemas() -> None:
    for path in SCHEMAS.glob("*.json"):
        jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))
