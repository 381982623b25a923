"""A tracefs of files: instances get the files that the kernel would put there, and buffers that hold what a test recorded."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from cowtrace.recording.ftrace.instance import Instance
from cowtrace.recording.host import Host
from tests.support.hosts import ALL_TRACEPOINTS, make_host
from tests.support.ringbuffer import PC, Format

CLOCKS = "[local] global counter uptime perf mono mono_raw boot tai x86-tsc\n"
STATS = "entries: 0\noverrun: {lost}\ncommit overrun: 0\nbytes: 0\ndropped events: 0\nread events: 2\n"
TRACEFS = "sys/kernel/tracing"


class FakeTracefs:
    """A host with it, and what came of every instance.

    Args:
        root: The host's root.
        formats: Events with formats; all others of the levels exist without.
        buffers: Pages by CPU.
        functions: ``available_filter_functions``; None for a kernel without function_graph.
        graph_in_instances: Instances offer function_graph (Linux 6.12).
        lost: Events that each CPU lost.
    """

    def __init__(
        self,
        root: Path,
        *,
        formats: Iterable[Format] = (),
        buffers: Mapping[int, bytes] | None = None,
        functions: Iterable[str] | None = None,
        graph_in_instances: bool = True,
        lost: int = 0,
    ) -> None:
        tracers = "nop" if functions is None else "function_graph function nop"
        files = {
            f"{TRACEFS}/trace_clock": CLOCKS,
            f"{TRACEFS}/available_tracers": tracers,
            f"{TRACEFS}/available_filter_functions": "".join(f"{name}\n" for name in functions or ()),
            f"{TRACEFS}/saved_cmdlines": "7 sshd\n12 worker\n",
            f"{TRACEFS}/printk_formats": '0xffffffff82000000 : "hello"\n',
            f"{TRACEFS}/events/header_page": PC.header_page.decode(),
            f"{TRACEFS}/events/header_event": "# compressed entry header\n",
            **{f"{TRACEFS}/events/{each.system}/{each.name}/format": each.text.decode() for each in formats},
            "proc/kallsyms": "ffffffff81000000 T do_wp_page\n",
            "proc/meminfo": "MemTotal: 9000000 kB\nMemAvailable: 8000000 kB\n",
            "proc/vmstat": "pgfault 1\n",
        }
        self.host: Host = make_host(root, files, tracepoints=(*ALL_TRACEPOINTS, "task:task_rename"))
        (self.tracefs / "instances").mkdir()
        self.removed: dict[str, dict[str, str]] = {}
        self._buffers = {0: b"", 1: b""} if buffers is None else buffers
        self._tracers = tracers if graph_in_instances else "function nop"
        self._lost = lost
        self.refuse: Callable[[Path], None] | None = None

    @property
    def tracefs(self) -> Path:
        """Its folder."""
        assert self.host.tracefs is not None
        return self.host.tracefs

    def instance(self, tracefs: Path, name: str) -> Instance:
        """In the place of ``Instance``."""
        return Instance(tracefs, name, make=self._make, remove=self._remove)

    def _make(self, path: Path) -> None:
        if self.refuse is not None:
            self.refuse(path)
        path.mkdir()
        names = ["tracing_on", "buffer_size_kb", "current_tracer", "set_event_pid", "set_ftrace_pid", "set_ftrace_filter"]
        names += [f"options/{each}" for each in ("event-fork", "function-fork", "record-tgid")]
        names += [f"events/{each.parent.relative_to(self.tracefs / 'events')}/enable" for each in self.tracefs.glob("events/*/*/id")]
        for each in names:
            (path / each).parent.mkdir(parents=True, exist_ok=True)
            (path / each).touch()
        (path / "available_tracers").write_text(self._tracers)
        (path / "trace_clock").write_text(CLOCKS)
        for cpu, content in self._buffers.items():
            (path / f"per_cpu/cpu{cpu}").mkdir(parents=True)
            (path / f"per_cpu/cpu{cpu}/trace_pipe_raw").write_bytes(content)
            (path / f"per_cpu/cpu{cpu}/stats").write_text(STATS.format(lost=self._lost))

    def _remove(self, path: Path) -> None:
        self.removed[path.name] = {
            str(each.relative_to(path)): each.read_text() for each in path.rglob("*") if each.is_file() and each.name != "trace_pipe_raw"
        }
        shutil.rmtree(path)

    def written(self, name: str) -> str:
        """What a file of the only instance held when it was removed."""
        (files,) = self.removed.values()
        return files[name]


def not_permitted(path: Path) -> None:
    """What mkdir says to users, and on locked-down kernels to root."""
    raise PermissionError(errno.EPERM, "Operation not permitted")
