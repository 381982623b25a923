"""Everything of a recording into arrays: ``python -m tests.benchmarks.decode FILE``. Prints samples and seconds, without imports."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from cowtrace.parsers.registry import open_recording


def main(path: Path) -> None:
    """Decode all columns, payload fields and call chains of all batches."""
    started = time.perf_counter()
    recording = open_recording(path)
    recording.side_band()
    samples = 0
    for batch in recording.batches():
        samples += batch.count
        for event in recording.events:
            for field in event.fields:
                if field.kind == "int" and not field.name.startswith("common_"):
                    batch.field(event.index, field.name)
        if any(event.has_callchain for event in recording.events):
            batch.chains()
    print(json.dumps({"samples": samples, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
