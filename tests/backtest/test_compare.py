"""Predictions beside measurements: error, noise, coverage and direction by hand."""

from __future__ import annotations

from typing import Any

import pytest

from cowtrace.backtest.compare import Row, compare, coverage
from cowtrace.backtest.measured import Run, Totals


def run(**faults: int) -> Run:
    by_comm = {comm: Totals(count, 10 * count, 0, 0, 0) for comm, count in faults.items()}
    total = Totals(0, 0, 0, 0, 0)
    for totals in by_comm.values():
        total.add(totals)
    return Run(total, by_comm)


def estimate(value: int, low: int, high: int) -> dict[str, int]:
    return {"value": value, "low": low, "high": high}


def prediction(faults: dict[str, dict[str, int]], total: dict[str, int]) -> dict[str, Any]:
    return {
        "what_if": {"faults": total, "fault_time_ns": None},
        "by_process": [{"comm": comm, "tgid": None, "faults": part} for comm, part in faults.items()]
        + [{"comm": comm, "tgid": 7, "faults": estimate(1, 1, 1)} for comm in faults],
    }


BEFORE = [run(app=1000, sh=90), run(app=1020, sh=90), run(app=1010, sh=90)]
AFTER = [run(app=200, sh=100), run(app=210, sh=100), run(app=190, sh=100)]


def only(rows: list[Row], comm: str | None, measure: str) -> Row:
    (row,) = [row for row in rows if row.comm == comm and row.measure == measure]
    return row


def test_error_noise_coverage_direction() -> None:
    predictions = [prediction({"app": estimate(value, 185, 205)}, estimate(value + 90, 290, 290)) for value in (190, 210, 205)]
    rows = compare(predictions, BEFORE, AFTER)
    app = only(rows, "app", "faults")
    assert (app.baseline, app.predicted, app.low, app.high, app.measured) == (1010, 205, 185, 205, 200)
    assert app.error == pytest.approx(0.025)
    assert app.noise == pytest.approx(0.1)  # 190..210 around 200; 1000..1020 around 1010 is less
    assert (app.covered, app.runs, app.direction_right) == (2, 3, True)
    total = only(rows, None, "faults")
    assert (total.predicted, total.measured, total.covered, total.runs) == (295, 300, 1, 3)
    assert coverage([app, total]) == (3, 6)


def test_a_name_without_prediction_is_kept_and_not_judged() -> None:
    rows = compare([prediction({"app": estimate(200, 200, 200)}, estimate(290, 290, 290))], BEFORE, AFTER)
    sh = only(rows, "sh", "faults")
    assert (sh.predicted, sh.error, sh.direction_right, sh.measured) == (None, None, None, 100)
    assert coverage([sh]) == (0, 0)


def test_measures_that_are_zero_everywhere_are_left_out_and_the_whole_comes_first() -> None:
    rows = compare([prediction({}, estimate(1, 1, 1))], BEFORE, AFTER)
    assert [(row.comm, row.measure) for row in rows] == [
        (None, "faults"),
        (None, "fault_time_ns"),
        ("app", "faults"),
        ("app", "fault_time_ns"),
        ("sh", "faults"),
        ("sh", "fault_time_ns"),
    ]


def test_two_recordings_have_no_noise() -> None:
    rows = compare([prediction({"app": estimate(1, 0, 2)}, estimate(1, 0, 2))], BEFORE[:1], AFTER[:1])
    assert only(rows, "app", "faults").noise is None


def row(**values: Any) -> Row:
    plain = {"comm": None, "measure": "faults", "baseline": 100, "predicted": 50, "low": 40, "high": 60, "measured": 50, "noise": 0.0}
    return Row(**{**plain, "covered": 1, "runs": 1, **values})


@pytest.mark.parametrize(
    ("values", "right"),
    [
        ({}, True),
        ({"predicted": 120}, False),
        ({"predicted": 100}, False),  # the measure moved, the prediction did not
        ({"measured": 97.5}, None),  # within 3 percent: it did not move
        ({"measured": 89, "noise": 0.06}, None),
        ({"measured": 87, "noise": 0.06}, True),
        ({"measured": 91, "noise": None}, None),
        ({"measured": 89, "noise": None}, True),
        ({"baseline": 0, "measured": 50, "predicted": 10}, True),
    ],
)
def test_direction(values: dict[str, Any], right: bool | None) -> None:
    assert row(**values).direction_right is right


def test_nothing_predicted_and_nothing_measured_is_no_error() -> None:
    assert row(predicted=0, measured=0).error == 0.0
    assert row(predicted=5, measured=0).error is None
    assert row(measured=40).error == pytest.approx(0.25)
