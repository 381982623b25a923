"""Distributions and fork times from times made up by hand."""

from __future__ import annotations

import pytest

from cowtrace.calibration.fit import distribution, fit_forks

SIZES = [(100, 1000, 0), (900, 1000, 0), (100, 5000, 0), (100, 13000, 0), (100, 1000, 16), (100, 1000, 48)]


def fork(size: tuple[int, int, int], ns: float) -> dict[str, int]:
    return {**dict(zip(("vmas", "ptes", "pmds"), size, strict=True)), "ns": round(ns)}


def test_distribution() -> None:
    assert distribution(range(1, 11)) == {"n": 10, "mean_ns": 6, "p10_ns": 2, "p50_ns": 6, "p90_ns": 10}
    assert distribution([7]) == {"n": 1, "mean_ns": 7, "p10_ns": 7, "p50_ns": 7, "p90_ns": 7}


def test_exact_costs_are_found_and_an_interrupted_fork_is_not_believed() -> None:
    forks = [fork(size, 60_000 + 450 * size[0] + 70 * size[1] + 2900 * size[2]) for size in SIZES for _ in range(3)]
    forks[0]["ns"] *= 20
    fit = fit_forks(forks)
    assert [fit[name] for name in ("ns_base", "ns_per_vma", "ns_per_pte", "ns_per_pmd")] == pytest.approx([60_000, 450, 70, 2900], rel=1e-3)
    assert (fit["n"], fit["largest_error"]) == (18, 0.0)


def test_what_is_too_small_to_be_seen_is_zero() -> None:
    fit = fit_forks([fork(size, 60_000 + 70 * size[1] - 200 * size[2]) for size in SIZES])
    assert fit["ns_per_pmd"] == 0.0
    assert fit["ns_per_pte"] == pytest.approx(70, rel=0.2)
