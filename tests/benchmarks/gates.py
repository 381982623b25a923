"""``python -m tests.benchmarks.gates``: how often does ``cowtrace diff`` cry wolf, and how often does it miss a real change?

One workload is recorded again and again, half of the times with a planted growth of its copied bytes. All pairs of equal runs must pass,
all pairs of unequal runs must fail. Then intervals of sampled recordings: lossless ones are thinned, and the truth must lie inside.

Needs root and perf; takes about three minutes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import fmean

from cowtrace.gate.diff import diff
from cowtrace.gate.expression import parse_expression
from cowtrace.gate.measures import MEASURES
from cowtrace.gate.subject import subject_of
from cowtrace.ingest import ingest
from cowtrace.store.reader import Store
from tests.gate.thinned import coverage
from tests.support.live import cowtrace, unavailable

_RULE = "copied_bytes > +2.5%"
_PAIRS = 200


def main() -> int:
    """Measure and print; exit code 1 when a requirement is missed, 2 when nothing can be recorded here."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=21, help="recordings a side")
    parser.add_argument("--growth", type=float, default=0.05, help="planted growth of the copied bytes")
    parser.add_argument("--thinned", type=int, default=1000, help="thinned recordings")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if reason := unavailable():
        print(f"tests.benchmarks.gates: {reason}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="cowtrace-gates-") as name:
        folder = Path(name)
        equal = [_run(folder, f"base{number}", 0) for number in range(options.runs)]
        pages = round(fmean(map(_copied_pages, equal)) * options.growth)
        grown = [_run(folder, f"grown{number}", pages) for number in range(options.runs)]
        alarms = _alarms(list(itertools.combinations(equal, 2)))
        found = _alarms(list(itertools.product(equal, grown)))
        growth = fmean(map(_copied_pages, grown)) / fmean(map(_copied_pages, equal)) - 1
        known = {"kind": "[!u]*"}
        shares = {
            measure: coverage(equal[0], MEASURES[measure], known, period=7, repeats=options.thinned)
            for measure in ("faults", "copied_bytes", "copies")
        }
    result = {
        "rule": _RULE,
        "false_alarm_share": alarms,
        "detected_share": found,
        "planted_growth": growth,
        "pairs": _PAIRS,
        "interval_coverage": shares,
    }
    print(json.dumps(result, indent=1) if options.json else _table(result))
    good = alarms <= 0.01 and found >= 0.95 and all(0.93 <= share <= 0.97 for share in shares.values())
    return 0 if good else 1


def _run(folder: Path, name: str, more_pages: int) -> Store:
    program = folder / "grow.py"
    if not program.exists():
        program.write_text(_PROGRAM)
    cowtrace("record", "-o", folder / name, "--", sys.executable, program, str(more_pages))
    return ingest([folder / name], folder / f"{name}.store", quiet=True)


#: CPython workers, whose copies differ from run to run as real ones do, and one more child that copies a chosen number of pages.
_PROGRAM = """
import mmap, os, sys
rows = [(number, f"row {number}") for number in range(60000)]
extra = int(sys.argv[1])
memory = mmap.mmap(-1, max(extra, 1) * 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for page in range(extra):
    memory[page * 4096] = 1
for worker in range(3):
    if os.fork() == 0:
        sum(len(text) + number for number, text in rows)
        os._exit(0)
    os.wait()
if os.fork() == 0:
    for page in range(extra):
        memory[page * 4096] = 2
    os._exit(0)
os.wait()
"""


def _copied_pages(store: Store) -> float:
    return float(store.lazy("fault").select("copied_bytes").collect()["copied_bytes"].sum() or 0) / 4096


def _alarms(pairs: list[tuple[Store, Store]]) -> float:
    chosen = random.Random(0).sample(pairs, min(_PAIRS, len(pairs)))
    rule = parse_expression(_RULE)
    failed = 0
    for base, new in chosen:
        with ExitStack() as stack:
            sides = [stack.enter_context(subject_of(store, store.path.name)) for store in (base, new)]
            failed += bool(diff([sides[0]], [sides[1]], [rule]).failed)
    return failed / len(chosen)


def _table(result: dict[str, object]) -> str:
    shares = result["interval_coverage"]
    assert isinstance(shares, dict)
    lines = [
        "| what | measured | required |",
        "|---|---:|---:|",
        f"| false alarms, {result['pairs']} pairs of equals, `{result['rule']}` | {_percent(result['false_alarm_share'])} | at most 1 % |",
        f"| planted growth of {_percent(result['planted_growth'])} found | {_percent(result['detected_share'])} | at least 95 % |",
    ]
    lines += [
        f"| 95 % intervals of thinned recordings that hold the truth, {name} | {_percent(share)} | 93 to 97 % |"
        for name, share in shares.items()
    ]
    return "\n".join(lines)


def _percent(share: object) -> str:
    assert isinstance(share, float)
    return f"{100 * share:.3g} %"


if __name__ == "__main__":
    sys.exit(main())
