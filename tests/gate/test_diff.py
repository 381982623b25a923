"""Comparing: shares, amounts, noise, unrelated recordings."""

from __future__ import annotations

import json
import math
from contextlib import ExitStack
from pathlib import Path

import pytest

from cowtrace.errors import UsageError
from cowtrace.gate.diff import diff
from cowtrace.gate.expression import parse_expression
from cowtrace.gate.finding import Verdicts
from cowtrace.gate.measures import Amount
from cowtrace.gate.noise import change_of
from cowtrace.gate.subject import subject_of
from cowtrace.store.reader import Store
from tests.support.cli import cowtrace
from tests.support.stores import make_store


def run(path: Path, copies: int, time_ns: int = 10, comm: str = "app") -> Store:
    """A recording of that many copies, each of that time."""
    rows = "\n".join(f"{number} {time_ns} {comm} cow_copy 4096 0x{number + 1}000" for number in range(copies))
    return make_store(
        path,
        fault=f"ts_ns duration_ns comm kind copied_bytes addr\n{rows}",
        process=f"mm_id tgid comm start_ns how\n0 12 {comm} 0 seen",
    )


def compare(base: list[Store], new: list[Store], *conditions: str) -> Verdicts:
    with ExitStack() as stack:
        sides = [[stack.enter_context(subject_of(store, store.path.name)) for store in side] for side in (base, new)]
        return diff(sides[0], sides[1], [parse_expression(text) for text in conditions])


def test_counts_and_bytes_are_judged_at_once(tmp_path: Path) -> None:
    verdicts = compare(
        [run(tmp_path / "a", 100)],
        [run(tmp_path / "b", 106)],
        "copied_bytes > +5%",
        "copied_bytes > +6%",
        "copies > +5",
        "copies{kind=cow_*} > +6",
        "faults < -10%",
        "fault_time_ns > +5%",
    )
    assert [finding.status for finding in verdicts.findings] == ["broken", "ok", "broken", "ok", "ok", "undecided"]
    assert verdicts.findings[0].value == "+24 KiB (+6 %)"
    assert verdicts.table[1:4] == [
        ("all", "faults", "100", "106", "+6", "+6 %"),
        ("all", "copies", "100", "106", "+6", "+6 %"),
        ("all", "copied_bytes", "400 KiB", "424 KiB", "+24 KiB", "+6 %"),
    ]


def test_repeats_open_times_and_hold_back_noise(tmp_path: Path) -> None:
    def sides(name: str, step: int) -> list[list[Store]]:
        times = (("base", 1000), ("new", 1100))
        return [[run(tmp_path / f"{name}{side}{n}", 100, time + step * n) for n in range(3)] for side, time in times]

    assert compare(*sides("quiet", 1), "fault_time_ns > +5%").findings[0].status == "broken"
    assert compare(*sides("loud", 300), "fault_time_ns > +5%").findings[0].status == "undecided"


def test_unrelated_recordings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="share no process name"):
        compare([run(tmp_path / "a", 1)], [run(tmp_path / "b", 1, comm="other")])


def test_welch_by_hand() -> None:
    # means 11 and 16, variances 1 and 1, three runs each: SE = sqrt(2/3), 4 degrees of freedom, t = 3.747
    change = change_of([Amount(v, v, v) for v in (10, 11, 12)], [Amount(v, v, v) for v in (15, 16, 17)])
    assert (change.base, change.new, change.has_noise) == (11, 16, True)
    assert change.margin == pytest.approx(3.747 * math.sqrt(2 / 3))


def test_single_exact_runs_have_no_margin() -> None:
    change = change_of([Amount(10, 10, 10)], [Amount(11, 11, 11)])
    assert (change.amount, change.margin, change.has_noise) == (1, 0, False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("copied_bytes", "expected MEASURE"),
        ("copied_bytes > ", "expected MEASURE"),
        ("bytes > 5%", "unknown measure 'bytes'"),
        ("copies{proc=x} > 5%", "unknown part 'proc'"),
        ("copies{process} > 5%", "has no pattern"),
        ("copies > 5 MiB", "no amount in count"),
        ("forks{kind=x} > 5", "can't be narrowed by kind"),
    ],
)
def test_mistakes(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("[", r"\[")):
        parse_expression(text)


def test_limits() -> None:
    shares = [parse_expression(text) for text in ("copied_bytes > +5%", "copied_bytes>5 %", "copied_bytes > +1 MiB", "faults < -10%")]
    assert [(e.allowed(200), e.grows, e.limit_text()) for e in shares] == [
        (10, True, "+5 %"),
        (10, True, "+5 %"),
        (1 << 20, True, "+1 MiB"),
        (-20, False, "-10 %"),
    ]


def test_command(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    a, b = run(tmp_path / "a", 100).path, run(tmp_path / "b", 106).path
    assert cowtrace(capfd, "diff", a, b).code == 0
    ran = cowtrace(capfd, "diff", a, b, "--fail-on", "copies > +5%", "--format", "json")
    document = json.loads(ran.out)
    assert (ran.code, document["schema"], document["failed"]) == (1, "cowtrace.diff/1", True)
    assert document["findings"][0]["data"]["change"] == 6
    assert cowtrace(capfd, "diff", a, a, "--fail-on", "copies > 0").code == 0
    assert cowtrace(capfd, "diff", a, b, "--fail-on", "x").code == 2
