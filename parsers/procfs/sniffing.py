"""The first lines of a file, for recognising what it is."""

from __future__ import annotations

from cowtrace.parsers.procfs.marks import parse_mark


def content_lines(head: bytes) -> list[bytes]:
    """Lines that are neither empty, nor remarks, nor marks; the last one is left out, being cut, unless it is the only one."""
    lines = [line.rstrip(b"\r") for line in head.split(b"\n")]
    whole = lines[:-1] if len(lines) > 1 else lines
    return [line for line in whole if line.strip() and not line.startswith((b"#", b"=")) and parse_mark(line) is None]
