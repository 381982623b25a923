"""Judging: kept, broken, undecided; losses and samples; every format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from junitparser import JUnitXml

from cowtrace.gate import RENDERERS, render
from cowtrace.gate.budgets import read_budgets
from cowtrace.gate.check import check
from cowtrace.gate.finding import Verdicts
from cowtrace.gate.subject import subject_of
from cowtrace.store.reader import Store
from tests.support.bill import small_bill
from tests.support.cli import cowtrace
from tests.support.stores import make_store

Judge = Callable[..., Verdicts]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    bill: Store | None = None

    def judged(budgets: str, store: Store | None = None, *, strict: bool = False) -> Verdicts:
        file = tmp_path / "cow.toml"
        file.write_text(budgets)
        nonlocal bill
        if store is None:
            store = bill = bill or small_bill(tmp_path / "s")
        with subject_of(store, "run") as subject:
            return check(subject, read_budgets(file), Path("cow.toml"), strict=strict)

    return judged


def budget(measure: str, most: object, **more: str) -> str:
    lines = [f'[budget.b]\nmeasure = "{measure}"', f'max = "{most}"', *(f'{key} = "{value}"' for key, value in more.items())]
    return "\n".join(lines)


# the bill: 12 faults, 5 copies = 20480 bytes, 3 unknown of which any may be a copy, 2 without a time, 10000 ns in the others
@pytest.mark.parametrize(
    ("text", "status", "value"),
    [
        (budget("faults", 12), "ok", "12"),
        (budget("faults", 11), "broken", "12"),
        (budget("copies", 8), "ok", "5 to 8"),
        (budget("copies", 7), "undecided", "5 to 8"),
        (budget("copies", 4), "broken", "5 to 8"),
        (budget("copied_bytes", "32 KiB"), "ok", "20 KiB to 32 KiB"),
        (budget("copied_bytes", "20 KiB"), "undecided", "20 KiB to 32 KiB"),
        (budget("copied_bytes", "16 KiB"), "broken", "20 KiB to 32 KiB"),
        (budget("reuses", 4), "ok", "1 to 4"),
        (budget("zeroed_bytes", "1 GiB"), "undecided", "≥ 8 KiB"),
        (budget("fault_time_ns", "1 s"), "undecided", "≥ 10 µs"),
        (budget("fault_time_ns", "9 us"), "broken", "≥ 10 µs"),
        (budget("copies", 4, kind="cow_copy"), "ok", "4"),
        (budget("copies", 3, mapping="anon", kind="cow_*"), "broken", "4"),
        (budget("copied_bytes", "4 KiB", fork_side="child"), "ok", "4 KiB"),
        (budget("copies", 0, process="nobody"), "ok", "0"),
        (budget("forks", 1), "ok", "1"),
        (budget("fork_time_ns", "25 us"), "broken", "26 µs"),
        (budget("copyups", 0), "ok", "0"),
        (budget("copyup_bytes", 0, path="/etc/*"), "ok", "0 B"),
    ],
)
def test_verdicts(judge: Judge, text: str, status: str, value: str) -> None:
    (finding,) = judge(text).findings
    assert (finding.status, finding.value) == (status, value)


def test_per_judges_the_worst(judge: Judge) -> None:
    (finding,) = judge(budget("copies", 3, per="fork")).findings
    assert (finding.status, finding.scope, finding.value) == ("broken", "fork redis (0)", "4")
    (finding,) = judge(budget("copies", 1, per="child")).findings
    assert (finding.status, finding.value) == ("ok", "1")
    (finding,) = judge(budget("faults", 5, per="process")).findings
    assert finding.message == "faults 6 in process redis (12): 1 over 5, 1.2 times the budget; 2 processes are over it."


def test_losses_prove_nothing_kept(judge: Judge, tmp_path: Path) -> None:
    lossy = small_bill(tmp_path / "lossy", loss="source_id ts_ns lost_events reason\n0 1 5 lost")
    (finding,) = judge(budget("faults", 100), lossy).findings
    assert (finding.status, finding.value) == ("undecided", "≥ 12")
    assert "events were lost" in finding.message
    assert judge(budget("faults", 11), lossy).findings[0].status == "broken"


def test_samples_have_an_interval(judge: Judge, tmp_path: Path) -> None:
    # 25 rows of 5 faults: 125, deviation sqrt(25 * 5 * 4) = 22.36, 95 % interval 81.2 to 168.8
    rows = "\n".join(f"{number} cow_copy 4096 5" for number in range(25))
    sampled = make_store(tmp_path / "sampled", fault=f"ts_ns kind copied_bytes weight\n{rows}")
    (finding,) = judge(budget("copies", 160), sampled).findings
    assert (finding.status, finding.value, round(finding.data["low"], 1), round(finding.data["high"], 1)) == (
        "undecided",
        "81 to 169",
        81.2,
        168.8,
    )
    assert judge(budget("copies", 169), sampled).findings[0].status == "ok"
    assert judge(budget("copies", 81), sampled).findings[0].status == "broken"


def test_an_empty_recording_says_so(judge: Judge, tmp_path: Path) -> None:
    assert judge(budget("faults", 0), make_store(tmp_path / "empty")).notes == ["run holds no fault: budgets on faults prove nothing."]


def test_strict_fails_what_cannot_be_told(judge: Judge) -> None:
    assert not judge(budget("copies", 7)).failed
    assert judge(budget("copies", 7), strict=True).failed


THREE = f"{budget('faults', 12)}\n{budget('copies', 7)}\n{budget('copied_bytes', '16 KiB')}".replace("budget.b", "budget.%d")


@pytest.fixture
def three(judge: Judge) -> Verdicts:
    return judge(THREE % (1, 2, 3))


def test_text(three: Verdicts) -> None:
    assert render(three, "text") == (
        "check of run: 1 ok, 1 broken, 1 undecided.\n"
        "\n"
        "verdict    rule             value   limit\n"
        "BROKEN     3     20 KiB to 32 KiB  16 KiB\n"
        "undecided  2               5 to 8       7\n"
        "ok         1                   12      12\n"
        "\n"
        "BROKEN: copied_bytes 20 KiB to 32 KiB: 4 KiB over 16 KiB, 1.25 times the budget.\n"
        "undecided: copies 5 to 8: may be over 7, the recording can't tell (not every fault is known well enough).\n"
    )


def test_junit(three: Verdicts) -> None:
    suites = JUnitXml.fromstring(render(three, "junit").encode())
    assert (suites.tests, suites.failures, suites.skipped) == (3, 1, 1)
    root = ElementTree.fromstring(render(three, "junit"))
    assert (root.attrib["tests"], root.attrib["failures"], root.attrib["skipped"]) == ("3", "1", "1")
    assert [[child.tag for child in case] for case in root.iter("testcase")] == [[], ["skipped"], ["failure"]]


def test_sarif(three: Verdicts) -> None:
    (run,) = json.loads(render(three, "sarif"))["runs"]
    assert [(result["kind"], result["level"]) for result in run["results"]] == [("pass", "none"), ("open", "none"), ("fail", "error")]
    assert run["results"][2]["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "cow.toml"}, "region": {"startLine": 8}}


def test_github(three: Verdicts) -> None:
    lines = render(three, "github").splitlines()
    assert lines[0].startswith("::warning file=cow.toml,line=5,title=cowtrace%3A 2::copies 5 to 8: may be over 7")
    assert lines[1].startswith("::error file=cow.toml,line=8,title=cowtrace%3A 3::copied_bytes 20 KiB")
    assert lines[2] == "::notice title=cowtrace::check of run: 1 ok, 1 broken, 1 undecided."


def test_hostile_names_stay_text(judge: Judge, tmp_path: Path) -> None:
    store = small_bill(tmp_path / "hostile", hostile=True)
    verdicts = judge('[budget."a\\n::error::x<b>"]\nmeasure = "copies"\nmax = 0\nper = "process"', store)
    for form in RENDERERS:
        text = render(verdicts, form)
        assert "\x1b" not in text
        assert not any(line.startswith("::error::") for line in text.splitlines())
    assert "<b>" not in render(verdicts, "md")
    ElementTree.fromstring(render(verdicts, "junit"))


def test_command(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    store = small_bill(tmp_path / "s").path
    file = tmp_path / "cow.toml"
    file.write_text(budget("copies", 4))
    ran = cowtrace(capfd, "check", store, "--budget", file)
    assert (ran.code, ran.err, ran.out.splitlines()[0]) == (1, "", f"check of {store}: 1 broken.")
    ran = cowtrace(capfd, "check", store, "--budget", file, "-o", tmp_path / "out.sarif")
    assert (ran.code, ran.out, ran.err) == (1, "", f"check of {store}: 1 broken. Wrote {tmp_path / 'out.sarif'}\n")
    assert json.loads((tmp_path / "out.sarif").read_text())["version"] == "2.1.0"
    file.write_text(budget("copies", 8))
    assert cowtrace(capfd, "check", store, "--budget", file).code == 0
    file.write_text(budget("copies", 7))
    assert cowtrace(capfd, "check", store, "--budget", file).code == 0
    assert cowtrace(capfd, "check", store, "--budget", file, "--strict").code == 1
    file.write_text("x")
    assert cowtrace(capfd, "check", store, "--budget", file).code == 2
