"""``cowtrace backtest`` and ``replay --backtest``: what they refuse before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import cowtrace
from tests.support.stores import make_store


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--", "true"], "no change to test"),
        (["--what-if", "thp=never"], "nothing to run"),
        (["--what-if", "fork=vfork", "--", "true"], "the program's own doing"),
        (["--what-if", "metacopy=on", "--", "true"], "an option of a mount"),
        (["--what-if", "thp=sometimes", "--", "true"], "expected thp=never|madvise|always"),
        (["--what-if", "swappiness=1", "--", "true"], "a fault trace holds no pressure"),
        (["--what-if", "tph=never", "--", "true"], "did you mean thp"),
    ],
)
def test_refused(capfd: pytest.CaptureFixture[str], arguments: list[str], why: str) -> None:
    ran = cowtrace(capfd, "backtest", *arguments)
    assert ran.code == 2
    assert ran.err.startswith("cowtrace: error: ")
    assert why in ran.err


def test_two_recordings(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    process = "mm_id tgid comm\n0 12 app\n"
    stores = [
        make_store(
            tmp_path / name,
            process=process,
            fault="ts_ns mm_id addr kind duration_ns is_write zeroed_bytes copied_bytes\n"
            + "".join(f"{100 + page} 0 {4096 * page} anon_zero 1000 yes 4096 0\n" for page in range(1, count + 1)),
        )
        for name, count in (("a", 10), ("b", 20))
    ]
    ran = cowtrace(capfd, "replay", str(stores[0].path), "--what-if", "thp=never", "--backtest", str(stores[1].path))
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0] == "thp=never: a -> b (1 run before, 1 after)"
    assert lines[3].split()[:4] == ["all", "faults", "10", "10"]
    assert " 20  -50.0 % " in lines[3]


def test_a_rerun_without_a_change(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ran = cowtrace(capfd, "replay", str(tmp_path), "--backtest", str(tmp_path))
    assert (ran.code, "give --what-if" in ran.err) == (2, True)
