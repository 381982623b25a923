"""The commands: one file each, plus one line in ``REGISTRY``. A command parses arguments, calls the library, prints."""

from __future__ import annotations

#: Command -> its line in ``cowtrace --help``. The module ``cowtrace.commands.<name>`` holds a click command named ``command``.
REGISTRY: dict[str, str] = {
    "demo": "See what cowtrace does, on a recording that comes along.",
    "ingest": "Read recordings into a store of Parquet tables.",
    "info": "Show what was read, what was lost, what this recording can and cannot tell.",
    "script": "Print every recorded event in time order, like perf script.",
    "query": "Run SQL, or a query of the library, on a store.",
    "report": "Print the bill: faults by cause, process, mapping and fork.",
    "check": "Judge a recording by budgets, for CI.",
    "export": "Write the faults for Perfetto, Firefox Profiler, speedscope, pprof or flame graphs.",
    "diff": "Compare recordings, for CI.",
    "replay": "Predict what the workload would have cost under other settings.",
    "record": "Record a command, a process or the system with the right events.",
    "backtest": "Predict a what-if, run the command under it, print both side by side.",
    "calibrate": "Measure what faults and forks cost on this host, for predictions.",
    "knobs": "List every setting: modelled, measurable, or not knowable from a trace.",
    "guide": "Say what to run for which question.",
    "doctor": "Check what this host can record, and what to change.",
}
