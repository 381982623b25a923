"""Small builders of /proc texts, and readers that give plain rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cowtrace.parsers.base import SourceInfo
from cowtrace.parsers.procfs.formats import open_counters
from cowtrace.parsers.procfs.marks import SnapshotOptions
from cowtrace.parsers.procfs.smaps import SmapsReader

DATA = Path(__file__).parent.parent / "data" / "procfs"


def mapping(head: str | bytes, *, flags: str | None = None, more: Mapping[str, int] = MappingProxyType({}), **kb: int) -> bytes:
    """One mapping: its line, fields in kB, VmFlags: ``mapping("1000-2000 rw-p 00000000 00:00 0", Rss=4, flags="rd wr")``."""
    lines = [head.encode() if isinstance(head, str) else head]
    lines += [f"{name + ':':<15} {value:8} kB".encode() for name, value in {**kb, **more}.items()]
    if flags is not None:
        lines.append(f"VmFlags: {flags} ".encode())
    return b"".join(line + b"\n" for line in lines)


def read_smaps(path: Path, content: bytes | None = None, **options: Any) -> tuple[list[dict[str, Any]], SourceInfo]:
    """Rows of one smaps file, NULLs left out; ``content`` is written to ``path`` first."""
    if content is not None:
        path.write_bytes(content)
    reader = SmapsReader(path, SnapshotOptions(**options))
    return [_present(row) for batch in reader.batches() for row in batch.to_pylist()], reader.info


def read_counters(path: Path, form: str, content: bytes | None = None, **options: Any) -> tuple[list[dict[str, Any]], SourceInfo]:
    """Rows of one vmstat or meminfo file, likewise."""
    if content is not None:
        path.write_bytes(content)
    reader = open_counters(path, form, SnapshotOptions(**options))
    return [_present(row) for batch in reader.batches() for row in batch.to_pylist()], reader.info


def picked(rows: list[dict[str, Any]], *columns: str) -> list[tuple[Any, ...]]:
    """Some columns of rows as tuples."""
    return [tuple(row.get(column) for column in columns) for row in rows]


def notes(info: SourceInfo) -> dict[str, int]:
    """Notes with their counts."""
    return {note.text: note.count for note in info.notes}


def _present(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}
