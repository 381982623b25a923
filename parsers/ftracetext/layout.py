"""Which layout a text has: told by its first lines, never by its name."""

from __future__ import annotations

from collections import Counter

from cowtrace.parsers.ftracetext.graph import parse_graph, parse_switch
from cowtrace.parsers.ftracetext.heads import default_head, latency_head, loose_head, raw_head, verbose_head
from cowtrace.parsers.ftracetext.lines import INSTANCE_PREFIX

LINES_MAX = 400
_COMM_BYTES = 16
#: So many other lines for each event there may be, such as the rest of a marker.
_OTHERS_MAX = 1
_HEADERS = (b"# tracer:", b"# TRACE", b"TRACE:\n", b"TRACE:\r", b"cpus=", b"##### CPU ")


def has_header(head: bytes) -> bool:
    """The text begins as the kernel or trace-cmd begin theirs."""
    return head.startswith(_HEADERS)


def count_layouts(head: bytes) -> Counter[str]:
    """How many of the first lines have which layout."""
    found: Counter[str] = Counter()
    lines = head.replace(b"\r\n", b"\n").split(b"\n")
    before = b""
    for line in lines[:LINES_MAX]:
        before, whole = line, before + b"\n" + line  # a name may hold a newline
        if not line or line.startswith(b"#"):
            continue
        match = INSTANCE_PREFIX.match(line)
        shift = match.end() if match is not None else 0
        joined = len(whole) - len(line) <= _COMM_BYTES and default_head(whole)
        if default_head(line) or (shift and default_head(line, shift)) or joined:
            found["default"] += 1
        elif latency_head(line):
            found["latency"] += 1
        elif verbose_head(line):
            found["verbose"] += 1
        elif b"|  " in line and b"\t" not in line and (parse_graph(line) or parse_switch(line)):
            found["graph"] += 1
        elif raw_head(line):
            found["raw"] += 1
        elif loose_head(line):
            found["default"] += 1
    return found


def layout_of(head: bytes) -> str:
    """The layout that most of the first lines have; ``plain`` when a text of the kernel has none of them, ``default`` without lines."""
    counts = count_layouts(head)
    if b"tracer: function_graph" in head[:200] and counts["graph"] >= counts["default"]:
        return "graph"
    if counts:
        return max(counts, key=lambda name: counts[name])
    body = [line for line in head.split(b"\n") if line and not line.startswith(b"#")]
    return "plain" if body and has_header(head) and not head.startswith(b"cpus=") else "default"


def is_ftrace_text(head: bytes) -> bool:
    """Whether the first bytes of a file are those of such a text: its header, or two lines of one layout (one, when there is no more)."""
    if has_header(head) and b"\0" not in head[:16]:
        return not head.startswith(b"cpus=") or head[5:6].isdigit()
    counts = count_layouts(head)
    counts.pop("raw", None)
    best = max(counts.values(), default=0)
    lines = [line for line in head.split(b"\n")[:LINES_MAX] if line.strip() and not line.lstrip(b" ").startswith((b"#", b"=>", b"--"))]
    if len(lines) > _OTHERS_MAX * best + 2:
        return False
    return best >= 2 or (best == 1 and head.count(b"\n") <= 2)
