"""What ``cowtrace record --with ftrace`` finds here. No level needs ftrace, so what is missing is absent, not a lack."""

from __future__ import annotations

import os

from cowtrace.errors import HostError
from cowtrace.recording.doctor.check import Check
from cowtrace.recording.ftrace.setup import default_buffer_bytes, make_setup
from cowtrace.recording.ftrace.survivors import find_survivors
from cowtrace.recording.host import Host
from cowtrace.recording.levels import DEFAULT_LEVEL
from cowtrace.units import format_bytes

_COSTS = "`cowtrace record --with ftrace` does not work"


def instances(host: Host) -> Check | None:
    """Whether an instance of our own can be made, and instances that killed recorders left behind."""
    if host.tracefs is None:
        return None  # the row of tracefs says it
    name = "ftrace instances"
    left = find_survivors(host.tracefs, host.path("proc"))
    if left:
        folder = "/" + str((host.tracefs / "instances").relative_to(host.root))
        found = f"left behind by a recorder that was killed: {', '.join(left)}"
        costs = "they go on recording, which takes time and memory"
        return Check(name, "lack", found, costs, "; ".join(f"`sudo rmdir {folder}/{each}`" for each in left))
    try:
        setup = make_setup(host, DEFAULT_LEVEL)
    except HostError as error:
        problem, _, fix = str(error).removeprefix("ftrace can't be used: ").partition("; ")
        return Check(name, "absent", problem, _COSTS, fix)
    return Check(name, "ok", f"can be made; {len(setup.events)} tracepoints of level {DEFAULT_LEVEL}")


def clocks(host: Host) -> Check | None:
    """The clocks that ftrace can take; with ``mono`` its times are those of perf as cowtrace runs it."""
    if host.tracefs is None:
        return None
    text = host.text(str((host.tracefs / "trace_clock").relative_to(host.root)))
    if text is None:
        return Check("trace clocks", "info", "not readable")
    names = text.replace("[", "").replace("]", "").split()
    if "mono" in names:
        return Check("trace clocks", "ok", " ".join(names))
    return Check("trace clocks", "absent", " ".join(names), f"no clock that perf has too: {_COSTS}", "a newer kernel (4.2)")


def thread_groups(host: Host) -> Check | None:
    """Whether ftrace notes the process of a thread (option record-tgid, Linux 4.13); cowtrace asks /proc as well."""
    if host.tracefs is None:
        return None
    known = os.path.exists(host.tracefs / "options" / "record-tgid")
    return Check("record-tgid", "info", "available" if known else "no such option: processes of old threads come from /proc alone")


def buffers(host: Host) -> Check | None:
    """Memory that the ring buffers take while recording."""
    if host.tracefs is None:
        return None
    size = default_buffer_bytes(host)
    return Check("ftrace buffers", "info", f"{format_bytes(size)} on each of {host.cpu_count} CPUs while recording")
