"""Costs of folios by their size: from a profile, else from the ratio to a base page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cowtrace.replay.costs import Costs
from cowtrace.replay.trace import Trace
from tests.support.stores import make_store


def entry(mean_ns: int) -> dict[str, int]:
    return {"n": 100, "mean_ns": mean_ns, "p10_ns": mean_ns // 2, "p50_ns": mean_ns, "p90_ns": 2 * mean_ns}


PROFILE: dict[str, Any] = {
    "schema": "cowtrace.profile/1",
    "host": "db1",
    "costs": {"thp_zero": entry(200_000)},
    "mthp_zero": {"65536": entry(5_000), "1048576": entry(40_000)},
}


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    faults = "".join(f"{number} 0 {4096 * number} anon_zero yes 2000\n" for number in range(1, 101))
    store = make_store(
        tmp_path / "s",
        process="mm_id tgid comm\n0 12 app\n",
        fault=f"ts_ns mm_id addr kind is_write duration_ns\n{faults}",
    )
    return Trace(store)


def test_a_profile_knows_folios_by_size(trace: Trace) -> None:
    costs = Costs(trace, PROFILE)
    for size_bytes, mean_ns in ((65536, 5_000), (1 << 20, 40_000)):
        cost = costs.for_folios(size_bytes).of("mthp_zero")
        assert cost is not None
        assert (cost.mean_ns, cost.low_ns, cost.high_ns) == (mean_ns, mean_ns / 2, 2 * mean_ns)
        assert cost.source.startswith("profile of db1")


def test_without_a_profile_a_larger_folio_costs_more(trace: Trace) -> None:
    costs = Costs(trace, None)
    small, large = (costs.for_folios(size_bytes).of("mthp_zero") for size_bytes in (16 << 10, 1 << 20))
    assert small is not None and large is not None
    # 1400 ns of the 2000 may be the recorder's, which does not grow with the folio
    assert small.mean_ns == pytest.approx(1400 + 600 * (1 + 0.04 * 16))
    assert large.mean_ns == pytest.approx(1400 + 600 * (1 + 0.04 * 1024))
    assert large.low_ns < large.mean_ns < large.high_ns


def test_a_virtual_machines_host_may_lack_the_memory(trace: Trace) -> None:
    plain, virtual = (Costs(trace, {**PROFILE, "hypervisor": is_virtual}).of("thp_zero") for is_virtual in (False, True))
    assert plain is not None and virtual is not None
    assert (plain.mean_ns, plain.high_ns) == (200_000, 400_000)
    assert (virtual.mean_ns, virtual.low_ns, virtual.high_ns) == (200_000, 100_000, 7_300_000)
