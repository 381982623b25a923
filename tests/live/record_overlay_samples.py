"""Record the overlay samples of ``sample-traces/`` anew: folders of ``cowtrace record --overlay``, each with a walk of the upper layer.

    python -m tests.live.record_overlay_samples [NAME...]

Run as root from the top of the tree. Mounts are made in temporary folders and taken away again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import zstandard

from tests.live.record_samples import SAMPLES
from tests.support import live, overlay
from tests.workloads.overlay import ALL

#: Of the kernel's functions those that call chains of copy-ups need; the rest would be most of the sample.
_FUNCTIONS = re.compile(rb" (ovl_|do_splice_direct|splice_direct_to_actor|vfs_clone_file_range|__mark_inode_dirty)")
LEVEL = {"build": "low", "chown": "standard", "log": "standard"}


def small_kallsyms(text: bytes) -> bytes:
    """The lines that matter, each with the next symbol, where its function ends."""
    lines = sorted(text.splitlines(), key=lambda line: int(line.split(b" ", 1)[0], 16))
    wanted = {at for at, line in enumerate(lines) if _FUNCTIONS.search(line)}
    return b"\n".join(lines[at] for at in sorted(wanted | {at + 1 for at in wanted if at + 1 < len(lines)})) + b"\n"


def make(workload: overlay.Workload, *, metacopy: bool, temporary: Path) -> None:
    """Record one sample: the folder NAME.rec and NAME.json."""
    name = f"overlay-{workload.name}-metacopy-{'on' if metacopy else 'off'}"
    kind = "tmpfs" if workload.name == "log" else "ext4"
    rec = temporary / "rec"
    with overlay.overlay(kind, metacopy=metacopy, image=workload.image) as mounted:
        options = ["--level", LEVEL[workload.name], "--overlay", "--propagate-exit", "-o", str(rec)]
        argv = [sys.executable, "-m", "cowtrace", "record", *options, "--", "sh", "-c", workload.command]
        subprocess.run(argv, cwd=mounted.point, env={**os.environ, "PYTHONPATH": str(live.ROOT)}, check=True)
        truth = overlay.walk(mounted)
        point = str(mounted.point)
    target = SAMPLES / f"{name}.rec"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(rec, target, ignore=shutil.ignore_patterns("perf.data", "vmstat", "meminfo"))
    packer = zstandard.ZstdCompressor(level=19)
    (target / "perf.data.zst").write_bytes(packer.compress((rec / "perf.data").read_bytes()))
    for table in (target / "mountinfo").iterdir():
        # what else is mounted on the machine is nobody's business
        kept = [line for line in table.read_text().splitlines(keepends=True) if line.split()[4] == "/" or "/overlay-" in line.split()[4]]
        table.write_text("".join(kept))
    symbols = zstandard.ZstdDecompressor().stream_reader((rec / "kallsyms.zst").read_bytes()).read()
    (target / "kallsyms.zst").write_bytes(packer.compress(small_kallsyms(symbols)))
    described = {
        "schema": "cowtrace.sample/1",
        "about": workload.about,
        "command": workload.command,
        "kernel": platform.release().split("-")[0],
        "machine": platform.machine(),
        "perf": live.run(["perf", "--version"]).stdout.split()[-1],
        "upper": kind,
        "metacopy": metacopy,
        "recorder": f"cowtrace record --level {LEVEL[workload.name]} --overlay",
        "truth": {"source": "walk of the upper layer", "workload": workload.name, "mount_point": point, "entries": truth},
    }
    (SAMPLES / f"{name}.json").write_text(json.dumps(described, indent=1) + "\n")


def main() -> int:
    """Record the named samples, or all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help="build, chown, log")
    wanted = parser.parse_args().names
    if reason := live.unavailable() or overlay.unavailable():
        print(f"cannot record here: {reason}", file=sys.stderr)
        return 2
    for workload in ALL:
        if wanted and workload.name not in wanted:
            continue
        for metacopy in (False, True):
            with tempfile.TemporaryDirectory(prefix="sample-") as folder:
                make(workload, metacopy=metacopy, temporary=Path(folder))
    print(subprocess.run(["du", "-sk", *SAMPLES.glob("overlay-*")], capture_output=True, text=True, check=True).stdout, end="")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
