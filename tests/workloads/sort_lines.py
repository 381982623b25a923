"""coreutils sort with two threads over a file that is the same in every run.

python sort_lines.py FOLDER [--lines N]
"""

from __future__ import annotations

import argparse
import random
import subprocess
from pathlib import Path


def run(folder: Path, lines: int = 150_000) -> None:
    """Write the file, sort it."""
    source = folder / "lines"
    numbers = random.Random(1)
    with source.open("w") as out:
        for _ in range(lines):
            out.write(f"{numbers.getrandbits(64):020} {numbers.getrandbits(200)}\n")
    subprocess.run(["sort", "--parallel=2", "-S", "64M", "-o", str(folder / "sorted"), str(source)], check=True, env={"LC_ALL": "C"})


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lines", type=int, default=150_000)
    run(**vars(parser.parse_args()))
