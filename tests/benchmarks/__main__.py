"""``python -m tests.benchmarks``: cowtrace beside ``perf script`` on recordings of 5 million page-fault samples.

The recordings are made at the first run (root, perf and a C compiler; about two minutes, 1.5 GB in --folder) and used again. Peer
and cowtrace take turns, so that a busy moment of the machine hits both; the best run of each counts. Whole processes are measured,
from start to exit, with everything in the page cache.

    python -m tests.benchmarks                      all shapes, as a Markdown table
    python -m tests.benchmarks --shapes A --json    one shape, for machines
    python -m tests.benchmarks --check              exit with 1 when a requirement is missed
    python -m tests.benchmarks --ten-times          also the memory of ingest at ten times the length (3 GB more)
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.judging import (
    CSV_TO_PERF,
    DECODED_CHAINS_PER_S,
    DECODED_SAMPLES_PER_S,
    GIB,
    HELP_S,
    INGEST_TO_PERF,
    INGEST_TO_PERF_AND_PARSE,
    PEAK_BYTES,
    REPLAYED_FAULTS_PER_S,
    SWEEP_S,
    TEXT_LINES_PER_S,
    Line,
    to_json,
    to_markdown,
)
from tests.benchmarks.process import Cost, python, run, run_piped
from tests.benchmarks.shapes import SHAPES, Shape, recorded, unavailable
from tests.benchmarks.text import LINES, written

_FIELDS = "comm,pid,tid,time,event,addr,ip"
_TEN = 10


def main() -> int:
    """Measure and print; exit code 0, 1 for a missed requirement with --check, 2 when nothing can be recorded here."""
    options = _options()
    if reason := unavailable():
        print(f"tests.benchmarks: {reason}", file=sys.stderr)
        return 2
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="cowtrace-benchmarks-") as scratch:
        for shape in SHAPES:
            if shape.name in options.shapes:
                lines += measure_shape(shape, recorded(shape, options.folder), Path(scratch), options.repeat)
        if options.ten_times:
            lines.append(measure_ten_times(options.folder, Path(scratch)))
        lines += measure_text(options.folder, Path(scratch), options.repeat)
        lines += measure_replay(Path(scratch))
        lines.append(measure_help())
    facts = {"kernel": platform.release(), "cpus": os.cpu_count(), "load": os.getloadavg()[0], "perf": _version("perf")}
    print(json.dumps(to_json(lines, facts)) if options.json else f"{to_markdown(lines)}\n\n{facts}")
    return int(options.check and not all(line.met for line in lines))


def measure_shape(shape: Shape, trace: Path, scratch: Path, repeat: int) -> list[Line]:
    """All requirements of one recording."""
    perf: list[str | Path] = ["perf", "script", "-F", _FIELDS, "-i", trace]
    store, decoded = scratch / "store", scratch / "decoded.json"
    ingest = python("-m", "cowtrace", "ingest", trace, "-o", store, "--force")
    script = python("-m", "cowtrace", "script", trace, "--format", "csv")
    costs: dict[str, list[Cost]] = {"perf": [], "parse": [], "ingest": [], "script": []}
    speeds: list[float] = []
    samples = 0
    trace.read_bytes()  # into the page cache
    for turn in range(repeat):
        _say(f"{shape.name}: turn {turn + 1} of {repeat}")
        costs["perf"].append(run(perf))
        costs["ingest"].append(run(ingest))
        if turn == 0:
            costs["parse"].append(run_piped([perf, python("-m", "tests.benchmarks.parse_text")]))
        costs["script"].append(run(script))
        run(python("-m", "tests.benchmarks.decode", trace), decoded)
        told: dict[str, Any] = json.loads(decoded.read_text())
        samples = told["samples"]
        speeds.append(samples / told["seconds"])
    best = {name: min(runs, key=lambda cost: cost.wall_s) for name, runs in costs.items()}
    peak = max(cost.peak_bytes for cost in costs["ingest"])
    mine, peer, parse, csv = best["ingest"], best["perf"], best["parse"], best["script"]
    place = f"{shape.name}: {shape.what}, {samples / 1e6:.1f} M samples"

    def beside(other: Cost, own: Cost) -> str:
        return f"{other.wall_s:.2f} s : {own.wall_s:.2f} s (CPU {other.cpu_s:.2f} : {own.cpu_s:.2f} s)"

    def faster(what: str, other: Cost, own: Cost, required: float) -> Line:
        return Line(place, f"{what}: times faster", other.wall_s / own.wall_s, required, detail=beside(other, own))

    return [
        faster("ingest than perf script", peer, mine, INGEST_TO_PERF),
        faster("ingest than perf script + parse", parse, mine, INGEST_TO_PERF_AND_PARSE),
        faster("script csv than perf script", peer, csv, CSV_TO_PERF),
        Line(
            place,
            "decode: M samples/s",
            max(speeds) / 1e6,
            (DECODED_CHAINS_PER_S if "-g" in shape.options else DECODED_SAMPLES_PER_S) / 1e6,
        ),
        Line(place, "ingest: peak GiB", peak / GIB, PEAK_BYTES / GIB, at_most=True, detail=f"perf script {peer.peak_bytes / GIB:.2f}"),
    ]


def measure_ten_times(folder: Path, scratch: Path) -> Line:
    """Memory must not grow with the recording."""
    _say("A: ten times as long")
    trace = recorded(SHAPES[0], folder, times=_TEN)
    cost = run(python("-m", "cowtrace", "ingest", trace, "-o", scratch / "store", "--force"))
    detail = f"{trace.stat().st_size / GIB:.1f} GiB in {cost.wall_s:.1f} s"
    return Line("A x 10", "ingest: peak GiB", cost.peak_bytes / GIB, PEAK_BYTES / GIB, at_most=True, detail=detail)


def measure_text(folder: Path, scratch: Path, repeat: int) -> list[Line]:
    """Text of ftrace: lines a second, and beside a reader that takes a line at a time."""
    path, told = written(folder), scratch / "text.json"
    seconds: dict[str, list[float]] = {"decode": [], "text": []}
    path.read_bytes()  # into the page cache
    for turn in range(repeat):
        _say(f"text: turn {turn + 1} of {repeat}")
        for module, found in seconds.items():
            run(python("-m", f"tests.benchmarks.{module}", path), told)
            answer = json.loads(told.read_text())
            assert answer["samples"] == LINES
            found.append(answer["seconds"])
    own, plain = min(seconds["decode"]), min(seconds["text"])
    place = f"text of ftrace, {LINES / 1e6:.1f} M lines"
    return [
        Line(place, "decode: M lines/s", LINES / own / 1e6, TEXT_LINES_PER_S / 1e6),
        Line(place, "decode: times faster than line by line", plain / own, 1, detail=f"{plain:.2f} s : {own:.2f} s"),
    ]


def measure_replay(scratch: Path) -> list[Line]:
    """CPU time of predictions; the store is made, no recorder is needed."""
    _say("replay: 5 million faults")
    told = scratch / "replay.json"
    run(python("-m", "tests.benchmarks.replay", scratch), told)
    found: dict[str, Any] = json.loads(told.read_text())
    middle = statistics.median(found["seconds"].values())
    place = f"fork loop, {found['faults'] / 1e6:.1f} M faults"
    each = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in found["seconds"].items())
    sweep = f"{found['scenarios']} scenarios, loading included"
    return [
        Line(place, "replay: M faults/s", found["faults"] / middle / 1e6, REPLAYED_FAULTS_PER_S / 1e6, detail=each),
        Line(place, "replay --sweep: s", found["sweep_s"], SWEEP_S, at_most=True, detail=sweep),
    ]


def measure_help() -> Line:
    """Start-up time of the command line."""
    pairs = [(run(python("-m", "cowtrace", "--help")).wall_s, run(python("-c", "pass")).wall_s) for _ in range(7)]
    own, empty = (min(column) for column in zip(*pairs, strict=True))
    return Line("", "--help: s above an empty interpreter", own - empty, HELP_S, at_most=True, detail=f"{own:.3f} s - {empty:.3f} s")


def _options() -> argparse.Namespace:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cowtrace-benchmarks"
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__, formatter_class=plain)
    parser.add_argument("--shapes", default="".join(shape.name for shape in SHAPES), help="letters of the shapes to measure (default: all)")
    parser.add_argument("--repeat", type=int, default=2, help="turns of peer and cowtrace (default: 2)")
    parser.add_argument("--folder", type=Path, default=cache, help=f"where recordings are kept (default: {cache})")
    parser.add_argument("--ten-times", action="store_true", help="measure memory at ten times the length as well")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a requirement is missed")
    return parser.parse_args()


def _version(program: str) -> str:
    return subprocess.run([program, "--version"], check=False, capture_output=True, text=True).stdout.strip()


def _say(text: str) -> None:
    print(f"tests.benchmarks: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
