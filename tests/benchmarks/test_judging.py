"""Bounds are kept inclusively, in their direction."""

from __future__ import annotations

from tests.benchmarks.judging import Line, to_json, to_markdown

FAST = Line("A", "times faster", 2.5, 2.5, detail="5.00 s : 2.00 s")
FAT = Line("A", "peak GiB", 1.01, 1.0, at_most=True)


def test_met() -> None:
    assert (FAST.met, FAT.met) == (True, False)


def test_table() -> None:
    assert to_markdown([FAST, FAT]).splitlines()[2:] == [
        "| A | times faster | 2.5 | ≥ 2.5 | yes | 5.00 s : 2.00 s |",
        "| A | peak GiB | 1.01 | ≤ 1 | **no** |  |",
    ]


def test_json() -> None:
    assert to_json([FAT], {"cpus": 2}) == {
        "schema": "cowtrace.benchmarks/1",
        "cpus": 2,
        "lines": [
            {"shape": "A", "what": "peak GiB", "measured": 1.01, "required": 1.0, "at_most": True, "detail": "", "met": False},
        ],
    }
