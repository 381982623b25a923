"""speedscope's own file format: one sampled profile a process.

Source: src/lib/file-format-spec.ts of speedscope.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO

from cowtrace import __version__
from cowtrace.export import MEASURES
from cowtrace.export.stacks import Sample, profile_of

if TYPE_CHECKING:
    from cowtrace.store.reader import Store

_UNITS = {"faults": "none", "copies": "none", "copied_bytes": "bytes", "time": "nanoseconds"}


def export(store: Store, out: BinaryIO, measure: str) -> None:
    """Write one profile a process, the heaviest first; samples in order of time."""
    profile = profile_of(store)
    column = MEASURES[measure]
    by_process: dict[int, list[Sample]] = {}
    for sample in profile.samples:
        if getattr(sample, column):
            by_process.setdefault(sample.tgid, []).append(sample)
    paths = {node: profile.tree.path(node) for node in {sample.stack for sample in profile.samples}}
    profiles: list[dict[str, Any]] = []
    for tgid, samples in by_process.items():
        weights = [getattr(sample, column) for sample in samples]
        profiles.append(
            {
                "type": "sampled",
                "name": f"{samples[-1].comm} ({tgid})",
                "unit": _UNITS[measure],
                "startValue": 0,
                "endValue": sum(weights),
                "samples": [paths[sample.stack] for sample in samples],
                "weights": weights,
            }
        )
    profiles.sort(key=lambda entry: -entry["endValue"])
    document = {
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "exporter": f"cowtrace {__version__}",
        "name": f"cowtrace: {measure}",
        "activeProfileIndex": 0,
        "shared": {"frames": [{"name": name} for name in profile.tree.frames]},
        "profiles": profiles,
    }
    out.write(json.dumps(document, separators=(",", ":")).encode())
