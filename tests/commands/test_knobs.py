"""cowtrace knobs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cowtrace.knobs.measurable import MEASURABLE
from cowtrace.queries import catalog
from cowtrace.replay.policies import POLICIES
from cowtrace.replay.scenario import UNPRICEABLE
from tests.support.bill import small_bill
from tests.support.cli import cowtrace


def test_every_knob_is_in_one_group(capfd: pytest.CaptureFixture[str]) -> None:
    found = json.loads(cowtrace(capfd, "knobs", "--format", "json").out)
    assert found["schema"] == "cowtrace.knobs/1"
    groups: dict[str, set[str]] = {}
    for knob in found["knobs"]:
        groups.setdefault(knob["group"], set()).add(knob["name"])
    assert groups == {"modelled": set(POLICIES), "measurable": set(MEASURABLE), "not knowable": set(UNPRICEABLE)}


def test_queries_exist() -> None:
    named = [ask.split()[-1] for _, ask in MEASURABLE.values() if ask.startswith("cowtrace query")]
    assert set(named) <= catalog().keys()


def test_with_a_recording(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    store = small_bill(tmp_path / "s").path
    text = cowtrace(capfd, "knobs", store).out
    assert "thp=always: 12 -> " in text
    assert "swappiness: it chooses what to reclaim" in text
