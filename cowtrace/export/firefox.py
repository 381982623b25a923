"""Firefox Profiler's processed profile, version 62: tables of shared frames and stacks, one thread each with weighted samples.

Source: docs-developer/processed-profile-format.md and CHANGELOG-formats.md of firefox-devtools/profiler.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO

from cowtrace import __version__
from cowtrace.export import MEASURES
from cowtrace.export.stacks import Profile, Sample, profile_of

if TYPE_CHECKING:
    from cowtrace.store.reader import Store

_FORMAT_VERSION = 62
_GECKO_VERSION = 24
#: Categories of frames by the family that a kind's name shows: copies stand out.
_CATEGORIES = (("Other", "grey"), ("Copy", "red"), ("Reuse", "yellow"), ("First touch", "blue"), ("File", "green"))
_COPY, _REUSE, _TOUCH, _FILE = 1, 2, 3, 4
_WEIGHTS = {"faults": "samples", "copies": "samples", "copied_bytes": "bytes", "time": "tracing-ms"}


def export(store: Store, out: BinaryIO, measure: str) -> None:
    """Write the profile; a sample weighs what ``measure`` says."""
    profile = profile_of(store)
    by_thread: dict[tuple[int, int], list[Sample]] = {}
    for sample in profile.samples:
        by_thread.setdefault((sample.tgid, sample.tid), []).append(sample)
    document = {
        "meta": _meta(profile),
        "libs": [],
        "counters": [],
        "pages": [],
        "profilerOverhead": [],
        "shared": _shared(profile),
        "threads": [_thread(profile, tgid, tid, samples, measure) for (tgid, tid), samples in sorted(by_thread.items())],
    }
    out.write(json.dumps(document, separators=(",", ":")).encode())


def _meta(profile: Profile) -> dict[str, Any]:
    start_ns = profile.begin_ns + (profile.wall_offset_ns or 0)
    return {
        "categories": [{"name": name, "color": color, "subcategories": ["Other"]} for name, color in _CATEGORIES],
        "debug": False,
        "extensions": {"baseURL": [], "id": [], "length": 0, "name": []},
        "interval": 1.0,
        "markerSchema": [],
        "pausedRanges": [],
        "preprocessedProfileVersion": _FORMAT_VERSION,
        "processType": 0,
        "product": f"cowtrace {__version__}",
        "sampleUnits": {"time": "ms", "eventDelay": "ms", "threadCPUDelta": "µs"},
        "sourceCodeIsNotOnSearchfox": True,
        "startTime": start_ns / 1e6,
        "symbolicated": True,
        "usesOnlyOneStackType": True,
        "version": _GECKO_VERSION,
    }


def _shared(profile: Profile) -> dict[str, Any]:
    tree = profile.tree
    count = len(tree.frames)
    nulls: list[None] = [None] * count
    zeros = [0] * count
    empty: dict[str, Any] = {"length": 0}
    return {
        "stringArray": tree.frames,
        "stackTable": {"length": len(tree.frame), "frame": tree.frame, "prefix": [None if at < 0 else at for at in tree.prefix]},
        "frameTable": {
            "length": count,
            "address": [-1] * count,
            "category": [_category(name) for name in tree.frames],
            "subcategory": zeros,
            "func": list(range(count)),
            "inlineDepth": zeros,
            "innerWindowID": zeros,
            "nativeSymbol": nulls,
            "line": nulls,
            "column": nulls,
        },
        "funcTable": {
            "length": count,
            "name": list(range(count)),
            "isJS": [False] * count,
            "relevantForJS": [False] * count,
            "resource": [-1] * count,
            "source": nulls,
            "lineNumber": nulls,
            "columnNumber": nulls,
        },
        "nativeSymbols": {**empty, "address": [], "functionSize": [], "libIndex": [], "name": []},
        "resourceTable": {**empty, "host": [], "lib": [], "name": [], "type": []},
        "sources": {**empty, "filename": [], "id": [], "sourceMapURL": [], "startColumn": [], "startLine": []},
    }


def _category(frame: str) -> int:
    if not frame.startswith("["):
        return 0
    if frame.endswith(("_copy]", "_split]", "_cow]")):
        return _COPY
    if frame.endswith("_reuse]"):
        return _REUSE
    return _TOUCH if "zero" in frame else _FILE if frame.startswith(("[file_", "[shmem")) else 0


def _thread(profile: Profile, tgid: int, tid: int, samples: list[Sample], measure: str) -> dict[str, Any]:
    times = [(sample.ts_ns - profile.begin_ns) / 1e6 for sample in samples]
    scale = 1e-6 if measure == "time" else 1
    name = samples[-1].comm
    return {
        "name": name,
        "processName": name,
        "processType": "default",
        "isMainThread": tgid == tid,
        "pid": str(tgid),
        "tid": str(tid),
        "registerTime": 0.0,
        "unregisterTime": None,
        "processStartupTime": 0.0,
        "processShutdownTime": None,
        "pausedRanges": [],
        "showMarkersInTimeline": False,
        "markers": {"length": 0, "category": [], "data": [], "endTime": [], "name": [], "phase": [], "startTime": []},
        "samples": {
            "length": len(samples),
            "stack": [sample.stack for sample in samples],
            "time": times,
            "weight": [getattr(sample, MEASURES[measure]) * scale for sample in samples],
            "weightType": _WEIGHTS[measure],
        },
    }
