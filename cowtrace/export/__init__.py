"""Faults for other tools: Perfetto, Firefox Profiler, speedscope, pprof, flame graphs. Cheap to import: --help names the formats."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exporter:
    """One format.

    Attributes:
        module: Has ``export(store, out, measure)``, which writes bytes to ``out``.
        suffix: Of its files.
        says: Which tool reads it.
    """

    module: str
    suffix: str
    says: str


#: A new format is one file and one line.
EXPORTERS: dict[str, Exporter] = {
    "perfetto": Exporter("cowtrace.export.perfetto", ".json", "ui.perfetto.dev: every fault, fork and copy-up on its thread"),
    "firefox": Exporter("cowtrace.export.firefox", ".json", "profiler.firefox.com: call trees and time line"),
    "speedscope": Exporter("cowtrace.export.speedscope", ".speedscope.json", "speedscope.app: flame graphs by process"),
    "pprof": Exporter("cowtrace.export.pprof", ".pb.gz", "go tool pprof, pprof.me: copies, bytes and time together"),
    "folded": Exporter("cowtrace.export.folded", ".folded", "flamegraph.pl, inferno and everything that reads folded stacks"),
}

#: Measure -> column of the samples. pprof takes all of them at once.
MEASURES: dict[str, str] = {
    "faults": "fault_count",
    "copies": "copy_count",
    "copied_bytes": "copied_bytes",
    "time": "duration_ns",
}
