"""ftrace beside a recording, or alone: ``trace.dat`` in the recording's folder."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cowtrace import __version__
from cowtrace.errors import HostError
from cowtrace.recording.collector import Collector, Scene
from cowtrace.recording.ftrace.drain import Drain
from cowtrace.recording.ftrace.events import FUNCTIONS, base_name
from cowtrace.recording.ftrace.instance import Instance, instance_name
from cowtrace.recording.ftrace.setup import CLOCK, GRAPH, Setup
from cowtrace.recording.ftrace.survivors import find_survivors
from cowtrace.recording.ftrace.targets import follow, living
from cowtrace.recording.ftrace.tracedat import TraceFacts, write_tracedat
from cowtrace.recording.host import Host
from cowtrace.recording.kallsyms import text_symbols
from cowtrace.recording.levels import Event

TRACE_DAT = "trace.dat"
_LOOK_S = 0.2
_STAT = re.compile(r"^([a-z ]+): +(\d+)$", re.MULTILINE)

#: Makes an instance of a name in a tracefs.
MakeInstance = Callable[[Path, str], Instance]


class Ftrace(Collector):
    """Records with an instance of its own, which is removed whatever happens.

    Args:
        host: The machine.
        setup: What to record.
        limit_bytes: End the recording when the pages have this size.
        make_instance: Replaces the kernel in tests.
    """

    def __init__(self, host: Host, setup: Setup, *, limit_bytes: int | None = None, make_instance: MakeInstance = Instance) -> None:
        super().__init__()
        self._host = host
        self._setup = setup
        self._limit_bytes = limit_bytes
        self._make_instance = make_instance
        self._instance: Instance | None = None
        self._drain: Drain | None = None
        self._events: list[Event] = []
        self._functions: list[str] = []
        self._facts: dict[str, Any] = {}
        self.size_bytes = 0

    def start(self, scene: Scene) -> None:
        """Make the instance and start it.

        Raises:
            HostError: The kernel refuses the instance, its clock or all of its events.
        """
        super().start(scene)
        for name in find_survivors(self._tracefs, self._host.path("proc")):
            path = self._tracefs / "instances" / name
            self.note(f"ftrace: {name}, left behind by a recorder that was killed, still records: `sudo rmdir {path}`")
        instance = self._instance = self._make_instance(self._tracefs, instance_name())
        try:
            instance.write("tracing_on", "0")
            instance.write("trace_clock", CLOCK)
            instance.write("buffer_size_kb", str(self._setup.buffer_bytes // 1024))
        except OSError as error:
            problem = f"the kernel refused its clock or its buffer: {error.strerror}"
            raise HostError(f"ftrace can't be used: {problem}; try a smaller --ftrace-buffer") from error
        instance.try_write("options/record-tgid", "1")
        self._tgids, self._comms = living([] if self._setup.system_wide else scene.pids, self._host.path("proc"))
        graph = self._setup.graph and self._choose_functions(instance)
        if not self._setup.system_wide:
            for sentence in follow(instance, scene.pids, graph=graph, proc=self._host.path("proc")):
                self.note(sentence)
        for event in self._setup.events:
            if why := instance.try_write(f"events/{event.name.replace(':', '/')}/enable", "1"):
                self.note(f"ftrace: {event.name} can't be recorded: {why}")
            else:
                self._events.append(event)
        if not self._events and not graph:
            raise HostError("ftrace can't be used: the kernel refused every event; `cowtrace doctor` says what to change")
        self._drain = Drain(instance.path, scene.folder, self._host.page_size)
        instance.write("tracing_on", "1")

    def tick(self, now_s: float) -> float | None:
        assert self._drain is not None
        if self._limit_bytes is not None and self._drain.size_bytes >= self._limit_bytes:
            self.stop_reason = "size limit"
        if self._drain.error is not None:
            self.note(f"ftrace: recording ended early: {self._drain.error}")
            self.stop_reason = "ftrace failed"
        return now_s + _LOOK_S

    def cease(self) -> None:
        if self._instance is not None:
            self._instance.try_write("tracing_on", "0")

    def stop(self) -> None:
        """Write trace.dat and remove the instance."""
        assert self._instance is not None and self._drain is not None
        self.cease()
        pages = self._drain.finish()
        if self._drain.error is not None:
            self.note(f"ftrace: not everything could be stored: {self._drain.error}")
        facts = self._trace_facts(self._instance)
        self._close_instance()
        self.size_bytes = write_tracedat(self.scene.folder / TRACE_DAT, facts, pages)
        for path in self.scene.folder.glob("trace.cpu*.pages"):
            path.unlink()
        counts = [dict(_STAT.findall(text.decode())) for text in facts.stats.values()]
        lost = sum(int(each.get("overrun", 0)) + int(each.get("dropped events", 0)) for each in counts)
        if lost:
            self.note(f"ftrace: LOST {lost} events: record with a larger --ftrace-buffer or a lower --level")
        self._facts = {
            "file": TRACE_DAT,
            "size_bytes": self.size_bytes,
            "clock": CLOCK,
            "events": [{"name": event.name, "why": event.why} for event in self._events],
            "functions": self._functions,
            "missing": [{"what": lack.what, "reason": lack.reason, "fix": lack.fix} for lack in self._setup.missing],
            "buffer_bytes": self._setup.buffer_bytes,
            "lost_events": lost,
        }

    def close(self) -> None:
        if self._drain is not None:
            self._drain.close()
        self._close_instance()

    def facts(self) -> dict[str, Any]:
        return {"ftrace": self._facts}

    @property
    def _tracefs(self) -> Path:
        assert self._host.tracefs is not None
        return self._host.tracefs

    def _close_instance(self) -> None:
        if self._instance is not None and (why := self._instance.close()):
            self.note(f"ftrace: {why}")

    def _choose_functions(self, instance: Instance) -> bool:
        """Turn function_graph on for the deciding functions; False when the kernel will not, which a note says."""
        if GRAPH not in instance.read("available_tracers").split():
            self.note(
                f"ftrace: this kernel offers {GRAPH} in its top buffer only (instances have it since 6.12), which belongs to others: "
                "record it beside with `trace-cmd record -p function_graph -C mono` and ingest both"
            )
            return False
        available = _text(self._tracefs / "available_filter_functions").decode("ascii", "replace")
        names = dict.fromkeys(line.split()[0] for line in available.splitlines() if line.strip())
        wanted = [name for name in names if base_name(name) in FUNCTIONS]
        # one by one: the kernel drops the rest of a list behind a name that it refuses
        taken: list[str] = []
        for name in wanted:
            if instance.try_write("set_ftrace_filter", name + "\n", append=bool(taken)) is None:
                taken.append(name)
        # with an empty filter every function of the kernel would be recorded
        if not taken or "all functions enabled" in instance.read("set_ftrace_filter"):
            self.note(f"ftrace: {GRAPH} is left out: none of the deciding functions can be traced on this kernel")
            return False
        if why := instance.try_write("current_tracer", GRAPH):
            self.note(f"ftrace: {GRAPH} can't be used: {why}")
            return False
        self._functions = taken
        return True

    def _trace_facts(self, instance: Instance) -> TraceFacts:
        events = self._tracefs / "events"
        formats: dict[str, list[bytes]] = {}
        for event in self._events:
            system, _, event_name = event.name.partition(":")
            formats.setdefault(system, []).append(_text(events / system / event_name / "format"))
        name = os.uname()
        per_cpu = sorted((instance.path / "per_cpu").glob("cpu*"))
        return TraceFacts(
            header_page=_text(events / "header_page"),
            header_event=_text(events / "header_event"),
            ftrace_formats=[_text(path) for path in sorted((events / "ftrace").glob("*/format"))],
            formats=formats,
            kallsyms=text_symbols(_text(self._host.path("proc/kallsyms"))),
            printk_formats=_text(self._tracefs / "printk_formats"),
            cmdlines=_merged(_text(self._tracefs / "saved_cmdlines"), self._comms),
            tgids=_lines(self._tgids) if self._setup.system_wide or not self.scene.is_command else b"",
            clock_list=_text(instance.path / "trace_clock"),
            clock=CLOCK,
            uname=f"{name.sysname} {name.nodename} {self._host.release} {self._host.machine}",
            version=f"cowtrace {__version__}",
            page_bytes=self._host.page_size,
            cpu_count=max(self._host.cpu_count, len(per_cpu)),
            stats={int(path.name[3:]): _text(path / "stats") for path in per_cpu},
        )


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _lines(values: Mapping[int, int]) -> bytes:
    return b"".join(b"%d %d\n" % pair for pair in sorted(values.items()))


def _merged(saved: bytes, comms: Mapping[int, bytes]) -> bytes:
    """The kernel's last known names, and those of /proc for tasks that it has forgotten; a name with a newline would spoil the list."""
    known = {int(line.split(b" ", 1)[0]) for line in saved.splitlines() if line.split(b" ", 1)[0].isdigit()}
    more = [b"%d %s\n" % (tid, comm) for tid, comm in sorted(comms.items()) if tid not in known and comm and b"\n" not in comm]
    return saved + b"".join(more)
