"""Print the table of back-tests for the README: predicted beside measured, both ways, from pairs of recorded runs.

    python -m tests.live.record_pairs FOLDER          records the workloads (root, perf; some minutes)
    python -m tests.live.backtest_table FOLDER        predicts every run from the other setting's, and compares

Prints one Markdown row for each workload and direction; ``--detail`` prints one for each process and measure.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cowtrace.backtest.compare import Row, compare, coverage
from cowtrace.backtest.measured import measure
from cowtrace.backtest.text import cells
from cowtrace.replay import replay
from cowtrace.store.reader import Store

#: What counts as good: the share of the measured value, or the noise where that is larger.
GOOD = {"faults": 0.03, "fault_time_ns": 0.15}
#: A process below this many faults is part of the sums, but not judged on its own.
LEAST_FAULTS = 500


@dataclass(frozen=True)
class Judged:
    """One workload in one direction."""

    workload: str
    before: str
    after: str
    rows: list[Row]


def judge(folder: Path, before: str, after: str) -> Judged:
    """Predict all runs under ``after`` from each run under ``before``."""
    stores = {policy: [Store(path) for path in sorted(folder.glob(f"{policy}.*.store"))] for policy in (before, after)}
    runs = {policy: [measure(store) for store in found] for policy, found in stores.items()}
    predictions = [replay(store, [f"thp={after}"]).to_dict() for store in stores[before]]
    return Judged(folder.name, before, after, compare(predictions, runs[before], runs[after]))


HEADS = ("workload", "before", "faults predicted", "measured", "error", "time predicted", "measured", "error", "noise", "in interval")
DETAIL_HEADS = ("workload", "process", "measure", "before", "predicted", "90 % interval", "measured", "error", "noise", "in interval")


def shown(judged: Judged, *, detail: bool) -> list[str]:
    """Markdown rows: one for the whole, or one for every process and measure."""
    name = f"{judged.workload}, {judged.before} → {judged.after}"
    if detail:
        return [f"| {' | '.join((name if cell[0] == 'all' else '', *cell))} |" for cell in cells(judged.rows)]
    whole = {row.measure: cell for row, cell in zip(judged.rows, cells(judged.rows), strict=True) if row.comm is None}
    faults, times = whole["faults"], whole["fault_time_ns"]
    covered, runs = coverage(judged.rows)
    inside = f"{covered} of {runs}"
    return [f"| {' | '.join((name, faults[2], f'{faults[3]} ({faults[4]})', *faults[5:7], times[3], *times[5:8], inside))} |"]


def summary(all_judged: Sequence[Judged]) -> list[str]:
    """How many are good, by measure; directions; coverage."""
    lines = []
    for name, good in GOOD.items():
        rows = [row for judged in all_judged for row in _judged_processes(judged) if row.measure == name and row.error is not None]
        within = [row for row in rows if abs(row.error or 0) <= max(good, row.noise or 0)]
        lines.append(f"{name}: {len(within)} of {len(rows)} processes within {good:.0%} (or their noise)")
    rows = [row for judged in all_judged for row in _judged_processes(judged)]
    directions = [row.direction_right for row in rows if row.direction_right is not None]
    covered, runs = coverage([row for judged in all_judged for row in judged.rows])
    lines.append(f"direction: right for {sum(directions)} of {len(directions)} measures that moved by more than twice their noise")
    lines.append(f"90 % intervals: {covered} of {runs} measured values inside ({covered / max(runs, 1):.0%})")
    return lines


def _judged_processes(judged: Judged) -> list[Row]:
    large = {row.comm for row in judged.rows if row.measure == "faults" and row.comm and (row.measured or 0) >= LEAST_FAULTS}
    return [row for row in judged.rows if row.comm in large]


def main() -> int:
    """Judge every workload that has runs under both settings."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--detail", action="store_true")
    parser.add_argument("workloads", nargs="*")
    arguments = parser.parse_intermixed_args()
    heads = DETAIL_HEADS if arguments.detail else HEADS
    texts = 3 if arguments.detail else 1
    print(f"| {' | '.join(heads)} |\n|{'---|' * texts}{'--:|' * (len(heads) - texts)}")
    all_judged = []
    for folder in sorted(path for path in arguments.folder.iterdir() if list(path.glob("always.*.store"))):
        if arguments.workloads and folder.name not in arguments.workloads:
            continue
        for before, after in (("never", "always"), ("always", "never")):
            judged = judge(folder, before, after)
            all_judged.append(judged)
            print("\n".join(shown(judged, detail=arguments.detail)), flush=True)
    print("\n" + "\n".join(summary(all_judged)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
