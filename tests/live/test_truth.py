"""Is the attribution true? Programs whose faults are known, and the kernel's own account of real ones.

Truth by construction: ``tests/workloads/cowkinds`` declares every fault before it makes it.
Truth by witness: a second perf session with allocation call chains, read from ``perf script`` text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import knobs, live, phase_faults, truth, witness, witnessed

pytestmark = [pytest.mark.live, pytest.mark.skipif(live.unavailable() is not None, reason=str(live.unavailable()))]

SLOTS = range(1 << 44, (1 << 44) + (1 << 40))  # BASE in cowkinds.h, 1024 slots
LEVELS = ("low", "standard", "full")

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
def run(request: pytest.FixtureRequest, program: Path, machine: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """cowkinds under ``cowtrace record --level L``, ingested."""
    folder = tmp_path_factory.mktemp(request.param)
    live.record(request.param, folder / "rec", [str(program), str(folder / "log"), str(folder)])
    store = live.ingest(folder / "rec", folder / "store")
    phases, skipped = truth.read_log(folder / "log")
    assert skipped == {}
    return phases, phase_faults.gather(store, phases), store


def test_the_declarations_hold_against_pagemap_and_getrusage(run: Run) -> None:
    phases, _, _ = run
    assert [line for phase in phases for line in phase.disagreements()] == []


def test_no_fault_is_attributed_wrongly(run: Run) -> None:
    """At any level: the declared kind, or unknown with the declared kind among the possible ones."""
    phases, faults, _ = run
    assert [line for phase, seen in zip(phases, faults, strict=True) for line in phase_faults.wrong(phase, seen)] == []


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
    fixups = sum(phase.notes.get("fixup", 0) for phase in phases)
    expected = {
        "copy": declared["cow_copy"] + declared["thp_split"] + declared["ksm_copy"],
        "file_copy": declared["file_cow"],
        "zero_fill": declared["anon_zero"],
        "large_fill": declared["mthp_zero"],
        "huge_fill": declared["thp_zero"],
        "zero_copy": declared["zero_page_cow"],
        "huge_zero_copy": declared["thp_zero_page_cow"],
        "reuse": declared["cow_reuse"]
        + declared["thp_reuse"]
        + by_name["shared_write_after_sync"]
        + by_name["shared_read_then_write"],
        "failed": declared["failed"] - refused + fixups,
    }
    assert {name: seen[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("workload", "options", "thp"),
    [
        ("redis_bgsave", (), "madvise"),
        ("redis_bgsave", ("--thp",), "always"),
        ("apache_prefork", (), "madvise"),
        ("python_workers", (), "madvise"),
        ("compile_c", (), "madvise"),
        ("fork_storm", (), "madvise"),
    ],
)
def test_real_workloads_agree_with_the_witness(workload: str, options: tuple[str, ...], thp: str, tmp_path: Path) -> None:
    """Copies, zero fills, huge fills and reuses of every process within half a percent."""
    if reason := witnessed.missing(workload):
        pytest.skip(reason)
    with ExitStack() as stack:
        stack.enter_context(knobs.one_at_a_time())
        stack.enter_context(knobs.huge_pages(thp))
        rows = witnessed.run("standard", workload, tmp_path, *options)
    assert [row for row in rows if not row.agrees] == []
    assert sum(row.witness for row in rows) > 2000  # the workload did run under the witness
