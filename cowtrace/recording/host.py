"""Reading /proc and /sys, and what this process may do here.

Everything takes its root as an argument, so that a test can offer a folder of its own in place of ``/``.
"""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

# include/uapi/linux/capability.h
CAP_IPC_LOCK = 14
CAP_SYS_ADMIN = 21
CAP_SYSLOG = 34
CAP_PERFMON = 38


@dataclass(frozen=True)
class Host:
    """One machine, seen through its /proc and /sys.

    Args:
        root: Where ``proc`` and ``sys`` lie.
        machine: ``uname -m``.
        release: ``uname -r``.
        page_size: Bytes.
        cpu_count: Online CPUs.
    """

    root: Path
    machine: str
    release: str
    page_size: int
    cpu_count: int

    def path(self, name: str) -> Path:
        """A path of the host below the root: ``path("proc/meminfo")``."""
        return self.root / name

    def text(self, name: str) -> str | None:
        """A small file without surrounding blanks; None when it is missing or may not be read."""
        try:
            return (self.root / name).read_text(encoding="utf-8", errors="backslashreplace").strip()
        except OSError:
            return None

    def integer(self, name: str) -> int | None:
        """A file that holds one integer; None when it is missing or holds something else."""
        text = self.text(name)
        try:
            return int(text) if text is not None else None
        except ValueError:
            return None

    @cached_property
    def capabilities(self) -> int:
        """Effective capabilities of this process as a bit set (/proc/self/status, CapEff)."""
        for line in (self.text("proc/self/status") or "").splitlines():
            if line.startswith("CapEff:"):
                return int(line.split()[1], 16)
        return 0

    def has_capability(self, bit: int) -> bool:
        """True when this process has the capability."""
        return bool(self.capabilities >> bit & 1)

    @cached_property
    def is_privileged(self) -> bool:
        """True when perf lets this process see the kernel whatever perf_event_paranoid says (perfmon_capable)."""
        return self.has_capability(CAP_PERFMON) or self.has_capability(CAP_SYS_ADMIN)

    @cached_property
    def paranoid(self) -> int:
        """kernel.perf_event_paranoid; 2, the kernel's default, when it can't be read."""
        level = self.integer("proc/sys/kernel/perf_event_paranoid")
        return 2 if level is None else level

    @cached_property
    def has_perf_events(self) -> bool:
        """True when the kernel was built with perf events (their sysctl exists)."""
        return self.path("proc/sys/kernel/perf_event_paranoid").exists()

    @cached_property
    def tracefs(self) -> Path | None:
        """Where tracefs can be read; None when it is not mounted or not readable."""
        for name in ("sys/kernel/tracing", "sys/kernel/debug/tracing"):
            try:
                if (self.root / name / "events").is_dir():
                    return self.root / name
            except OSError:
                continue
        return None

    def has_tracepoint(self, name: str) -> bool:
        """True when tracefs lists the tracepoint ``system:event``."""
        return self.tracefs is not None and os.path.isdir(self._tracepoint(name))

    def may_read_tracepoint(self, name: str) -> bool:
        """True when this process may read the tracepoint's number and format, without which perf can't record it."""
        return self.tracefs is not None and os.access(self._tracepoint(name) / "id", os.R_OK)

    def _tracepoint(self, name: str) -> Path:
        assert self.tracefs is not None
        return self.tracefs / "events" / name.replace(":", "/")

    @property
    def kernel_version(self) -> tuple[int, int]:
        """``6.18.44-generic`` -> ``(6, 18)``; ``(0, 0)`` when the release has another form."""
        match = re.match(r"(\d+)\.(\d+)", self.release)
        return (int(match[1]), int(match[2])) if match else (0, 0)


def this_host() -> Host:
    """The machine that we run on."""
    return Host(
        root=Path("/"),
        machine=platform.machine(),
        release=platform.release(),
        page_size=os.sysconf("SC_PAGE_SIZE"),
        cpu_count=os.cpu_count() or 1,
    )
