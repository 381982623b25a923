"""CPython workers forked off a loaded parent: reading an object writes its reference count.

python python_workers.py FOLDER [--objects N]
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

WORKERS = 3


def run(folder: Path, objects: int = 100_000) -> None:
    """Load, fork, let every worker read all rows, read them once more in the parent."""
    rows = [(number, f"row {number}") for number in range(objects)]
    children = []
    for worker in range(WORKERS):
        child = os.fork()
        if child == 0:
            total = sum(len(text) + number for number, text in rows)
            (folder / f"worker.{worker}").write_text(f"{total}\n")
            os._exit(0)
        children.append(child)
    for child in children:
        if os.waitpid(child, 0)[1]:
            raise RuntimeError("a worker failed")
    assert sum(len(text) + number for number, text in rows) == int((folder / "worker.0").read_text())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--objects", type=int, default=100_000)
    run(**vars(parser.parse_args()))
