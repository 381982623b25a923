"""The overlay recordings in ``sample-traces/`` against a walk of the upper layer; needs no privilege and no mount."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import cowtrace
from cowtrace.ingest import ingest
from tests.support import overlay
from tests.test_sample_traces import SAMPLES
from tests.workloads.overlay import ALL

NAMES = [f"overlay-{workload.name}-metacopy-{state}" for workload in ALL for state in ("off", "on")]


def opened(name: str, folder: Path, *without: str) -> tuple[dict[str, Any], overlay.Workload, list[dict[str, Any]]]:
    """What is true of a sample, its workload, and the rows of the ledger; ``without`` names parts of the recording to leave out."""
    truth = json.loads((SAMPLES / f"{name}.json").read_text())["truth"]
    recording = folder / "recording"
    shutil.copytree(SAMPLES / f"{name}.rec", recording, ignore=shutil.ignore_patterns(*without))
    ingest([recording], folder / "store", quiet=True)
    store = cowtrace.open(folder / "store")
    workload = next(workload for workload in ALL if workload.name == truth["workload"])
    return truth, workload, store.sql("FROM copyup ORDER BY ts_ns, metadata_only DESC").to_dicts()


@pytest.mark.parametrize("name", NAMES)
def test_every_copy_with_its_cause(name: str, tmp_path: Path) -> None:
    truth, workload, rows = opened(name, tmp_path)
    assert overlay.disagreements(rows, truth["entries"], workload, truth["mount_point"]) == []
    assert min(row["confidence"] for row in rows) >= 0.75


@pytest.mark.parametrize("name", NAMES)
def test_without_call_chains_less_sure_and_still_right(name: str, tmp_path: Path) -> None:
    truth, workload, rows = opened(name, tmp_path, "kallsyms.zst")
    assert overlay.disagreements(rows, truth["entries"], workload, truth["mount_point"]) == []
    assert max(row["confidence"] for row in rows) < 0.98


@pytest.mark.parametrize("name", NAMES)
def test_without_a_listing_no_names_and_lower_confidence(name: str, tmp_path: Path) -> None:
    truth, workload, rows = opened(name, tmp_path, "kallsyms.zst", "overlay")
    assert {row["path"] for row in rows} <= {None}
    assert {row["confidence"] for row in rows} <= {0.5}
    causes = {*workload.triggers.values(), *workload.later.values()}
    assert {row["trigger"] for row in rows} <= causes
    entries = [entry for entry in truth["entries"] if entry["copied"] and entry["is_file"] and not entry["metacopy"]]
    # a file's last page counts as a whole one
    data = sum(entry["size_bytes"] for entry in entries)
    assert 0.99 * data <= sum(row["copied_bytes"] for row in rows) <= data + 4096 * len(entries)


def test_the_layer_adds_up(tmp_path: Path) -> None:
    truth, _, _ = opened("overlay-build-metacopy-off", tmp_path)
    ((gained, copied, explained, new, files),) = (
        cowtrace.open(tmp_path / "store")
        .sql("SELECT gained_bytes, copyup_bytes, explained_bytes, new_bytes, copied_file_count FROM copyup_layers")
        .rows()
    )
    data = [entry for entry in truth["entries"] if entry["is_file"] and not entry["metacopy"]]
    assert gained == sum(entry["size_bytes"] for entry in data) == copied + new
    assert explained == copied
    assert files == sum(entry["copied"] for entry in data)
