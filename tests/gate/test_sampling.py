"""Intervals of sampled recordings hold the truth as often as they say: lossless samples thinned again and again."""

from __future__ import annotations

import pytest

from cowtrace.gate.measures import MEASURES
from cowtrace.ingest import ingest
from cowtrace.store.reader import Store
from tests.gate.thinned import coverage
from tests.support.live import ROOT

REPEATS = 200


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return ingest([ROOT / "sample-traces" / "python-workers.data.zst"], tmp_path_factory.mktemp("thin") / "s", quiet=True)


# of 200 repeats of a 95 % interval 180 to 199 hold the truth, with 99.8 % probability
@pytest.mark.parametrize(("measure", "scope"), [("faults", {}), ("copied_bytes", {}), ("copies", {"kind": "cow_*"})])
def test_coverage(workers: Store, measure: str, scope: dict[str, str]) -> None:
    # unknown faults widen an interval beyond what sampling does: they are left out here
    known = {"kind": "[!u]*", **scope}
    assert 0.90 <= coverage(workers, MEASURES[measure], known, period=7, repeats=REPEATS) <= 0.995


def test_a_sample_of_everything_is_exact(workers: Store) -> None:
    assert coverage(workers, MEASURES["copied_bytes"], {"kind": "cow_*"}, period=1, repeats=1) == 1.0
