"""The table of a back-test, to the character."""

from __future__ import annotations

from typing import Any

from cowtrace.backtest.measured import Run, Totals
from cowtrace.backtest.result import BackTest
from cowtrace.backtest.text import as_markdown, as_text


def run(faults: int, time_ns: int) -> Run:
    totals = Totals(faults, time_ns, 0, 4096 * faults, 0)
    return Run(totals, {"a|b\x1b": totals})


def estimates(faults: int) -> dict[str, Any]:
    return {"faults": {"value": faults, "low": faults - 10, "high": faults + 10}, "fault_time_ns": None}


TEST = BackTest(
    what_if=["thp=never"],
    title="app --fast",
    predictions=[{"what_if": estimates(1200), "by_process": [{"comm": "a|b\x1b", "tgid": None, "what_if": estimates(1200)}]}],
    before=[run(100, 50_000)],
    after=[run(1205, 2_500_000)],
    facts={},
    notes=["A note."],
)


def test_text() -> None:
    assert as_text(TEST) == (
        "thp=never: app --fast (1 run before, 1 after)\n"
        "\n"
        "process  measure      before  predicted   90 % interval  measured   error  noise  in interval\n"
        "all      faults          100      1,200  1,190 .. 1,210     1,205  -0.4 %      -       1 of 1\n"
        "         fault time    50 µs          ?               -    2.5 ms       -      -            -\n"
        "         zeroed      400 KiB          ?               -  4.71 MiB       -      -            -\n"
        "a|b\\x1b  faults          100      1,200  1,190 .. 1,210     1,205  -0.4 %      -       1 of 1\n"
        "         fault time    50 µs          ?               -    2.5 ms       -      -            -\n"
        "         zeroed      400 KiB          ?               -  4.71 MiB       -      -            -\n"
        "\n"
        "2 of 2 measured values lie in their 90 % interval (100 %).\n"
        "The direction was right for 2 of the 2 measures that moved by more than twice their noise.\n"
        "A note.\n"
    )


def test_markdown_escapes_names() -> None:
    lines = as_markdown(TEST).splitlines()
    assert lines[0] == "**thp=never: app --fast (1 run before, 1 after)**"
    assert lines[2].count("|") == lines[4].count("|") == 10
    assert lines[7].startswith("| a\\|b\\\\x1b | faults | 100 | 1,200 |")


def test_json() -> None:
    data = TEST.as_json()
    assert (data["schema"], data["what_if"], data["covered"], data["direction"]) == (
        "cowtrace.backtest/1",
        ["thp=never"],
        {"runs_in_interval": 2, "runs": 2},
        {"right": 2, "moved": 2},
    )
    assert data["after"][0]["total"]["faults"] == 1205
