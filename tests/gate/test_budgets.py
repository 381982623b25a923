"""Budget files: what is read, and every mistake with its line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowtrace.errors import InputError
from cowtrace.gate.budgets import read_budgets

GOOD = """\
[budget.snapshot]
measure = "copied_bytes"
max = "64 MiB"
process = "redis-*"
per = "fork"
why = "latency"

[budget.time]
measure = "fault_time_ns"
max = "10 ms"

[budget."any fork"]
measure = "forks"
max = 12
"""


def test_budgets_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "cow.toml"
    file.write_text(GOOD)
    read = [(b.name, b.measure.name, b.most, b.scope, b.per, b.why, b.line) for b in read_budgets(file)]
    assert read == [
        ("snapshot", "copied_bytes", 64 << 20, {"process": "redis-*"}, "fork", "latency", 2),
        ("time", "fault_time_ns", 10_000_000, {}, None, "", 9),
        ("any fork", "forks", 12, {}, None, "", 13),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[budget.a]\nmeasure = ?\n", "not TOML: Invalid value (at line 2, column 11)"),
        ("", "holds no budget"),
        ("budget = 3", "holds no budget"),
        ("[limits]\nx = 1", "line 1, column 1: unknown key 'limits'"),
        (
            '[budget.a]\nmeasure = "faults"\n  mx = 3\nmax = 3',
            "line 3, column 3: unknown key 'mx' in [budget.a]; known: measure, max, process",
        ),
        ('[budget.a]\nmeasure = "faults"', "line 1, column 1: [budget.a] has no max"),
        ('[budget.b]\nmax = 1\nmeasure = "fault"', "line 3, column 1: unknown measure 'fault'; known: faults, copies"),
        (
            '[budget.b]\nmeasure = "copied_bytes"\nmax = "3 apples"',
            "line 3, column 1: max of copied_bytes: '3 apples' is no amount in bytes",
        ),
        ('[budget.b]\nmeasure = "faults"\nmax = "3 MiB"', "line 3, column 1: max of faults: '3 MiB' is no amount in count"),
        ('[budget.b]\nmeasure = "faults"\nmax = -1', "line 3, column 1: max of faults: -1 is negative"),
        ('[budget.b]\nmeasure = "faults"\nmax = true', "line 3, column 1: max of faults: True is no amount in count"),
        ('[budget.b]\nmeasure = "faults"\nmax = 1\nprocess = 4', "line 4, column 1: process is 4, expected text"),
        ('[budget.b]\nmeasure = "faults"\nmax = 1\nper = "page"', "line 4, column 1: unknown per 'page'; known: process, fork, child"),
        ('[budget.b]\nmeasure = "forks"\nmax = 1\nkind = "x"', "forks can't be narrowed by kind; it can by: process"),
        ('[budget.b]\nmeasure = "forks"\nmax = 1\nper = "fork"', "forks can't be counted per fork"),
        ("\xff\xfe", "not TOML"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "cow.toml"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(InputError) as raised:
        read_budgets(file)
    assert said in str(raised.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        read_budgets(tmp_path / "cow.toml")
