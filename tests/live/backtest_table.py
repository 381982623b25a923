"""Print the table of back-tests for the README: predicted beside measured, both ways, from pairs of recorded runs.

    python -m tests.live.record_pairs FOLDER          records the workloads (root, perf; some minutes)
    python -m tests.live.backtest_table FOLDER        predicts every run from the other setting's, and compares

Prints one Markdown row for each workload, direction and measure; ``--detail`` prints one for each process as well.
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


def shown(judged: Judged, *, detail: bool) -> list[str]:
    """Markdown rows: the whole run's measures, or every process's."""
    rows = judged.rows if detail else [row for row in judged.rows if row.comm is None]
    lines = []
    for cell in cells(rows):
        first = f"{judged.workload} {judged.before} → {judged.after}" if cell[0] == "all" else ""
        lines.append(f"| {' | '.join((first, *(cell if detail else cell[1:])))} |")
    return lines


def summary(all_judged: Sequence[Judged]) -> list[str]:
    """How many are good, by measure; directions; coverage."""
    lines = []
    for name, good in GOOD.items():
        rows = [row for judged in all_judged for row in _judged_processes(judged) if row.measure == name and row.error is not None]
        within = [row for row in rows if abs(row.error or 0) <= max(good, row.noise or 0)]
        lines.append(f"{name}: {len(within)} of {len(rows)} processes within {good:.0%} (or their noise)")
    rows = [row for judged in all_judged for row in judged.rows]
    directions = [row.direction_right for row in rows if row.direction_right is not None]
    covered, runs = coverage(rows)
    lines.append(f"direction: right for {sum(directions)} of {len(directions)} measures that moved by more than their noise")
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
    heads = ["workload", *(["process"] if arguments.detail else []), "measure", "before", "predicted", "90 % interval", "measured", "error"]
    heads += ["noise", "in interval"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * (3 if arguments.detail else 2)}{'--:|' * 7}")
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
