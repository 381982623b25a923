"""``cowtrace calibrate`` on this machine: every kind priced, costs in a believable order, settings as they were."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import knobs, live

pytestmark = [pytest.mark.live, pytest.mark.skipif(live.unavailable() is not None, reason=str(live.unavailable()))]

KINDS = {"anon_zero", "cow_copy", "cow_reuse", "file_cow", "file_read", "shmem", "zero_page", "zero_page_cow"}
HUGE = {"thp_zero", "thp_split", "thp_reuse"}


@pytest.mark.parametrize("policy", ["madvise", "never"])
def test_calibrate(tmp_path: Path, policy: str) -> None:
    if not (knobs.THP / "enabled").exists():
        pytest.skip("this kernel has no huge pages")
    path = tmp_path / "profile.json"
    with knobs.one_at_a_time(), knobs.setting(knobs.THP / "enabled", policy):
        before = {file: file.read_text() for file in knobs.THP.glob("**/enabled")}
        live.cowtrace("calibrate", "-o", path)
        assert {file: file.read_text() for file in knobs.THP.glob("**/enabled")} == before
    profile = json.loads(path.read_text())
    assert profile["schema"] == "cowtrace.profile/1"
    costs = {kind: cost["p50_ns"] for kind, cost in profile["costs"].items()}
    assert set(costs) >= KINDS | HUGE
    assert costs["cow_reuse"] < costs["cow_copy"] < costs["thp_split"] < costs["thp_zero"]
    assert costs["zero_page"] < costs["anon_zero"]
    assert profile["costs"]["cow_copy"]["n"] >= 2048
    fork = profile["fork"]
    assert 10 < fork["ns_per_pte"] < 1000
    assert fork["ns_per_pmd"] < 512 * fork["ns_per_pte"]
