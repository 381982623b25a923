"""What this host can record, what it lacks, how to change that.

One function per question, grouped by file; ``CHECKS`` is their order. A check reads the host and returns rows; nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable

from cowtrace.recording.doctor import filesystems, ftrace, memory, rights, tracing
from cowtrace.recording.doctor.check import Check
from cowtrace.recording.host import Host

#: Questions that /proc and /sys answer, in the order of the table; perf's own come from ``perf``.
CHECKS: tuple[Callable[[Host], Check | None], ...] = (
    rights.rights,
    rights.lockdown,
    rights.tracefs,
    rights.kernel_symbols,
    rights.ring_buffer,
    memory.huge_pages,
    memory.huge_page_sizes,
    memory.ksm,
    memory.swap,
    memory.settings_left,
    ftrace.instances,
    ftrace.clocks,
    ftrace.thread_groups,
    ftrace.buffers,
    tracing.function_graph,
    tracing.kprobes,
    filesystems.overlay,
    filesystems.user_namespaces,
    filesystems.disk_space,
)
