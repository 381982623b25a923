"""What ftrace offers beyond tracepoints."""

from __future__ import annotations

import os

from cowtrace.recording.doctor.check import Check
from cowtrace.recording.host import Host


def function_graph(host: Host) -> Check | None:
    """function_graph times kernel functions: the inside of a fault, of fork, of an overlay copy-up."""
    if host.tracefs is None:
        return None  # the row of tracefs says it
    tracers = (host.text(str(host.tracefs.relative_to(host.root) / "available_tracers")) or "").split()
    if "function_graph" in tracers:
        return Check("function_graph", "ok", "available")
    found = f"no such tracer here (available: {' '.join(tracers) or 'not readable'})"
    return Check("function_graph", "absent", found, "kernel functions can't be timed", "boot a kernel with CONFIG_FUNCTION_GRAPH_TRACER=y")


def kprobes(host: Host) -> Check | None:
    """kprobes see arguments of kernel functions that have no tracepoint."""
    if host.tracefs is None:
        return None
    if os.path.exists(host.tracefs / "kprobe_events"):
        return Check("kprobes", "ok", "available")
    costs = "kernel functions without a tracepoint, such as those of overlayfs, can't be watched"
    return Check("kprobes", "absent", "no kprobe_events in tracefs", costs, "boot a kernel with CONFIG_KPROBE_EVENTS=y")
