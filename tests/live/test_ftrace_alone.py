"""Truth by construction where nothing but the exceptions of faults is recorded, and what their threads allocated and counted after."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import knobs, live, phase_faults, truth

pytestmark = [pytest.mark.live, pytest.mark.skipif(live.unavailable() is not None, reason=str(live.unavailable()))]


@pytest.mark.parametrize("level", ["low", "standard", "full"])
def test_no_kind_is_wrong_and_no_unknown_excludes_the_truth(level: str, tmp_path: Path) -> None:
    program = truth.build(tmp_path)
    with knobs.everything():
        live.record(f"{level}+ftrace-alone", tmp_path / "rec", [str(program), str(tmp_path / "log"), str(tmp_path)])
    store = live.ingest(tmp_path / "rec", tmp_path / "store")
    phases, skipped = truth.read_log(tmp_path / "log")
    pairs = list(zip(phases, phase_faults.gather(store, phases), strict=True))
    assert skipped == {}
    assert [line for phase, seen in pairs for line in phase_faults.wrong(phase, seen)] == []
    # the last page of a loop may stay open: a call that allocates follows it
    told = {"child_first_fill", "child_first_child", "child_first_parent", "exit_parent", "siblings_child", "siblings_parent"}
    assert [phase.name for phase, seen in pairs if phase.name in told and seen.kinds["unknown"] > 2] == []
