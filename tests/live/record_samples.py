"""Record ``sample-traces/`` anew: small recordings of known workloads, each with what is true of it.

    python -m tests.live.record_samples [NAME...]

Run as root from the top of the tree; sets and restores kernel settings. Truth of cowkinds is its own log, truth of
the others the account of a witness that ran around the recorder (tests/support/witness.py).
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.support import knobs, live, truth, witness

SAMPLES = live.ROOT / "sample-traces"
WORKLOADS = live.ROOT / "tests" / "workloads"
PLAIN = ["perf", "record", "-q", "-z", "-e", "page-faults", "-d"]


@dataclass(frozen=True)
class Sample:
    """One sample: a workload, how it is recorded, and the settings that matter to it."""

    name: str
    about: str
    workload: str
    options: tuple[str, ...] = ()
    thp: str = "madvise"
    cut_to: float = 1.0  # of the recording's bytes
    plain: bool = False


ALL = (
    Sample("cowkinds", "every kind of page fault, declared beforehand phase by phase", "cowkinds"),
    Sample("redis-bgsave-thp-never", "Redis takes a snapshot while a client writes; 4 KiB pages", "redis_bgsave", ("--mib", "8")),
    Sample("redis-bgsave-thp-always", "the same with huge pages", "redis_bgsave", ("--thp", "--mib", "24"), thp="always"),
    Sample("apache-prefork", "Apache forks servers that share its memory", "apache_prefork"),
    Sample("python-workers", "CPython workers read a forked list: reference counts", "python_workers", ("--objects", "30000")),
    Sample("plain-page-faults", "what `perf record -e page-faults -d` writes by default: sampled, entries only", "compile_c", plain=True),
    Sample("truncated", "a recording cut off after 60 % of its bytes", "python_workers", ("--objects", "10000"), cut_to=0.6),
)


def command_of(sample: Sample, folder: Path) -> list[str]:
    """The workload's command line, with its files in ``folder``."""
    work = folder / "work"
    work.mkdir()
    work.chmod(0o755)
    if sample.workload == "cowkinds":
        return [str(truth.build(folder)), str(folder / "log"), str(work)]
    script = shutil.copy(WORKLOADS / f"{sample.workload}.py", folder)
    return [shutil.which("python3", path="/usr/bin:/bin") or sys.executable, "-I", str(script), str(work), *sample.options]


def processes(data: Path) -> set[int]:
    """Process ids in a recording, by perf's own reading."""
    text = live.run(["perf", "script", "-F", "pid,tid", "-i", str(data)]).stdout
    return {int(number) for number in re.findall(r"^\s*(\d+)/", text, re.MULTILINE)}


def record(sample: Sample, folder: Path, command: Sequence[str]) -> dict[str, object]:
    """Record into ``folder/perf.data``; returns the part of the description that the run yields."""
    data = folder / "perf.data"
    if sample.plain:
        live.run([*PLAIN, "-o", str(data), "--", *command])
        samples = len(live.run(["perf", "script", "-F", "event,addr", "-i", str(data)]).stdout.splitlines())
        return {"recorder": " ".join(PLAIN), "truth": {"source": "perf script", "samples": samples}}
    recorder = [sys.executable, "-m", "cowtrace", "record", "--level", "standard", "--propagate-exit", "-o", str(folder / "rec"), "--"]
    outer = witness.record_command(folder / "witness.data", [*recorder, *command])
    live.run([*recorder, *command] if sample.workload == "cowkinds" else outer)
    (folder / "rec" / "perf.data").rename(data)
    argv = json.loads((folder / "rec" / "recording.json").read_text())["perf"]["argv"]
    found: dict[str, object] = {"recorder": "cowtrace record --level standard"}
    if sample.workload == "cowkinds":
        phases, skipped = truth.read_log(folder / "log")
        return found | {"truth": {"source": "declared", "skipped": skipped, "phases": [asdict(phase) for phase in phases]}}
    accounts = witness.counts(folder / "witness.data", command=int(argv[argv.index("-p") + 1]))
    mine = [accounts[tgid] for tgid in sorted(processes(data) & accounts.keys())]
    rows = [{"tgid": a.tgid, "comm": a.comm, "begin_ns": a.begin_ns, "counts": dict(sorted(a.counts.items()))} for a in mine]
    return found | {"truth": {"source": "witness", "processes": rows}}


def make(sample: Sample, folder: Path) -> None:
    """Record one sample and write NAME.data.zst (or .data) and NAME.json."""
    with ExitStack() as stack:
        if sample.workload == "cowkinds":
            stack.enter_context(knobs.everything())
        else:
            stack.enter_context(knobs.one_at_a_time())
            stack.enter_context(knobs.huge_pages(sample.thp))
        command = command_of(sample, folder)
        settings = {str(file.relative_to(knobs.THP)): knobs.current(file) for file in sorted(knobs.THP.glob("hugepages-*kB/enabled"))}
        settings["enabled"] = knobs.current(knobs.THP / "enabled")
        found = record(sample, folder, command)
    content = (folder / "perf.data").read_bytes()
    content = content[: int(len(content) * sample.cut_to)]
    (folder / "perf.data").write_bytes(content)
    (folder / "perf.data").chmod(0o644)
    if sample.plain:  # perf -z has compressed it
        shutil.copy(folder / "perf.data", SAMPLES / f"{sample.name}.data")
    else:
        live.run(["zstd", "-q", "-f", "-19", "-o", str(SAMPLES / f"{sample.name}.data.zst"), str(folder / "perf.data")])
    described = {
        "schema": "cowtrace.sample/1",
        "about": sample.about,
        "command": [Path(word).name for word in command if word != "-I"],
        "kernel": platform.release().split("-")[0],
        "machine": platform.machine(),
        "perf": live.run(["perf", "--version"]).stdout.split()[-1],
        "transparent_hugepage": settings,
        "perf_data_bytes": len(content),
        **found,
    }
    (SAMPLES / f"{sample.name}.json").write_text(json.dumps(described, indent=1) + "\n")


def main() -> int:
    """Record the named samples, or all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    wanted = parser.parse_args().names
    if reason := live.unavailable():
        print(f"cannot record here: {reason}", file=sys.stderr)
        return 2
    for sample in ALL:
        if not wanted or sample.name in wanted:
            with tempfile.TemporaryDirectory(prefix="sample-") as folder:
                Path(folder).chmod(0o755)
                make(sample, Path(folder))
            sizes = subprocess.run(["du", "-k", *SAMPLES.glob(f"{sample.name}.*")], capture_output=True, text=True, check=True)
            print(sizes.stdout, end="")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
