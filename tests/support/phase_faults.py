"""Faults of a store, gathered by the phases of a cowkinds log, and the judgement on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from tests.support.truth import Phase

PAGE = 4096
HUGE = 2 << 20

_GATHER = """
    SELECT phase.id, fault.kind, coalesce(fault.possible_kinds, ''), fault.tid,
           sum(weight)::BIGINT, sum(copied_bytes)::BIGINT, sum(zeroed_bytes)::BIGINT,
           sum(weight) FILTER (is_major)::BIGINT, sum(weight) FILTER (NOT is_user)::BIGINT,
           sum(weight) FILTER (is_exec)::BIGINT, count(*) FILTER (is_exec IS NULL), max(confidence)
    FROM phase JOIN read_parquet(?) AS fault
      ON fault.tgid = phase.tgid AND fault.ts_ns BETWEEN phase.begin_ns AND phase.end_ns
     AND fault.addr >= phase.low AND fault.addr < phase.high
    GROUP BY ALL ORDER BY ALL
"""


@dataclass
class PhaseFaults:
    """What a store holds of one phase.

    Attributes:
        kinds: Faults by kind.
        possible: Of the unknown ones, faults by ``possible_kinds``.
        tids: Threads that took them.
        confidence: The highest of any verdict.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    possible: Counter[str] = field(default_factory=Counter)
    tids: set[int] = field(default_factory=set)
    copied_bytes: int = 0
    zeroed_bytes: int = 0
    major: int = 0
    kernel: int = 0
    executed: int = 0
    without_access: int = 0
    confidence: float = 0.0


def gather(store: Path, phases: Sequence[Phase]) -> list[PhaseFaults]:
    """The faults within each phase's process, range and time; parallel to ``phases``."""
    gathered = [PhaseFaults() for _ in phases]
    with duckdb.connect() as db:
        db.execute(
            "CREATE TABLE phase (id INT, tgid INT, low UBIGINT, high UBIGINT, begin_ns BIGINT, end_ns BIGINT)",
        )
        rows = [(at, p.tgid, p.start, p.end, p.begin_ns, p.end_ns) for at, p in enumerate(phases)]
        db.executemany("INSERT INTO phase VALUES (?, ?, ?, ?, ?, ?)", rows)
        found = db.execute(_GATHER, [str(store / "fault.parquet")]).fetchall()
    for at, kind, possible, tid, count, copied, zeroed, major, kernel, executed, without, confidence in found:
        faults = gathered[at]
        faults.kinds[kind] += count
        faults.tids.add(tid)
        if kind == "unknown":
            faults.possible[possible] += count
        faults.copied_bytes += copied or 0
        faults.zeroed_bytes += zeroed or 0
        faults.major += major or 0
        faults.kernel += kernel or 0
        faults.executed += executed or 0
        faults.without_access += without
        faults.confidence = max(faults.confidence, confidence)
    return gathered


def faults_in_slots(store: Path, phases: Sequence[Phase], slots: range) -> int:
    """All faults of the log's processes in cowkinds' address range, whenever they happened."""
    tgids = ", ".join(str(tgid) for tgid in sorted({p.tgid for p in phases}))
    query = f"SELECT coalesce(sum(weight), 0)::BIGINT FROM read_parquet(?) WHERE tgid IN ({tgids}) AND addr >= ? AND addr < ?"
    with duckdb.connect() as db:
        (total,) = db.execute(query, [str(store / "fault.parquet"), slots.start, slots.stop]).fetchall()[0]
    return int(total)


def wrong(phase: Phase, faults: PhaseFaults) -> list[str]:
    """Statements of the store that are false: another count, another kind, an unknown that excludes the truth."""
    found = []
    fixups = faults.kinds["failed"] if "fixup" in phase.notes else 0
    if "fixup" in phase.notes and not fixups:
        # without exits a failed fault is one of the unknown
        may_fail = sum(count for possible, count in faults.possible.items() if "failed" in possible.split("|"))
        fixups = min(may_fail, phase.notes["fixup"], max(faults.kinds.total() - phase.faults, 0))
    if fixups > phase.notes.get("fixup", 0) or faults.kinds.total() - fixups != phase.faults:
        found.append(f"{phase.name}: {phase.faults} faults declared, {dict(faults.kinds)}")
    left = Counter(phase.kinds)
    for kind, count in faults.kinds.items():
        names = [key for key in left if kind in key.split("|")]
        if kind == "unknown" or (kind == "failed" and fixups):
            continue
        if not names or count > left[names[0]]:
            found.append(f"{phase.name}: declared {phase.kinds}, the store says {count} {kind}")
            continue
        left[names[0]] -= count
    remaining = {name for key, count in left.items() if count for name in key.split("|")}
    for possible, count in faults.possible.items():
        if not remaining & set(possible.split("|")):
            found.append(f"{phase.name}: declared {phase.kinds}, {count} unknown but said to be one of {possible!r}")
    return found


def exact(phase: Phase, faults: PhaseFaults) -> bool:
    """Every declared kind with its count, nothing unknown."""
    return not faults.kinds["unknown"] and not wrong(phase, faults)


def wrong_measures(phase: Phase, faults: PhaseFaults) -> list[str]:
    """Bytes, threads and flags that contradict the declaration; for phases whose kinds are exact."""
    kinds = Counter(phase.kinds)
    copied = (kinds["cow_copy"] + kinds["file_cow"] + kinds["ksm_copy"] + kinds["thp_split"]) * PAGE
    copied += kinds["hugetlb_cow"] * HUGE
    zeroed = (kinds["anon_zero"] + kinds["zero_page_cow"]) * PAGE
    zeroed += (kinds["thp_zero"] + kinds["thp_zero_page_cow"]) * HUGE
    zeroed += phase.notes["fresh"] * PAGE if kinds["mthp_zero"] else 0
    declared = {
        "major": (phase.majflt, faults.major),
        "kernel": (phase.notes.get("kernel", 0), faults.kernel - faults.kinds["failed"] * ("fixup" in phase.notes)),
        "tids": ({phase.tid} if phase.faults else set(), faults.tids),
    }
    if not kinds.keys() & {"swap_in", "shmem", "uffd", "hugetlb"}:  # these may copy or zero-fill as well
        declared["copied_bytes"] = (copied, faults.copied_bytes)
        declared["zeroed_bytes"] = (zeroed, faults.zeroed_bytes)
    if not faults.without_access:
        declared["exec"] = (phase.notes.get("exec", 0), faults.executed)
    return [f"{phase.name}: {name} is {got}, should be {want}" for name, (want, got) in declared.items() if want != got]
