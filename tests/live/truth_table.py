"""Print the table of truth for the README: workload, kind, cowtrace, truth, difference.

    python -m tests.live.truth_table [--level LEVEL] [WORKLOAD...]

Run as root from the top of the tree; sets and restores kernel settings. Truth is the declaration for cowkinds and
the witness (see tests/support/witness.py) for the others.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.support import knobs, live, phase_faults, truth, witnessed

Line = tuple[str, str, int, int, str]


def cowkinds(level: str, folder: Path) -> list[Line]:
    """Declared kinds against the store's, phase by phase, summed by kind; unknown faults in a row of their own."""
    program = truth.build(folder)
    with knobs.everything():
        live.record(level, folder / "rec", [str(program), str(folder / "log"), str(folder)])
    store = live.ingest(folder / "rec", folder / "store")
    phases, skipped = truth.read_log(folder / "log")
    for group, why in skipped.items():
        print(f"skipped {group}: {why}", file=sys.stderr)
    declared: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for phase, faults in zip(phases, phase_faults.gather(store, phases), strict=True):
        for name in phase_faults.wrong(phase, faults):
            print(name, file=sys.stderr)
        for kind, count in phase.kinds.items():
            first = next((name for name in kind.split("|") if faults.kinds[name]), kind.split("|")[0])
            declared[first] += count
            wrong[first] += abs(count - faults.kinds[first])
        for kind, count in faults.kinds.items():
            seen[kind] += count
            if not any(kind in key.split("|") for key in phase.kinds) and not (kind == "failed" and "fixup" in phase.notes):
                wrong[kind] += count
    return [("cowkinds", kind, seen[kind], declared[kind], f"{wrong[kind]} misplaced") for kind in sorted(declared | seen)]


def real(name: str, title: str, level: str, folder: Path, *options: str, thp: str = "madvise") -> list[Line]:
    """One real workload: measures summed over its processes, and the worst process."""
    if reason := witnessed.missing(name):
        print(f"skipped {title}: {reason}", file=sys.stderr)
        return []
    with ExitStack() as stack:
        stack.enter_context(knobs.one_at_a_time())
        stack.enter_context(knobs.huge_pages(thp))
        rows = witnessed.run(level, name, folder, *options)
    lines = []
    for measure in witnessed.MEASURES:
        mine = [row for row in rows if row.measure == measure]
        off = sum(not row.agrees for row in mine)
        if mine:
            ours, theirs = sum(row.cowtrace for row in mine), sum(row.witness for row in mine)
            lines.append((title, measure, ours, theirs, f"{off} of {len(mine)} processes apart by more than 0.5 %"))
    return lines


WORKLOADS: dict[str, Callable[[str, Path], list[Line]]] = {
    "cowkinds": cowkinds,
    "redis": lambda level, folder: real("redis_bgsave", "Redis BGSAVE, THP never", level, folder),
    "redis-thp": lambda level, folder: real("redis_bgsave", "Redis BGSAVE, THP always", level, folder, "--thp", thp="always"),
    "apache": lambda level, folder: real("apache_prefork", "Apache prefork", level, folder),
    "python": lambda level, folder: real("python_workers", "CPython workers", level, folder),
    "compile": lambda level, folder: real("compile_c", "C build", level, folder),
    "shell": lambda level, folder: real("fork_storm", "shell fork storm", level, folder),
}


def main() -> int:
    """Run the workloads, print one Markdown table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--level", default="standard", choices=("low", "standard", "full"))
    parser.add_argument("workloads", nargs="*", choices=[*WORKLOADS, []])
    arguments = parser.parse_args()
    if reason := live.unavailable():
        print(f"cannot record here: {reason}", file=sys.stderr)
        return 2
    print("| workload | what | cowtrace | truth | difference | in detail |\n|---|---|--:|--:|--:|---|")
    for name in arguments.workloads or WORKLOADS:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            for title, what, ours, theirs, detail in WORKLOADS[name](arguments.level, Path(folder)):
                share = f"{100 * (ours - theirs) / theirs:+.2f} %" if theirs else f"{ours - theirs:+d}"
                print(f"| {title} | {what} | {ours} | {theirs} | {share} | {detail} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
