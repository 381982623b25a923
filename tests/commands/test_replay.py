"""cowtrace replay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cli import cowtrace
from tests.support.huge_kernel import BLOCK, FIRST, HugeKernel
from tests.support.stores import make_store

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One process that writes two huge blocks and the start of a third, which its mapping does not cover."""
    kernel = HugeKernel(always=False, start=FIRST, end=FIRST + 2 * BLOCK + 100)
    for page in range(FIRST, FIRST + 2 * BLOCK + 50):
        kernel.touch(0, page, True)
    recording = {"settings": {"proc/sys/kernel/randomize_va_space": "0"}}
    return make_store(tmp_path_factory.mktemp("replay") / "s", recording=recording, **kernel.tables()).path


def test_text(capfd: Capture, store: Path) -> None:
    ran = cowtrace(capfd, "replay", store, "--what-if", "thp=always")
    assert (ran.code, ran.err) == (0, "")
    line = next(line.split() for line in ran.out.splitlines() if line.startswith("page faults"))
    assert line[:6] == ["page", "faults", "1,074", "52", "-95", "%"]


def test_json(capfd: Capture, store: Path) -> None:
    result = json.loads(cowtrace(capfd, "replay", store, "--what-if", "thp=always", "--format", "json").out)
    assert result["schema"] == "cowtrace.replay/1"
    assert (result["baseline"]["faults"]["value"], result["what_if"]["faults"]["value"]) == (1074, 52)
    assert result["what_if"]["zeroed_bytes"]["value"] == 2 * BLOCK * 4096 + 50 * 4096
    assert {(row["kind"], row["faults"]["value"]) for row in result["by_kind"]} == {("anon_zero", 50), ("thp_zero", 2)}
    assert [(row["comm"], row["tgid"], row["faults"]["value"]) for row in result["by_process"]] == [("app", None, 52), ("app", 100, 52)]


def test_narrowed_to_another_name(capfd: Capture, store: Path) -> None:
    ran = cowtrace(capfd, "replay", store, "--what-if", "thp=always@comm=redis")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "cowtrace: error: what-if thp=always@comm=redis: no process of that name in the recording; names: app\n"


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ("swappiness=10", "what-if swappiness: can't be priced from a trace: it chooses what to reclaim under memory pressure"),
        ("thq=never", "unknown what-if knob 'thq': did you mean thp or mthp?"),
        ("thp", "what-if 'thp': expected thp=never|madvise|always"),
        ("thp=off", "what-if thp=off: expected thp=never|madvise|always"),
    ],
)
def test_refused(capfd: Capture, store: Path, request_: str, said: str) -> None:
    ran = cowtrace(capfd, "replay", store, "--what-if", request_)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"cowtrace: error: {said}")


def test_contradiction(capfd: Capture, store: Path) -> None:
    ran = cowtrace(capfd, "replay", store, "--what-if", "thp=never", "--what-if", "thp=always")
    assert ran.err == "cowtrace: error: what-if thp=never and thp=always contradict each other: choose one\n"


def test_sweep(capfd: Capture, store: Path) -> None:
    result = json.loads(cowtrace(capfd, "replay", store, "--sweep", "--format", "json").out)
    assert result["schema"] == "cowtrace.sweep/1"
    faults = {entry["what_if"][0]: entry["totals"]["faults"]["value"] for entry in result["scenarios"]}
    assert faults == {"thp=always": 52, "thp=madvise": 1074, "mthp=64K:always": 68, "mthp=256K:always": 17}
    refused = {"fork", "dontfork", "ksm", "hugetlb", "prefault", "fault_around", "metacopy", "tmpfs"}
    assert {row["what_if"] for row in result["refused"]} == refused


def test_empty_store(capfd: Capture, tmp_path: Path) -> None:
    empty = make_store(tmp_path / "empty").path
    ran = cowtrace(capfd, "replay", empty, "--what-if", "thp=never")
    assert (ran.code, ran.err) == (2, f"cowtrace: error: {empty}: holds no page faults, so there is nothing to replay\n")
