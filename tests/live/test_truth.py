"""Truth by construction: ``tests/workloads/cowkinds`` declares every fault before it makes it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.support import knobs, live, phase_faults, truth, witness

pytestmark = [pytest.mark.live, pytest.mark.skipif(live.unavailable() is not None, reason=str(live.unavailable()))]

SLOTS = range(1 << 44, (1 << 44) + (1 << 40))  # BASE in cowkinds.h, 1024 slots
LEVELS = ("low", "standard", "full", "low+ftrace", "standard+ftrace", "full+ftrace")

#: Phases of which level low sees nothing but "a page came to anonymous memory": it may call them anon_zero, never surely.
LIKE_A_ZERO_FILL = re.compile(r"mthp_\d+kB_(write|fill)|swap_(child_write|parent_read)|uffd_(read|write)")


def is_low(level: str) -> bool:
    """No allocations are recorded, with or without ftrace."""
    return level.partition("+")[0] == "low"


Run = tuple[list[truth.Phase], list[phase_faults.PhaseFaults], Path]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """cowkinds, compiled."""
    return truth.build(tmp_path_factory.mktemp("cowkinds"))


@pytest.fixture(scope="module")
def machine() -> Iterator[None]:
    """Swap, KSM, huge pages and a hugetlb pool for cowkinds; all put back after."""
    with knobs.everything():
        yield


@pytest.fixture(scope="module", params=LEVELS)
def level(request: pytest.FixtureRequest) -> str:
    """A recording level."""
    return str(request.param)


@pytest.fixture(scope="module")
def run(level: str, program: Path, machine: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """cowkinds under ``cowtrace record --level L``, ingested."""
    folder = tmp_path_factory.mktemp(level)
    live.record(level, folder / "rec", [str(program), str(folder / "log"), str(folder)])
    store = live.ingest(folder / "rec", folder / "store")
    phases, skipped = truth.read_log(folder / "log")
    assert skipped == {}
    return phases, phase_faults.gather(store, phases), store


def test_the_declarations_hold_against_pagemap_and_getrusage(run: Run) -> None:
    phases, _, _ = run
    assert [line for phase in phases for line in phase.disagreements()] == []


def test_no_fault_is_attributed_wrongly(run: Run, level: str) -> None:
    """The declared kind, or unknown with the declared kind among the possible ones."""
    phases, faults, _ = run
    pairs = list(zip(phases, faults, strict=True))
    unseen = [(p, seen) for p, seen in pairs if is_low(level) and LIKE_A_ZERO_FILL.fullmatch(p.name) and not phase_faults.exact(p, seen)]
    assert [(p.name, seen.kinds) for p, seen in unseen if seen.confidence >= 1 or seen.kinds.total() != p.faults] == []
    assert [line for p, seen in pairs if (p, seen) not in unseen for line in phase_faults.wrong(p, seen)] == []


def test_nothing_is_unknown_above_level_low(run: Run, level: str) -> None:
    if is_low(level):
        pytest.skip("level low has no access type: first touches of private file mappings stay unknown")
    phases, faults, _ = run
    assert [p.name for p, seen in zip(phases, faults, strict=True) if not phase_faults.exact(p, seen)] == []


def test_ftrace_tells_the_access_of_every_fault_of_level_low(run: Run, level: str) -> None:
    if level != "low+ftrace":
        pytest.skip("only where perf has no error codes of its own")
    phases, faults, store = run
    answer = duckdb.execute("SELECT count(*), count(error_code) FROM read_parquet(?)", [str(store / "fault.parquet")]).fetchone()
    assert answer and answer[0] == answer[1] > 10_000
    # what stays open needs allocations or system calls, which begin with level standard
    open_phases = [p.name for p, seen in zip(phases, faults, strict=True) if not phase_faults.exact(p, seen)]
    rest = {name for name in open_phases if not LIKE_A_ZERO_FILL.fullmatch(name)}
    assert rest <= {"mremap_child_write", "mremap_parent_write", "growsdown_write"}


def test_every_fault_in_the_slots_is_declared(run: Run) -> None:
    phases, faults, store = run
    fixups = sum(seen.kinds["failed"] for phase, seen in zip(phases, faults, strict=True) if "fixup" in phase.notes)
    declared = sum(phase.faults for phase in phases if phase.start in SLOTS)
    assert phase_faults.faults_in_slots(store, phases, SLOTS) == declared + fixups


def test_bytes_threads_and_flags(run: Run) -> None:
    phases, faults, _ = run
    exact = [(p, seen) for p, seen in zip(phases, faults, strict=True) if phase_faults.exact(p, seen)]
    assert [line for phase, seen in exact for line in phase_faults.wrong_measures(phase, seen)] == []


def test_the_witness_agrees_with_the_declarations(program: Path, machine: None, tmp_path: Path) -> None:
    """The second source of truth, held against the first: only then may it judge real workloads."""
    groups = ("map", "thread", "fork", "exec", "thp", "mthp", "file", "shmem", "kernel", "fail", "ksm")
    log = tmp_path / "log"
    live.run(witness.record_command(tmp_path / "witness.data", [str(program), str(log), str(tmp_path), *groups]))
    phases, _ = truth.read_log(log)
    declared: Counter[str] = Counter()
    for phase in phases:
        if phase.start in SLOTS:
            declared.update(phase.kinds)
    seen: Counter[str] = Counter()
    for account in witness.counts(tmp_path / "witness.data", SLOTS).values():
        seen.update(account.counts)
    by_name = {phase.name: phase.faults for phase in phases}
    refused = sum(phase.notes.get("kernel", 0) for phase in phases if "failed" in phase.kinds)  # EFAULT: no signal
    expected = {
        "copy": declared["cow_copy"] + declared["thp_split"] + declared["ksm_copy"],
        "file_copy": declared["file_cow"],
        "zero_fill": declared["anon_zero"],
        "large_fill": declared["mthp_zero"],
        "huge_fill": declared["thp_zero"],
        "zero_copy": declared["zero_page_cow"],
        "huge_zero_copy": declared["thp_zero_page_cow"],
        "reuse": declared["cow_reuse"] + declared["thp_reuse"] + by_name["shared_write_after_sync"] + by_name["shared_read_then_write"],
        "failed": declared["failed"] - refused,
    }
    assert {name: seen[name] for name in expected} == expected
